/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The PIN: read from its file when a login needs it, wiped after. It never
 * goes through stdio (whose buffers nobody wipes), a log, or an error text.
 */
#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "room.h"

/* One page: more than any PIN, and what mmap gives at the least. */
enum { PIN_PAGE = 4096 };

static void
close_p(const int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
}

/*
 * Nobody but the owner. One exception: root:root 0440, which is how a systemd
 * credential of a service user looks (an ACL entry for that user shows as the
 * group bits).
 */
static enum dca_rc
check_mode(const struct stat *st, const char *path, struct dca_err *e)
{
	mode_t forbidden = st->st_uid == 0 && st->st_gid == 0 ? 037 : 077;

	if (!S_ISREG(st->st_mode))
		return dca_fail(e, DCA_RULE_TOKEN_PIN,
		    "PIN file %s is not a regular file", path);
	if (st->st_mode & forbidden)
		return dca_fail(e, DCA_RULE_TOKEN_PIN,
		    "PIN file %s is open to others (mode %04o): chmod 600 it, "
		    "and think of changing the PIN", path,
		    (unsigned)(st->st_mode & 07777));
	if (st->st_size > DCA_PIN_MAX + 1)
		return dca_fail(e, DCA_RULE_TOKEN_PIN,
		    "PIN file %s is longer than %d octets", path, DCA_PIN_MAX);
	return DCA_OK;
}

static void
page_new(struct dca_pin *pin)
{
	pin->p = mmap(NULL, PIN_PAGE, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (pin->p == MAP_FAILED)
		abort();
	(void)madvise(pin->p, PIN_PAGE, MADV_DONTDUMP);
	/* Best effort: RLIMIT_MEMLOCK may be 0. */
	(void)mlock(pin->p, PIN_PAGE);
}

static enum dca_rc
fill(struct dca_pin *pin, int fd, const char *path, struct dca_err *e)
{
	ssize_t got;

	while ((got = read(fd, pin->p + pin->n, DCA_PIN_MAX + 2 - pin->n)) > 0)
		pin->n += (size_t)got;
	if (got < 0)
		return dca_fail(e, DCA_RULE_TOKEN_PIN, "PIN file %s: %s", path,
		    strerror(errno));
	if (pin->n > 0 && pin->p[pin->n - 1] == '\n')
		pin->p[--pin->n] = '\0';
	if (pin->n == 0)
		return dca_fail(e, DCA_RULE_TOKEN_PIN, "PIN file %s is empty",
		    path);
	/* A second line, or a zero octet, is a wrong file: libp11 would cut
	 * the PIN there and spend a try. */
	if (pin->n > DCA_PIN_MAX || memchr(pin->p, '\n', pin->n) != NULL ||
	    memchr(pin->p, '\0', pin->n) != NULL)
		return dca_fail(e, DCA_RULE_TOKEN_PIN,
		    "PIN file %s does not hold one line of at most %d octets",
		    path, DCA_PIN_MAX);
	return DCA_OK;
}

enum dca_rc
dca_pin_read(struct dca_pin *pin, const char *path, struct dca_err *e)
{
	DCA_CLEANUP(close_p) int fd = -1;
	enum dca_rc rc;

	memset(pin, 0, sizeof(*pin));
	if (path == NULL || path[0] == '\0')
		return dca_fail(e, DCA_RULE_TOKEN_PIN, "no PIN file is named");
	/* O_NONBLOCK: a FIFO must not hang us before check_mode refuses it. */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &pin->st) != 0)
		return dca_fail(e, DCA_RULE_TOKEN_PIN, "PIN file %s: %s", path,
		    strerror(errno));
	rc = check_mode(&pin->st, path, e);
	if (rc != DCA_OK)
		return rc;
	page_new(pin);
	rc = fill(pin, fd, path, e);
	if (rc != DCA_OK)
		dca_pin_wipe(pin);
	return rc;
}

void
dca_pin_wipe(struct dca_pin *pin)
{
	if (pin->p == NULL)
		return;
	OPENSSL_cleanse(pin->p, PIN_PAGE);
	(void)munmap(pin->p, PIN_PAGE);
	pin->p = NULL;
	pin->n = 0;
}

/*
 * The one thing this room remembers beyond a dca_hsm. The vault closes and
 * opens the token again and again while it is down; with a wrong PIN in the
 * file each opening would spend a try until the token locks. So a file that
 * was refused is not tried again until it changes (or the process restarts).
 * Only the file's identity is kept, nothing made from the PIN.
 */
static pthread_mutex_t refused_lock = PTHREAD_MUTEX_INITIALIZER;
static struct {
	bool set;
	struct stat st;
	char serial[17];
} refused;

bool
dca_pin_was_refused(const struct stat *st, const char *serial)
{
	bool was;

	(void)pthread_mutex_lock(&refused_lock);
	was = refused.set && strcmp(refused.serial, serial) == 0 &&
	    refused.st.st_dev == st->st_dev &&
	    refused.st.st_ino == st->st_ino &&
	    refused.st.st_size == st->st_size &&
	    refused.st.st_mtim.tv_sec == st->st_mtim.tv_sec &&
	    refused.st.st_mtim.tv_nsec == st->st_mtim.tv_nsec &&
	    refused.st.st_ctim.tv_sec == st->st_ctim.tv_sec &&
	    refused.st.st_ctim.tv_nsec == st->st_ctim.tv_nsec;
	(void)pthread_mutex_unlock(&refused_lock);
	return was;
}

void
dca_pin_refused(const struct stat *st, const char *serial)
{
	(void)pthread_mutex_lock(&refused_lock);
	refused.set = true;
	refused.st = *st;
	(void)dca_strlcpy(refused.serial, serial, sizeof(refused.serial));
	(void)pthread_mutex_unlock(&refused_lock);
}

void
dca_hsm_pin_forget(void)
{
	(void)pthread_mutex_lock(&refused_lock);
	refused.set = false;
	(void)pthread_mutex_unlock(&refused_lock);
}
