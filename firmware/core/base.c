/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Errors, byte strings, hex, base64url, SHA-256 and times for every room.
 * Must never read a clock, a file or the locale, and never hold state beyond
 * the one immutable digest handle.
 */
#include "dca/base.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

/*
 * Texts end in logs, terminals and CBOR: no control characters (log
 * injection), no half UTF-8 character where the buffer ended.
 */
static void
clean(char *s, bool cut)
{
	size_t n = strlen(s);

	while (cut && n > 0 && ((unsigned char)s[n - 1] & 0xc0) == 0x80)
		s[--n] = '\0';
	if (cut && n > 0 && (unsigned char)s[n - 1] >= 0xc0)
		s[n - 1] = '\0';
	for (; *s != '\0'; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			*s = '?';
}

enum dca_rc
dca_fail(struct dca_err *e, enum dca_rule rule, const char *fmt, ...)
{
	va_list ap;
	int n;

	if (e != NULL) {
		memset(e, 0, sizeof(*e));
		e->rule = rule;
		va_start(ap, fmt);
		n = vsnprintf(e->text, sizeof(e->text), fmt, ap);
		va_end(ap);
		clean(e->text, n >= (int)sizeof(e->text));
	}
	return dca_problem(rule)->rc;
}

enum dca_rc
dca_fail_in(struct dca_err *e, const char *prefix)
{
	struct dca_err was;
	int n;

	if (e == NULL)
		return DCA_INTERNAL;
	was = *e;
	n = snprintf(e->text, sizeof(e->text), "%s: %s", prefix, was.text);
	clean(e->text, n >= (int)sizeof(e->text));
	return dca_problem(e->rule)->rc;
}

bool
dca_buf_eq(struct dca_buf a, struct dca_buf b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

void *
dca_alloc(size_t n)
{
	void *p = calloc(1, n == 0 ? 1 : n);

	if (p == NULL)
		abort();
	return p;
}

void *
dca_realloc(void *p, size_t n)
{
	void *q = realloc(p, n == 0 ? 1 : n);

	if (q == NULL)
		abort();
	return q;
}

char *
dca_strdup(const char *s)
{
	size_t n = strlen(s) + 1;

	return memcpy(dca_alloc(n), s, n);
}

bool
dca_strlcpy(char *dst, const char *src, size_t cap)
{
	size_t n = strnlen(src, cap);

	if (cap == 0)
		return false;
	if (n < cap) {
		memcpy(dst, src, n + 1);
		return true;
	}
	memcpy(dst, src, cap - 1);
	dst[cap - 1] = '\0';
	return false;
}

/* Room for n more octets and a NUL behind them. */
static void
reserve(struct dca_out *o, size_t n)
{
	size_t cap = o->cap;
	uint8_t *p;

	if (n >= SIZE_MAX / 2 - o->n)
		abort();
	if (o->n + n < cap)
		return;
	if (cap < 64)
		cap = 64;
	while (cap <= o->n + n)
		cap *= 2;
	if (o->secret) {
		/* realloc would leave a copy behind */
		p = dca_alloc(cap);
		if (o->n > 0)
			memcpy(p, o->p, o->n);
		OPENSSL_cleanse(o->p, o->cap);
		free(o->p);
	} else {
		p = dca_realloc(o->p, cap);
	}
	o->p = p;
	o->cap = cap;
}

void
dca_out_add(struct dca_out *o, const void *p, size_t n)
{
	reserve(o, n);
	if (n > 0)
		memcpy(o->p + o->n, p, n);
	o->n += n;
	o->p[o->n] = '\0';
}

void
dca_out_printf(struct dca_out *o, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0)
		abort();
	reserve(o, (size_t)n);
	va_start(ap, fmt);
	if (vsnprintf((char *)o->p + o->n, (size_t)n + 1, fmt, ap) != n)
		abort();
	va_end(ap);
	o->n += (size_t)n;
}

void
dca_out_free(struct dca_out *o)
{
	if (o == NULL)
		return;
	if (o->secret && o->p != NULL)
		OPENSSL_cleanse(o->p, o->cap);
	free(o->p);
	o->p = NULL;
	o->n = o->cap = 0;
}

void
dca_out_cleanup(struct dca_out *o)
{
	dca_out_free(o);
}

void
dca_free_p(void *pp)
{
	void *p;

	memcpy(&p, pp, sizeof(p));
	free(p);
}

void
dca_hex(char *out, const uint8_t *p, size_t n)
{
	static const char digit[] = "0123456789abcdef";
	size_t i;

	for (i = 0; i < n; i++) {
		out[2 * i] = digit[p[i] >> 4];
		out[2 * i + 1] = digit[p[i] & 15];
	}
	out[2 * n] = '\0';
}

static int
unhex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

bool
dca_unhex(uint8_t *out, size_t n, const char *s)
{
	size_t i;
	int hi, lo;

	for (i = 0; i < n; i++) {
		hi = unhex(s[2 * i]);
		lo = hi < 0 ? -1 : unhex(s[2 * i + 1]);
		if (lo < 0)
			return false;
		out[i] = (uint8_t)(hi << 4 | lo);
	}
	return s[2 * n] == '\0';
}

void
dca_b64url(struct dca_out *o, struct dca_buf in)
{
	static const char digit[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdef"
				    "ghijklmnopqrstuvwxyz0123456789-_";
	uint32_t acc = 0;
	unsigned bits = 0;
	size_t i;

	for (i = 0; i < in.n; i++) {
		acc = acc << 8 | in.p[i];
		for (bits += 8; bits >= 6; bits -= 6)
			dca_out_add(o, &digit[acc >> (bits - 6) & 63], 1);
	}
	if (bits > 0)
		dca_out_add(o, &digit[acc << (6 - bits) & 63], 1);
}

static int
unb64(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '-' ? 62 : c == '_' ? 63 : -1;
}

bool
dca_unb64url(struct dca_out *o, const char *s, size_t n)
{
	uint32_t acc = 0;
	unsigned bits = 0;
	uint8_t octet;
	size_t i;
	int v;

	if (n % 4 == 1)
		return false;
	for (i = 0; i < n; i++) {
		v = unb64(s[i]);
		if (v < 0)
			return false;
		acc = acc << 6 | (uint32_t)v;
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			octet = (uint8_t)(acc >> bits);
			dca_out_add(o, &octet, 1);
		}
	}
	/* RFC 4648 3.5: pad bits are zero, or two texts mean one value */
	return (acc & ((1U << bits) - 1)) == 0;
}

/*
 * EVP_sha256() is fetched again at every use (OpenSSL 3.0: a global lock
 * each time); the handle below is made once and only read afterwards.
 */
static EVP_MD *sha256;
static pthread_once_t sha256_once = PTHREAD_ONCE_INIT;

static void
fetch_sha256(void)
{
	sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	if (sha256 == NULL)
		abort();
}

void
dca_sha256(uint8_t out[static DCA_SHA256_LEN], struct dca_buf in)
{
	if (pthread_once(&sha256_once, fetch_sha256) != 0 ||
	    EVP_Digest(in.p, in.n, out, NULL, sha256, NULL) != 1)
		abort();
}

enum { DAY = 86400, ERA_DAYS = 146097, EPOCH_DAYS = 719468 };

/*
 * Days since 1970-01-01 of a proleptic Gregorian date; years start in March
 * so that the leap day is the last one (400 years = one era). year >= 1.
 */
static int64_t
days_of(int64_t year, int month, int day)
{
	int64_t y = month <= 2 ? year - 1 : year;
	int64_t era = y / 400, yoe = y % 400;
	int64_t doy = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

	return era * ERA_DAYS + yoe * 365 + yoe / 4 - yoe / 100 + doy -
	       EPOCH_DAYS;
}

/* 0001-01-01 .. 9999-12-31: what four digits of year can say */
#define TIME_MIN (days_of(1, 1, 1) * DAY)
#define TIME_MAX (days_of(9999, 12, 31) * DAY + DAY - 1)

void
dca_time_format(char *out, int64_t t)
{
	int64_t z, doe, yoe, doy, mp, year;
	unsigned sec;

	if (t < TIME_MIN)
		t = TIME_MIN;
	if (t > TIME_MAX)
		t = TIME_MAX;
	z = t + (int64_t)EPOCH_DAYS * DAY;
	sec = (unsigned)(z % DAY);
	z /= DAY;
	doe = z % ERA_DAYS;
	yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	mp = (5 * doy + 2) / 153;
	year = yoe + z / ERA_DAYS * 400 + (mp >= 10);
	if (snprintf(out, DCA_TIME_TEXT, "%04u-%02u-%02uT%02u:%02u:%02uZ",
		(unsigned)year % 10000U,
		(unsigned)(mp < 10 ? mp + 3 : mp - 9) % 100U,
		(unsigned)(doy - (153 * mp + 2) / 5 + 1) % 100U, sec / 3600U,
		sec / 60U % 60U, sec % 60U) >= DCA_TIME_TEXT)
		abort();
}

/* n digits at s, or -1. */
static int
digits_at(const char *s, int n)
{
	int v = 0;

	for (; n > 0; n--, s++) {
		if (*s < '0' || *s > '9')
			return -1;
		v = 10 * v + (*s - '0');
	}
	return v;
}

static int
days_in(int year, int month)
{
	static const uint8_t n[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30,
		31 };
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return n[month - 1] + (month == 2 && leap);
}

bool
dca_time_parse(int64_t *t, const char *s)
{
	static const char form[] = "dddd-dd-ddTdd:dd:ddZ";
	int year, month, day, hour, min, sec;
	size_t i;

	for (i = 0; form[i] != '\0'; i++)
		if (form[i] == 'd' ? s[i] < '0' || s[i] > '9' : s[i] != form[i])
			return false;
	if (s[i] != '\0')
		return false;
	year = digits_at(s, 4);
	month = digits_at(s + 5, 2);
	day = digits_at(s + 8, 2);
	hour = digits_at(s + 11, 2);
	min = digits_at(s + 14, 2);
	sec = digits_at(s + 17, 2);
	if (year < 1 || month < 1 || month > 12 || day < 1 ||
	    day > days_in(year, month) || hour > 23 || min > 59 || sec > 59)
		return false;
	*t = days_of(year, month, day) * DAY + hour * 3600 + min * 60 + sec;
	return true;
}
