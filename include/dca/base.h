/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The few things every room shares: result classes, the error that travels
 * with them, borrowed and growable byte strings, cleanup attributes.
 */
#ifndef DCA_BASE_H
#define DCA_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dca/problem.h"

#define DCA_CHECKED __attribute__((warn_unused_result))
#define DCA_PRINTF(f, a) __attribute__((format(printf, f, a)))

/* Limits of dca(7); octets unless said otherwise. */
enum {
	DCA_CSR_MAX = 16 * 1024,	 /* CSR body */
	DCA_TNAUTHLIST_MAX = 48 * 1024,	 /* TNAuthList that we issue */
	DCA_CROSS_MAX = 64 * 1024,	 /* cross-certificate */
	DCA_MESSAGE_MAX = 160 * 1024,	 /* message on a local socket */
	DCA_CERT_MAX = 512 * 1024,	 /* any certificate we read: 10,000
					  * ranges fit twice */
	DCA_ACT_MAX = 95 * 1024,	 /* signed operator act; with its
					  * peer it fits one message */
	DCA_SERIAL_LEN = 20,
	DCA_SHA256_LEN = 32,
	DCA_ID_MAX = 63,		 /* customer, operator, code ids */
};

/*
 * Why something did not happen. Written once, where the fact is known
 * (dca_fail); callers may put a prefix before the text, never replace it.
 * Never holds a secret. first: the first uncovered TNAuthList entry in text
 * form, or "". field: the input that is wrong ("line 7", "tnAuthList"), or "".
 */
struct dca_err {
	enum dca_rule rule;
	char text[320];
	char first[48];
	char field[48];
};

/*
 * Fill e (may be NULL) and return the class of the rule, so that
 * `return dca_fail(e, DCA_RULE_CSR_POP, "...")` is the one way to fail.
 */
enum dca_rc dca_fail(struct dca_err *e, enum dca_rule rule, const char *fmt,
    ...) DCA_PRINTF(3, 4);
/* Put "prefix: " before the text of e; returns the class of e's rule. */
enum dca_rc dca_fail_in(struct dca_err *e, const char *prefix);

/* Borrowed bytes: valid for the call that takes them. */
struct dca_buf {
	const uint8_t *p;
	size_t n;
};
#define DCA_BUF(ptr, len) ((struct dca_buf){ (const uint8_t *)(ptr), (len) })
bool dca_buf_eq(struct dca_buf a, struct dca_buf b);

/*
 * Growable bytes, owned. Zero-initialise; dca_out_free (NULL members ok)
 * gives them back, cleansed when secret was set. Running out of memory aborts.
 * After any add a NUL stands behind the octets (p[n], not counted).
 */
struct dca_out {
	uint8_t *p;
	size_t n;
	size_t cap;
	bool secret;
};
void dca_out_add(struct dca_out *o, const void *p, size_t n);
void dca_out_printf(struct dca_out *o, const char *fmt, ...) DCA_PRINTF(2, 3);
void dca_out_free(struct dca_out *o);
static inline struct dca_buf
dca_out_buf(const struct dca_out *o)
{
	return DCA_BUF(o->p, o->n);
}

/* malloc/realloc/strdup that abort when memory ends; dca_alloc zeroes. */
void *dca_alloc(size_t n);
void *dca_realloc(void *p, size_t n);
char *dca_strdup(const char *s);
/* Copy at most cap-1 octets of s and terminate; false when it was cut. */
bool dca_strlcpy(char *dst, const char *src, size_t cap);

/* Lower-case hex; out has 2n+1 octets. dca_unhex: false unless s is exactly
 * 2n hex digits. */
void dca_hex(char *out, const uint8_t *p, size_t n);
bool dca_unhex(uint8_t *out, size_t n, const char *s);
/* base64url without padding (RFC 4648 5); strict decoder: no padding, no
 * white space, no stray bits. */
void dca_b64url(struct dca_out *o, struct dca_buf in);
bool dca_unb64url(struct dca_out *o, const char *s, size_t n);

void dca_sha256(uint8_t out[static DCA_SHA256_LEN], struct dca_buf in);

/* RFC 3339 UTC ("2026-12-01T00:00:00Z") <-> seconds since the epoch.
 * Strict: this form only. out has at least DCA_TIME_TEXT octets. */
enum { DCA_TIME_TEXT = 24 };
void dca_time_format(char *out, int64_t t);
bool dca_time_parse(int64_t *t, const char *s);

/* DCA_AUTO(x_free_p) struct x *p = NULL; frees p when it leaves scope. */
#define DCA_CLEANUP(fn) __attribute__((cleanup(fn)))
void dca_out_cleanup(struct dca_out *o);
#define DCA_AUTO_OUT DCA_CLEANUP(dca_out_cleanup) struct dca_out
/* Define a cleanup function NAME_p for a free function that takes T *. */
#define DCA_DEFINE_CLEANUP(T, fn)                                              \
	static inline void fn##_p(T **p)                                       \
	{                                                                      \
		fn(*p);                                                        \
	}                                                                      \
	struct dca_cleanup_semicolon_##fn
void dca_free_p(void *pp);	/* for DCA_CLEANUP(dca_free_p) char *s */
#define dca_steal(pp)                                                          \
	({                                                                     \
		__auto_type dca_steal_v = *(pp);                               \
		*(pp) = NULL;                                                  \
		dca_steal_v;                                                   \
	})

#endif
