/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A PKCS#11 module between the room and SoftHSM (path in DCA_SHIM_MODULE):
 * counts calls, and fails or corrupts them by one rule that the test sets
 * through shim_set. Everything else passes straight through.
 */
#include <dlfcn.h>
#include <p11-kit/pkcs11.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static CK_FUNCTION_LIST *real, list;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct {
	char name[32];
	CK_RV rv;
	int count;
	bool corrupt;
} rule;
enum { NAMES = 16 };
static struct {
	const char *name;
	unsigned n;
} calls[NAMES];

#define EXPORT __attribute__((visibility("default")))
EXPORT void shim_set(const char *name, CK_RV rv, int count, bool corrupt);
EXPORT unsigned shim_count(const char *name);

EXPORT void
shim_set(const char *name, CK_RV rv, int count, bool corrupt)
{
	pthread_mutex_lock(&lock);
	memset(&rule, 0, sizeof(rule));
	memset(calls, 0, sizeof(calls));
	if (name != NULL)
		strncpy(rule.name, name, sizeof(rule.name) - 1);
	rule.rv = rv;
	rule.count = count;
	rule.corrupt = corrupt;
	pthread_mutex_unlock(&lock);
}

EXPORT unsigned
shim_count(const char *name)
{
	unsigned n = 0;

	pthread_mutex_lock(&lock);
	for (int i = 0; i < NAMES; i++)
		if (calls[i].name != NULL && strcmp(calls[i].name, name) == 0)
			n = calls[i].n;
	pthread_mutex_unlock(&lock);
	return n;
}

/* Counts; does the rule hit this call? */
static bool
hit(const char *name, CK_RV *rv, bool *corrupt)
{
	bool is;

	pthread_mutex_lock(&lock);
	for (int i = 0; i < NAMES; i++) {
		if (calls[i].name == NULL)
			calls[i].name = name;
		if (strcmp(calls[i].name, name) == 0) {
			calls[i].n++;
			break;
		}
	}
	is = strcmp(rule.name, name) == 0 && rule.count != 0;
	if (is && rule.count > 0)
		rule.count--;
	*rv = is ? rule.rv : CKR_OK;
	*corrupt = is && rule.corrupt;
	pthread_mutex_unlock(&lock);
	return *rv != CKR_OK;
}

#define WRAP(name, params, args)                                               \
	static CK_RV my_##name params                                          \
	{                                                                      \
		CK_RV rv;                                                      \
		bool corrupt;                                                  \
                                                                               \
		if (hit(#name, &rv, &corrupt))                                 \
			return rv;                                             \
		return real->name args;                                        \
	}
WRAP(C_Login, (CK_SESSION_HANDLE s, CK_USER_TYPE u, unsigned char *p,
    CK_ULONG n), (s, u, p, n))
WRAP(C_OpenSession, (CK_SLOT_ID i, CK_FLAGS f, void *a, CK_NOTIFY n,
    CK_SESSION_HANDLE *s), (i, f, a, n, s))
WRAP(C_GetTokenInfo, (CK_SLOT_ID i, CK_TOKEN_INFO *t), (i, t))
WRAP(C_SignInit, (CK_SESSION_HANDLE s, CK_MECHANISM *m, CK_OBJECT_HANDLE o),
    (s, m, o))
WRAP(C_DestroyObject, (CK_SESSION_HANDLE s, CK_OBJECT_HANDLE o), (s, o))
WRAP(C_GenerateKeyPair, (CK_SESSION_HANDLE s, CK_MECHANISM *m,
    CK_ATTRIBUTE *a, CK_ULONG n, CK_ATTRIBUTE *b, CK_ULONG k,
    CK_OBJECT_HANDLE *x, CK_OBJECT_HANDLE *y), (s, m, a, n, b, k, x, y))

/* A failure still ends the active operation, as a token would. */
static CK_RV
my_C_Sign(CK_SESSION_HANDLE s, unsigned char *d, CK_ULONG n,
    unsigned char *sig, CK_ULONG *len)
{
	unsigned char scratch[256];
	CK_ULONG scratch_len = sizeof(scratch);
	CK_RV rv, got;
	bool corrupt;

	if (hit("C_Sign", &rv, &corrupt)) {
		(void)real->C_Sign(s, d, n, scratch, &scratch_len);
		return rv;
	}
	got = real->C_Sign(s, d, n, sig, len);
	if (corrupt && got == CKR_OK)
		sig[*len / 2] ^= 1;
	return got;
}

static CK_RV my_list(CK_FUNCTION_LIST **out);
EXPORT CK_RV C_GetFunctionList(CK_FUNCTION_LIST **out);

EXPORT CK_RV
C_GetFunctionList(CK_FUNCTION_LIST **out)
{
	const char *path = getenv("DCA_SHIM_MODULE");
	union {
		void *object;
		CK_RV (*function)(CK_FUNCTION_LIST **);
	} get;

	if (real == NULL) {
		void *dl = path != NULL ? dlopen(path, RTLD_NOW | RTLD_LOCAL)
					: NULL;

		if (dl == NULL)
			return CKR_GENERAL_ERROR;
		get.object = dlsym(dl, "C_GetFunctionList");
		if (get.object == NULL || get.function(&real) != CKR_OK)
			return CKR_GENERAL_ERROR;
		list = *real;
		list.C_GetFunctionList = my_list;
		list.C_Login = my_C_Login;
		list.C_OpenSession = my_C_OpenSession;
		list.C_GetTokenInfo = my_C_GetTokenInfo;
		list.C_SignInit = my_C_SignInit;
		list.C_Sign = my_C_Sign;
		list.C_DestroyObject = my_C_DestroyObject;
		list.C_GenerateKeyPair = my_C_GenerateKeyPair;
	}
	*out = &list;
	return CKR_OK;
}

static CK_RV
my_list(CK_FUNCTION_LIST **out)
{
	*out = &list;
	return CKR_OK;
}
