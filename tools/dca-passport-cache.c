/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Chains that were fetched, kept by the URL they came from (ATIS-1000074: a
 * verifier caches, a day at least). A file that is old, damaged or of another
 * URL is fetched anew; none is ever trusted: what it holds is verified as if
 * it had just come.
 */
#include "dca-passport.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dca/os.h"

static void
file_of(char path[static 4096], const char *dir, const char *url)
{
	uint8_t sum[DCA_SHA256_LEN];
	char hex[2 * DCA_SHA256_LEN + 1];

	dca_sha256(sum, DCA_BUF(url, strlen(url)));
	dca_hex(hex, sum, sizeof(sum));
	dca_path(path, NULL, "%s/%s.pem", dir, hex);
}

/* "SHA-256 SECONDS URL" and a newline stand before the body. */
static void
head_line(struct dca_out *o, struct dca_buf body, int64_t until,
    const char *url)
{
	uint8_t sum[DCA_SHA256_LEN];
	char hex[2 * DCA_SHA256_LEN + 1];

	dca_sha256(sum, body);
	dca_hex(hex, sum, sizeof(sum));
	dca_out_printf(o, "%s %" PRId64 " %s\n", hex, until, url);
}

/* False: there is none to use. What stands in the file is made again of what
 * it says, and must be the same. */
static bool
read_kept(struct dca_out *chain, const char *path, const char *url,
    int64_t now)
{
	DCA_AUTO_OUT in = { 0 };
	DCA_AUTO_OUT line = { 0 };
	struct dca_buf body;
	const uint8_t *end;
	int64_t until;

	if (dca_file_read(&in, path, PASSPORT_CHAIN_MAX + PASSPORT_URI_MAX +
	    128, NULL) != DCA_OK || in.n <= 2 * (size_t)DCA_SHA256_LEN)
		return false;
	end = memchr(in.p, '\n', in.n);
	if (end == NULL)
		return false;
	until = strtoll((const char *)in.p + 2 * (size_t)DCA_SHA256_LEN, NULL,
	    10);
	body = DCA_BUF(end + 1, in.n - (size_t)(end + 1 - in.p));
	head_line(&line, body, until, url);
	if (until <= now || line.n != (size_t)(end + 1 - in.p) ||
	    memcmp(line.p, in.p, line.n) != 0)
		return false;
	dca_out_add(chain, body.p, body.n);
	return true;
}

static enum dca_rc
keep(const struct dca_out *chain, const char *dir, const char *path,
    const char *url, int64_t until, struct dca_err *e)
{
	DCA_AUTO_OUT o = { 0 };
	enum dca_rc rc = dca_file_mkdir(dir, 0700, e);

	head_line(&o, dca_out_buf(chain), until, url);
	dca_out_add(&o, chain->p, chain->n);
	return rc == DCA_OK ?
	    dca_file_write(path, dca_out_buf(&o), 0600, e) : rc;
}

enum dca_rc
passport_x5u_check(const char *url, struct dca_err *e)
{
	struct dca_err why = { 0 };

	return dca_fetch_check(url, &why) == DCA_OK ? DCA_OK :
	    dca_fail(e, DCA_RULE_PASSPORT_X5U, "%s", why.text);
}

enum dca_rc
passport_cache_get(struct dca_out *chain, bool *cached, const char *dir,
    const char *url, const char *tls_ca, int64_t now, struct dca_err *e)
{
	char path[4096] = "";
	int64_t seconds;
	enum dca_rc rc;

	*cached = false;
	if (dir != NULL) {
		file_of(path, dir, url);
		*cached = read_kept(chain, path, url, now);
	}
	if (*cached)
		return DCA_OK;
	rc = dca_fetch_aged(chain, &seconds, url, tls_ca, e);
	if (rc == DCA_OK && dir != NULL)
		rc = keep(chain, dir, path, url, now + seconds, e);
	return rc;
}
