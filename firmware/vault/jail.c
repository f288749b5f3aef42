/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the configuration adds to the vault's jail: module, PIN, store and
 * sockets. Must never add a path that the configuration does not name.
 */
#include <stdlib.h>
#include <string.h>

#include "dca/jail.h"

#include "vault.h"

enum { PATH_CAP = 256, KEPT = 3 * DCA_JAIL_PATHS };

struct lists {
	struct dca_jail_paths paths;
	char kept[KEPT][PATH_CAP];
	size_t n;
};

static void
put(struct lists *l, const char *list[static DCA_JAIL_PATHS + 1],
    const char *path, size_t len)
{
	size_t at = 0;

	while (list[at] != NULL)
		at++;
	if (len == 0)
		return;
	if (at == DCA_JAIL_PATHS || l->n == KEPT || len >= PATH_CAP) {
		dca_log(DCA_ERR, "jail: too many paths or too long: %.*s",
		    (int)len, path);
		return;
	}
	memcpy(l->kept[l->n], path, len);
	list[at] = l->kept[l->n++];
}

/* Files that are replaced by renaming: their directory, not themselves. */
static void
put_parent(struct lists *l, const char *list[static DCA_JAIL_PATHS + 1],
    const char *path)
{
	const char *slash = strrchr(path, '/');

	if (slash == NULL)
		put(l, list, ".", 1);
	else
		put(l, list, path, slash == path ? 1 : (size_t)(slash - path));
}

static void
put_each(struct lists *l, const char *list[static DCA_JAIL_PATHS + 1],
    const char *paths)
{
	while (*paths != '\0') {
		size_t n = strcspn(paths, ":");

		put(l, list, paths, n);
		paths += n + (paths[n] == ':');
	}
}

void
vault_jail(const struct vault_config *c)
{
	struct lists *l = dca_alloc(sizeof(*l));
	const char *softhsm = getenv("SOFTHSM2_CONF");

	memset(l, 0, sizeof(*l));
	put_parent(l, l->paths.read, c->module);
	put_parent(l, l->paths.read, c->pin_file);
	put_each(l, l->paths.read, c->read);
	if (softhsm != NULL)
		put(l, l->paths.read, softhsm, strlen(softhsm));
	put_parent(l, l->paths.write, c->store);
	put_each(l, l->paths.write, c->paths);
	put_parent(l, l->paths.remove, c->front_socket);
	put_parent(l, l->paths.remove, c->publisher_socket);
	put_parent(l, l->paths.remove, c->admin_socket);
	put_parent(l, l->paths.remove, c->upstream_socket);
	put_parent(l, l->paths.remove, c->board_socket);
	l->paths.clock = c->clock_trust == VAULT_CLOCK_KERNEL;
	dca_jail_enter(c->jail == VAULT_TOKEN_NETWORK ?
	    DCA_JAIL_VAULT_NETWORK : DCA_JAIL_VAULT_LOCAL, &l->paths);
	free(l);
}
