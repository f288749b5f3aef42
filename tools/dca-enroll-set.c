/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which key and certificate are in use. A pair is made in a directory of its
 * own and comes into use by one rename of a symbolic link, so the names that
 * others read are there, and belong together, at every instant and after
 * every power cut. Must never change a file of the set that is in use.
 */
#include "enroll.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const names[] = { "key.pem", "cert.pem", "chain.pem",
	"x5u" };
enum { NAMES = sizeof(names) / sizeof(*names), FILE_MAX = 1 << 20,
	TARGET_MAX = 64 };

static enum dca_rc
trouble(struct dca_err *e, const char *path)
{
	return dca_fail(e, DCA_RULE_IO, "%s: %s", path, strerror(errno));
}

void
enroll_path(const struct enroll *n, char out[static 4096], const char *name)
{
	dca_path(out, NULL, "%s/%s", n->dir, name);
}

enum dca_rc
enroll_lock(const struct enroll *n, bool make, int *fd, struct dca_err *e)
{
	enum dca_rc rc = make ? dca_file_mkdir(n->dir, 0700, e) : DCA_OK;

	*fd = -1;
	if (rc != DCA_OK)
		return rc;
	*fd = open(n->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (*fd < 0)
		return trouble(e, n->dir);
	if (flock(*fd, LOCK_EX | LOCK_NB) == 0)
		return DCA_OK;
	rc = errno == EWOULDBLOCK
	    ? dca_fail(e, DCA_RULE_IO,
		  "%s: another dca-enroll is at work there", n->dir)
	    : trouble(e, n->dir);
	enroll_unlock(fd);
	return rc;
}

void
enroll_unlock(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static enum dca_rc
sync_directory(const char *path, struct dca_err *e)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool ok = fd >= 0 && fsync(fd) == 0;
	enum dca_rc rc = ok ? DCA_OK : trouble(e, path);

	if (fd >= 0)
		close(fd);
	return rc;
}

/* The target of a link in the directory; false when it is none. */
static bool
target_of(const struct enroll *n, const char *name, char to[static TARGET_MAX])
{
	char path[4096];
	ssize_t k;

	enroll_path(n, path, name);
	k = readlink(path, to, TARGET_MAX - 1);
	if (k <= 0)
		return false;
	to[k] = '\0';
	return true;
}

/* name -> to, in place of what was there. */
static enum dca_rc
point(const struct enroll *n, const char *name, const char *to,
    struct dca_err *e)
{
	char path[4096], tmp[4096], was[TARGET_MAX];

	if (target_of(n, name, was) && strcmp(was, to) == 0)
		return DCA_OK;
	enroll_path(n, path, name);
	enroll_path(n, tmp, ".link");
	if (unlink(tmp) != 0 && errno != ENOENT)
		return trouble(e, tmp);
	if (symlink(to, tmp) != 0 || rename(tmp, path) != 0)
		return trouble(e, path);
	return DCA_OK;
}

static enum dca_rc
point_names(const struct enroll *n, struct dca_err *e)
{
	char to[TARGET_MAX];
	enum dca_rc rc = DCA_OK;
	size_t i;

	for (i = 0; i < NAMES && rc == DCA_OK; i++) {
		snprintf(to, sizeof(to), "current/%s", names[i]);
		rc = point(n, names[i], to, e);
	}
	return rc == DCA_OK ? sync_directory(n->dir, e) : rc;
}

enum dca_rc
enroll_stage(const struct enroll *n, struct dca_err *e)
{
	char path[4096];
	enum dca_rc rc;

	enroll_path(n, path, "next/.");
	if (access(path, F_OK) == 0)
		return DCA_OK;
	enroll_path(n, path, "sets");
	rc = dca_file_mkdir(path, 0700, e);
	if (rc != DCA_OK)
		return rc;
	enroll_path(n, path, "sets/XXXXXX");
	if (!mkdtemp(path))
		return trouble(e, path);
	rc = point(n, "next", path + strlen(n->dir) + 1, e);
	return rc == DCA_OK ? sync_directory(n->dir, e) : rc;
}

enum dca_rc
enroll_unstage(const struct enroll *n, struct dca_err *e)
{
	char path[4096];

	enroll_path(n, path, "next");
	if (unlink(path) != 0 && errno != ENOENT)
		return trouble(e, path);
	return DCA_OK;
}

/* One of our names, or a temporary one beside it that a kill has left. */
static bool
is_ours(const char *name)
{
	size_t i, k;

	for (i = 0; i < NAMES; i++) {
		k = strlen(names[i]);
		if (strncmp(name, names[i], k) == 0 &&
		    (name[k] == '\0' || name[k] == '.'))
			return true;
	}
	return strncmp(name, "csr.der", 7) == 0;
}

/* A set that no link names: its files, then itself. With anything else in it,
 * it stays. */
static void
remove_set(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *d;

	while (dir && (d = readdir(dir)))
		if (is_ours(d->d_name))
			(void)unlinkat(dirfd(dir), d->d_name, 0);
	if (dir)
		closedir(dir);
	(void)rmdir(path);
}

/* Tidying may fail: the next swap does it. */
static void
remove_unused(const struct enroll *n)
{
	static const char *const used[] = { "current", "previous", "next" };
	char path[4096], sets[4096], to[TARGET_MAX];
	struct dirent *d;
	DIR *dir;
	size_t i;

	enroll_path(n, sets, "sets");
	dir = opendir(sets);
	if (!dir)
		return;
	while ((d = readdir(dir))) {
		if (d->d_name[0] == '.')
			continue;
		for (i = 0; i < 3; i++)
			if (target_of(n, used[i], to) &&
			    strcmp(to + strcspn(to, "/") + 1, d->d_name) == 0)
				break;
		if (i < 3)
			continue;
		dca_path(path, sets, "/%s", d->d_name);
		remove_set(path);
	}
	closedir(dir);
}

/* A directory of plain files, made otherwise: they become the first set. */
static enum dca_rc
adopt(const struct enroll *n, struct dca_err *e)
{
	char from[4096], to[4096], rel[64];
	enum dca_rc rc = enroll_unstage(n, e);
	size_t i;

	if (rc == DCA_OK)
		rc = enroll_stage(n, e);
	for (i = 0; i < NAMES && rc == DCA_OK; i++) {
		DCA_AUTO_OUT data = { .secret = true };

		enroll_path(n, from, names[i]);
		snprintf(rel, sizeof(rel), "next/%s", names[i]);
		enroll_path(n, to, rel);
		if (i >= 2 && access(from, F_OK) != 0)
			continue;	/* chain and x5u may be missing */
		rc = dca_file_read(&data, from, FILE_MAX, e);
		if (rc == DCA_OK)
			rc = dca_file_write(to, dca_out_buf(&data),
			    i == 0 ? 0600 : 0644, e);
	}
	if (rc != DCA_OK)
		return rc;
	enroll_path(n, from, "next");
	enroll_path(n, to, "current");
	if (rename(from, to) != 0)
		return trouble(e, to);
	return point_names(n, e);
}

enum dca_rc
enroll_swap(const struct enroll *n, struct dca_err *e)
{
	char next[4096], current[4096], old[TARGET_MAX];
	enum dca_rc rc = DCA_OK;

	if (target_of(n, "current", old))
		rc = point(n, "previous", old, e);
	if (rc != DCA_OK)
		return rc;
	enroll_path(n, next, "next");
	enroll_path(n, current, "current");
	if (rename(next, current) != 0)
		return trouble(e, current);
	rc = point_names(n, e);
	if (rc != DCA_OK)
		return rc;
	enroll_path(n, next, "current/csr.der");
	(void)unlink(next);
	remove_unused(n);
	return DCA_OK;
}

static enum dca_rc
load_server(struct enroll *n, struct dca_err *e)
{
	DCA_AUTO_OUT line = { 0 };
	char path[4096];
	enum dca_rc rc;

	enroll_path(n, path, "server");
	rc = dca_file_read(&line, path, 4096, e);
	if (rc != DCA_OK)
		return rc;
	dca_out_add(&line, "", 1);
	rc = dca_server_parse(&n->packet, (const char *)line.p, e);
	return rc == DCA_OK ? DCA_OK : dca_fail_in(e, path);
}

enum dca_rc
enroll_keep_server(const struct enroll *n, struct dca_err *e)
{
	DCA_AUTO_OUT line = { 0 };
	char path[4096];

	dca_server_print(&line, &n->packet);
	dca_out_add(&line, "\n", 1);
	enroll_path(n, path, "server");
	return dca_file_write(path, dca_out_buf(&line), 0644, e);
}

static enum dca_rc
load_old(struct enroll *n, struct dca_err *e)
{
	struct dca_certs certs = { 0 };
	DCA_AUTO_OUT pem = { 0 };
	char path[4096];
	enum dca_rc rc;

	enroll_path(n, path, "current/cert.pem");
	rc = dca_file_read(&pem, path, FILE_MAX, e);
	if (rc == DCA_OK)
		rc = dca_certs_parse(&certs, dca_out_buf(&pem), 1, e);
	if (rc == DCA_OK)
		rc = dca_cert_parse(&n->old, dca_out_buf(&certs.v[0].der), e);
	dca_certs_clear(&certs);
	if (rc == DCA_OK)
		rc = dca_cert_read(&n->client, path, e);
	enroll_path(n, path, "current/key.pem");
	if (rc == DCA_OK)
		rc = dca_key_read(&n->client_key, path, e);
	return rc;
}

enum dca_rc
enroll_load(struct enroll *n, struct dca_err *e)
{
	char path[4096], to[TARGET_MAX];
	struct dca_spki spki;
	enum dca_rc rc = DCA_OK;

	enroll_path(n, path, "cert.pem");
	if (!target_of(n, "current", to)) {
		if (access(path, F_OK) != 0)
			return dca_fail(e, DCA_RULE_INPUT,
			    "%s: no certificate there: enrol first", n->dir);
		rc = adopt(n, e);
	} else {
		/* a power cut may have come between rename and these */
		rc = point_names(n, e);
	}
	if (rc == DCA_OK)
		rc = load_server(n, e);
	if (rc == DCA_OK)
		rc = load_old(n, e);
	if (rc == DCA_OK)
		rc = dca_spki_from_pkey(&spki, n->client_key, e);
	if (rc != DCA_OK)
		return rc;
	n->renewal = true;
	if (!n->old.p256 ||
	    memcmp(n->old.key.der, spki.der, DCA_SPKI_LEN) != 0)
		return dca_fail(e, DCA_RULE_INPUT,
		    "%s: key.pem is not the key of cert.pem", n->dir);
	return DCA_OK;
}
