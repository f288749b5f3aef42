/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ACME account: its key in state/account.key, its URL in account.json.
 * A key that was used is never replaced by a new one because a file is
 * missing: the account, and the tokens for it, hang on it.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include "upstream.h"

enum { FILE_MAX = 16 * 1024 };

static void
path_of(char out[static 4096], const char *state, const char *name)
{
	dca_path(out, NULL, "%s/%s", state, name);
}

static enum dca_rc
read_key(EVP_PKEY **out, const char *path, struct dca_err *e)
{
	DCA_AUTO_OUT pem = { .secret = true };
	enum dca_rc rc = dca_file_read(&pem, path, FILE_MAX, e);
	BIO *bio;

	if (rc != DCA_OK)
		return rc;
	bio = BIO_new_mem_buf(pem.p, (int)pem.n);
	*out = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
	BIO_free(bio);
	ERR_clear_error();
	if (*out == NULL)
		return dca_fail(e, DCA_RULE_CONFIG,
		    "%s holds no private key", path);
	return DCA_OK;
}

static enum dca_rc
write_key(const char *path, EVP_PKEY *key, struct dca_err *e)
{
	DCA_AUTO_OUT pem = { .secret = true };
	BIO *bio = BIO_new(BIO_s_mem());
	char *p;
	long n;

	if (bio == NULL || PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL,
	    0, NULL, NULL) != 1)
		abort();
	n = BIO_get_mem_data(bio, &p);
	dca_out_add(&pem, p, (size_t)n);
	BIO_free(bio);
	return dca_file_write(path, dca_out_buf(&pem), 0600, e);
}

static enum dca_rc
read_facts(struct account *a, const char *path, struct dca_err *e)
{
	DCA_AUTO_OUT in = { 0 };
	JOSE_AUTO *o = NULL;
	const json_t *seq;
	enum dca_rc rc = dca_file_read(&in, path, FILE_MAX, e);

	if (rc == DCA_OK)
		rc = jose_json(&o, dca_out_buf(&in), path, e);
	if (rc != DCA_OK)
		return rc;
	(void)dca_strlcpy(a->url, json_is_string(json_object_get(o, "url")) ?
	    json_string_value(json_object_get(o, "url")) : "",
	    sizeof(a->url));
	seq = json_object_get(o, "sequence");
	if (json_is_integer(seq) && json_integer_value(seq) > 0)
		a->sequence = (uint64_t)json_integer_value(seq);
	return DCA_OK;
}

enum dca_rc
account_save(const struct account *a, const char *state, struct dca_err *e)
{
	JOSE_AUTO *o = json_pack("{s:s,s:I}", "url", a->url, "sequence",
	    (json_int_t)a->sequence);
	DCA_CLEANUP(dca_free_p) char *text = json_dumps(o, JSON_COMPACT);
	char path[4096];

	path_of(path, state, "account.json");
	return dca_file_write(path, DCA_BUF(text, strlen(text)), 0600, e);
}

static enum dca_rc
first_key(struct account *a, const char *path, struct dca_err *e)
{
	a->key = EVP_EC_gen("P-256");
	if (a->key == NULL)
		abort();
	return write_key(path, a->key, e);
}

enum dca_rc
account_open(struct account *a, const char *state, struct dca_err *e)
{
	char key[4096], facts[4096];
	enum dca_rc rc;
	bool known;

	memset(a, 0, sizeof(*a));
	path_of(key, state, "account.key");
	path_of(facts, state, "account.json");
	if ((rc = dca_file_mkdir(state, 0700, e)))
		return rc;
	known = access(facts, F_OK) == 0;
	if (known && (rc = read_facts(a, facts, e)))
		return rc;
	if (access(key, F_OK) == 0)
		rc = read_key(&a->key, key, e);
	else if (known)
		rc = dca_fail(e, DCA_RULE_CONFIG, "%s is missing, and %s says "
		    "that there was an account: bring the key back, or remove "
		    "both to begin with a new account", key, facts);
	else
		rc = first_key(a, key, e);
	return rc ? rc : dca_spki_from_pkey(&a->public, a->key, e);
}

enum dca_rc
account_next_key(const char *state, EVP_PKEY **key, struct dca_err *e)
{
	char path[4096];

	path_of(path, state, "account.next.key");
	if (access(path, F_OK) == 0)	/* a change that was cut off */
		return read_key(key, path, e);
	*key = EVP_EC_gen("P-256");
	if (*key == NULL)
		abort();
	return write_key(path, *key, e);
}

bool
account_was_changing(const char *state)
{
	char path[4096];

	path_of(path, state, "account.next.key");
	return access(path, F_OK) == 0;
}

enum dca_rc
account_take_next(struct account *a, const char *state, EVP_PKEY *key,
    struct dca_err *e)
{
	char next[4096], now[4096];

	path_of(next, state, "account.next.key");
	path_of(now, state, "account.key");
	if (rename(next, now) != 0)
		return dca_fail(e, DCA_RULE_IO, "%s: %s", now,
		    strerror(errno));
	EVP_PKEY_up_ref(key);
	EVP_PKEY_free(a->key);
	a->key = key;
	return dca_spki_from_pkey(&a->public, key, e);
}

void
account_close(struct account *a)
{
	EVP_PKEY_free(a->key);
	a->key = NULL;
}
