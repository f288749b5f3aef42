/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whole files, read with a limit and replaced atomically and durably. Never
 * leaves a half-written file under a final name.
 */
#include "dca/os.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void
close_fd(int *fd)
{
	if (*fd > STDERR_FILENO)
		close(*fd);
}
#define AUTO_FD DCA_CLEANUP(close_fd) int

static enum dca_rc
trouble(struct dca_err *e, const char *path, const char *what)
{
	return dca_fail(e, DCA_RULE_IO, "%s: %s: %s", path, what,
	    strerror(errno));
}

enum dca_rc
dca_file_read(struct dca_out *o, const char *path, size_t max,
    struct dca_err *e)
{
	bool in = strcmp(path, "-") == 0;
	AUTO_FD fd = in ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
	size_t got = 0;

	if (fd < 0)
		return trouble(e, path, "cannot open");
	for (;;) {
		uint8_t buf[16384];
		ssize_t n = read(fd, buf, sizeof(buf));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return trouble(e, path, "cannot read");
		if (n == 0)
			return DCA_OK;
		got += (size_t)n;
		if (got > max)
			return dca_fail(e, DCA_RULE_IO,
			    "%s: longer than %zu octets", path, max);
		dca_out_add(o, buf, (size_t)n);
		if (o->secret)
			explicit_bzero(buf, sizeof(buf));
	}
}

static bool
write_all(int fd, struct dca_buf data)
{
	while (data.n > 0) {
		ssize_t n = write(fd, data.p, data.n);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return false;
		data.p += n;
		data.n -= (size_t)n;
	}
	return true;
}

/* The rename is durable when the directory is. */
static bool
sync_parent(const char *path)
{
	char dir[PATH_MAX];
	char *slash;

	if (!dca_strlcpy(dir, path, sizeof(dir)))
		return false;
	slash = strrchr(dir, '/');
	if (slash == NULL)
		dca_strlcpy(dir, ".", sizeof(dir));
	else
		slash[slash == dir] = '\0';

	AUTO_FD fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd >= 0 && fsync(fd) == 0;
}

static enum dca_rc
write_temporary(const char *path, int fd, struct dca_buf data, mode_t mode,
    struct dca_err *e)
{
	/* not subject to the umask */
	if (fchmod(fd, mode) != 0)
		return trouble(e, path, "cannot set the mode");
	if (!write_all(fd, data) || fsync(fd) != 0)
		return trouble(e, path, "cannot write");
	return DCA_OK;
}

enum dca_rc
dca_file_write(const char *path, struct dca_buf data, mode_t mode,
    struct dca_err *e)
{
	char tmp[PATH_MAX];
	enum dca_rc rc;

	if (snprintf(tmp, sizeof(tmp), "%s.XXXXXX", path) >= (int)sizeof(tmp))
		return dca_fail(e, DCA_RULE_IO, "%s: path too long", path);

	AUTO_FD fd = mkostemp(tmp, O_CLOEXEC);

	if (fd < 0)
		return trouble(e, path, "cannot make a temporary file beside it");
	rc = write_temporary(path, fd, data, mode, e);
	if (rc == DCA_OK && rename(tmp, path) != 0)
		rc = trouble(e, path, "cannot rename into place");
	if (rc != DCA_OK) {
		unlink(tmp);
		return rc;
	}
	if (!sync_parent(path))
		return trouble(e, path, "cannot sync the directory");
	return DCA_OK;
}

static enum dca_rc
make_one(const char *path, mode_t mode, struct dca_err *e)
{
	struct stat st;

	if (mkdir(path, mode) == 0) {
		/* the umask may have taken bits away */
		if (chmod(path, mode) != 0)
			return trouble(e, path, "cannot set the mode");
		return DCA_OK;
	}
	if (errno != EEXIST)
		return trouble(e, path, "cannot make the directory");
	if (stat(path, &st) != 0)
		return trouble(e, path, "cannot look at");
	if (!S_ISDIR(st.st_mode))
		return dca_fail(e, DCA_RULE_IO, "%s: is not a directory", path);
	return DCA_OK;
}

enum dca_rc
dca_file_mkdir(const char *path, mode_t mode, struct dca_err *e)
{
	char part[PATH_MAX];
	enum dca_rc rc;

	if (path[0] == '\0' || !dca_strlcpy(part, path, sizeof(part)))
		return dca_fail(e, DCA_RULE_IO,
		    "directory name empty or too long");
	for (char *p = part + 1; *p != '\0'; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		rc = make_one(part, mode, e);
		if (rc != DCA_OK)
			return rc;
		*p = '/';
	}
	return make_one(part, mode, e);
}

void
dca_path(char out[static 4096], const char *prefix, const char *fmt, ...)
{
	int n = snprintf(out, 4096, "%s", prefix == NULL ? "" : prefix);
	int m;
	va_list ap;

	if (n < 0 || n >= 4096)
		abort();
	va_start(ap, fmt);
	m = vsnprintf(out + n, (size_t)(4096 - n), fmt, ap);
	va_end(ap);
	if (m < 0 || m >= 4096 - n)
		abort();
}
