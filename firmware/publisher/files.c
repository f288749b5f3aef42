/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The directory of published chains. A file appears complete and durable or
 * not at all, and never changes afterwards: link(2), which does not replace,
 * instead of rename(2). One syncfs and one fsync serve a whole batch.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "publisher.h"

#define TEMPORARY ".new-"

struct files {
	int dir;
	char path[4096];
};

static void
close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}
#define AUTO_FD DCA_CLEANUP(close_fd) int

static enum dca_rc
trouble(const struct files *f, const char *name, const char *what,
    struct dca_err *e)
{
	return dca_fail(e, DCA_RULE_IO, "%s/%s: %s: %s", f->path, name, what,
	    strerror(errno));
}

/* What a crash left behind. */
static void
sweep(const struct files *f)
{
	DIR *d = fdopendir(openat(f->dir, ".", O_RDONLY | O_DIRECTORY));
	const struct dirent *entry;

	if (d == NULL)
		return;
	while ((entry = readdir(d)) != NULL) {
		if (strncmp(entry->d_name, TEMPORARY, strlen(TEMPORARY)) == 0)
			unlinkat(f->dir, entry->d_name, 0);
	}
	closedir(d);
}

enum dca_rc
files_open(struct files **out, const char *directory, struct dca_err *e)
{
	struct files *f;
	enum dca_rc rc = dca_file_mkdir(directory, 0755, e);

	if (rc != DCA_OK)
		return rc;
	f = dca_alloc(sizeof(*f));
	f->dir = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	dca_strlcpy(f->path, directory, sizeof(f->path));
	if (f->dir < 0) {
		rc = trouble(f, "", "cannot open", e);
		free(f);
		return rc;
	}
	sweep(f);
	*out = f;
	return DCA_OK;
}

void
files_close(struct files *f)
{
	if (f == NULL)
		return;
	close(f->dir);
	free(f);
}

/* Is the file there with exactly this content? NOTFOUND, or IO when another
 * content has the name. */
static enum dca_rc
compare(const struct files *f, const struct job *j, struct dca_err *e)
{
	AUTO_FD fd = openat(f->dir, j->name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	DCA_CLEANUP(dca_free_p) uint8_t *got = NULL;
	size_t n = 0;

	if (fd < 0 && errno == ENOENT)
		return DCA_NOTFOUND;
	if (fd < 0)
		return trouble(f, j->name, "cannot open", e);
	got = dca_alloc(j->pem.n + 1);
	while (n < j->pem.n + 1) {
		ssize_t k = read(fd, got + n, j->pem.n + 1 - n);

		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0)
			return trouble(f, j->name, "cannot read", e);
		if (k == 0)
			break;
		n += (size_t)k;
	}
	if (!dca_buf_eq(DCA_BUF(got, n), dca_out_buf(&j->pem)))
		return dca_fail(e, DCA_RULE_IO,
		    "%s/%s: exists with another content; x5u is cached, so it "
		    "is not replaced", f->path, j->name);
	return DCA_OK;
}

static void
temporary(char out[static NAME_LEN + 8], const struct job *j)
{
	snprintf(out, NAME_LEN + 8, TEMPORARY "%s", j->name);
}

static enum dca_rc
stage(const struct files *f, const struct job *j, struct dca_err *e)
{
	char name[NAME_LEN + 8];
	struct dca_buf left = dca_out_buf(&j->pem);

	temporary(name, j);

	AUTO_FD fd = openat(f->dir, name,
	    O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);

	/* the web server is another user; the umask is not */
	if (fd < 0 || fchmod(fd, 0644) != 0)
		return trouble(f, name, "cannot make", e);
	while (left.n > 0) {
		ssize_t k = write(fd, left.p, left.n);

		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0)
			return trouble(f, name, "cannot write", e);
		left.p += k;
		left.n -= (size_t)k;
	}
	return DCA_OK;
}

static void
show(const struct files *f, struct job *j)
{
	char name[NAME_LEN + 8];

	temporary(name, j);
	/* EEXIST: somebody was faster; the same content is as good */
	if (linkat(f->dir, name, f->dir, j->name, 0) != 0 &&
	    (errno != EEXIST || compare(f, j, &j->err) != DCA_OK) &&
	    j->err.rule == DCA_RULE_NONE)
		trouble(f, j->name, "cannot link", &j->err);
	unlinkat(f->dir, name, 0);
}

void
files_write(struct files *f, struct job **batch, size_t n)
{
	struct job **staged = dca_alloc((n + 1) * sizeof(struct job *));
	size_t k = 0;

	for (size_t i = 0; i < n; i++) {
		struct job *j = batch[i];
		enum dca_rc rc = compare(f, j, &j->err);

		if (rc == DCA_NOTFOUND)
			rc = stage(f, j, &j->err);
		else if (rc == DCA_OK)
			continue;	/* there already */
		if (rc == DCA_OK)
			staged[k++] = j;
	}
	if (k > 0 && syncfs(f->dir) != 0) {
		for (size_t i = 0; i < k; i++)
			trouble(f, staged[i]->name, "cannot sync",
			    &staged[i]->err);
		k = 0;
	}
	for (size_t i = 0; i < k; i++)
		show(f, staged[i]);
	if (k > 0 && fsync(f->dir) != 0) {
		for (size_t i = 0; i < k; i++)
			trouble(f, staged[i]->name, "cannot sync",
			    &staged[i]->err);
	}
	free(staged);
}
