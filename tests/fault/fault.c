/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A PKCS#11 module in front of any other: passes every call on, but for the
 * faults that its control file asks for (README.md). The program under test
 * gets another module path and nothing else.
 */
#include <dlfcn.h>
#include <p11-kit/pkcs11.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "fault-rules.h"
#include "fault.h"

#define EXPORT __attribute__((visibility("default")))

static CK_FUNCTION_LIST *real, list;
/* SoftHSM crashes when a session is closed under a call that uses it: what is
 * killed is killed between calls. Never held while a call hangs. */
static pthread_rwlock_t calls = PTHREAD_RWLOCK_INITIALIZER;

static CK_RV
done(CK_RV rv)
{
	(void)pthread_rwlock_unlock(&calls);
	return rv;
}

#define REAL(call) ((void)pthread_rwlock_rdlock(&calls), done(real->call))

/* As other code in the process would do it. */
static void
every_slot(bool logout)
{
	CK_SLOT_ID v[64];
	CK_ULONG n = 64;

	(void)pthread_rwlock_wrlock(&calls);
	if (real->C_GetSlotList(CK_TRUE, v, &n) != CKR_OK)
		n = 0;
	for (CK_ULONG i = 0; i < n; i++) {
		CK_SESSION_HANDLE s;

		if (!logout) {
			(void)real->C_CloseAllSessions(v[i]);
			continue;
		}
		if (real->C_OpenSession(v[i], CKF_SERIAL_SESSION, NULL, NULL,
		    &s) != CKR_OK)
			continue;
		(void)real->C_Logout(s);
		(void)real->C_CloseSession(s);
	}
	(void)pthread_rwlock_unlock(&calls);
}

/* A token that was pulled forgets its sessions, once. */
static void
pull(bool gone)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	static bool was;
	bool now;

	(void)pthread_mutex_lock(&lock);
	now = gone && !was;
	was = gone;
	(void)pthread_mutex_unlock(&lock);
	if (now)
		every_slot(false);
}

static CK_RV
before(const char *name, struct fault_hit *h, struct fault_state *s)
{
	fault_call(name, h, s);
	pull(s->gone);
	if (h->op == FAULT_KILL)
		every_slot(false);
	if (h->op == FAULT_LOGOUT)
		every_slot(true);
	return h->rv;
}

/* The calls that need the token; gone is what they say without it. */
#define WRAP(name, gone_rv, params, args)                                      \
	static CK_RV my_##name params                                          \
	{                                                                      \
		struct fault_hit h;                                            \
		struct fault_state st;                                         \
                                                                               \
		if (before(#name, &h, &st) != CKR_OK)                          \
			return h.rv;                                           \
		if (st.gone && (gone_rv) != CKR_OK)                            \
			return (gone_rv);                                      \
		return REAL(name args);                                        \
	}
WRAP(C_Initialize, CKR_OK, (void *a), (a))
WRAP(C_Finalize, CKR_OK, (void *a), (a))
WRAP(C_Login, CKR_DEVICE_REMOVED, (CK_SESSION_HANDLE s, CK_USER_TYPE u,
    unsigned char *p, CK_ULONG n), (s, u, p, n))
WRAP(C_Logout, CKR_DEVICE_REMOVED, (CK_SESSION_HANDLE s), (s))
WRAP(C_OpenSession, CKR_TOKEN_NOT_PRESENT, (CK_SLOT_ID i, CK_FLAGS f, void *a,
    CK_NOTIFY n, CK_SESSION_HANDLE *s), (i, f, a, n, s))
WRAP(C_CloseSession, CKR_OK, (CK_SESSION_HANDLE s), (s))
WRAP(C_GetSessionInfo, CKR_DEVICE_REMOVED, (CK_SESSION_HANDLE s,
    CK_SESSION_INFO *i), (s, i))
WRAP(C_SignInit, CKR_DEVICE_REMOVED, (CK_SESSION_HANDLE s, CK_MECHANISM *m,
    CK_OBJECT_HANDLE o), (s, m, o))
WRAP(C_FindObjectsInit, CKR_DEVICE_REMOVED, (CK_SESSION_HANDLE s,
    CK_ATTRIBUTE *a, CK_ULONG n), (s, a, n))
WRAP(C_FindObjects, CKR_DEVICE_REMOVED, (CK_SESSION_HANDLE s,
    CK_OBJECT_HANDLE *o, CK_ULONG most, CK_ULONG *n), (s, o, most, n))
WRAP(C_GetAttributeValue, CKR_DEVICE_REMOVED, (CK_SESSION_HANDLE s,
    CK_OBJECT_HANDLE o, CK_ATTRIBUTE *a, CK_ULONG n), (s, o, a, n))
WRAP(C_GenerateRandom, CKR_DEVICE_REMOVED, (CK_SESSION_HANDLE s,
    unsigned char *p, CK_ULONG n), (s, p, n))
WRAP(C_DestroyObject, CKR_DEVICE_REMOVED, (CK_SESSION_HANDLE s,
    CK_OBJECT_HANDLE o), (s, o))
WRAP(C_GenerateKeyPair, CKR_DEVICE_REMOVED, (CK_SESSION_HANDLE s,
    CK_MECHANISM *m, CK_ATTRIBUTE *a, CK_ULONG n, CK_ATTRIBUTE *b, CK_ULONG k,
    CK_OBJECT_HANDLE *x, CK_OBJECT_HANDLE *y), (s, m, a, n, b, k, x, y))

static CK_RV
my_C_GetSlotList(unsigned char present, CK_SLOT_ID *v, CK_ULONG *n)
{
	struct fault_hit h;
	struct fault_state st;

	if (before("C_GetSlotList", &h, &st) != CKR_OK)
		return h.rv;
	if (st.gone && present) {
		*n = 0;
		return CKR_OK;
	}
	return REAL(C_GetSlotList(present, v, n));
}

static CK_RV
my_C_GetTokenInfo(CK_SLOT_ID i, CK_TOKEN_INFO *t)
{
	struct fault_hit h;
	struct fault_state st;
	CK_RV rv;

	if (before("C_GetTokenInfo", &h, &st) != CKR_OK)
		return h.rv;
	if (st.gone)
		return CKR_TOKEN_NOT_PRESENT;
	rv = REAL(C_GetTokenInfo(i, t));
	if (rv != CKR_OK)
		return rv;
	if (st.another)
		memcpy(t->serialNumber, "another-token   ", 16);
	if (st.final_try)
		t->flags |= CKF_USER_PIN_FINAL_TRY;
	if (st.locked)
		t->flags |= CKF_USER_PIN_LOCKED;
	return CKR_OK;
}

static CK_RV
my_C_SetAttributeValue(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE o,
    CK_ATTRIBUTE *a, CK_ULONG n)
{
	struct fault_hit h;
	struct fault_state st;

	if (before("C_SetAttributeValue", &h, &st) != CKR_OK)
		return h.rv;
	if (st.gone)
		return CKR_DEVICE_REMOVED;
	return h.op == FAULT_PRETEND ? CKR_OK :
	    REAL(C_SetAttributeValue(s, o, a, n));
}

static CK_RV
my_C_GetMechanismInfo(CK_SLOT_ID i, CK_MECHANISM_TYPE m, CK_MECHANISM_INFO *out)
{
	struct fault_hit h;
	struct fault_state st;
	CK_RV rv;

	if (before("C_GetMechanismInfo", &h, &st) != CKR_OK)
		return h.rv;
	if (st.gone)
		return CKR_TOKEN_NOT_PRESENT;
	rv = REAL(C_GetMechanismInfo(i, m, out));
	if (rv == CKR_OK && h.op == FAULT_NO_WRAP)
		out->flags &= ~(CK_FLAGS)CKF_WRAP;
	return rv;
}

/* A failure still ends the active operation, as a token would. */
static CK_RV
my_C_Sign(CK_SESSION_HANDLE s, unsigned char *d, CK_ULONG n,
    unsigned char *sig, CK_ULONG *len)
{
	unsigned char scratch[256];
	CK_ULONG scratch_len = sizeof(scratch);
	struct fault_hit h;
	struct fault_state st;
	CK_RV rv;

	(void)before("C_Sign", &h, &st);
	if (h.rv != CKR_OK || st.gone) {
		(void)REAL(C_Sign(s, d, n, scratch, &scratch_len));
		return h.rv != CKR_OK ? h.rv : CKR_DEVICE_REMOVED;
	}
	rv = REAL(C_Sign(s, d, n, sig, len));
	if (rv == CKR_OK && h.op == FAULT_CORRUPT)
		sig[*len / 2] ^= 1;
	if (rv == CKR_OK && h.op == FAULT_SHORT)
		*len = 10;
	return rv;
}

static CK_RV my_C_GetFunctionList(CK_FUNCTION_LIST **out);
EXPORT CK_RV C_GetFunctionList(CK_FUNCTION_LIST **out);

#define TAKE(name) list.name = my_##name
static void
wrap(void)
{
	list = *real;
	TAKE(C_GetFunctionList);
	TAKE(C_Initialize);
	TAKE(C_Finalize);
	TAKE(C_Login);
	TAKE(C_Logout);
	TAKE(C_OpenSession);
	TAKE(C_CloseSession);
	TAKE(C_GetSessionInfo);
	TAKE(C_GetSlotList);
	TAKE(C_GetTokenInfo);
	TAKE(C_SignInit);
	TAKE(C_Sign);
	TAKE(C_FindObjectsInit);
	TAKE(C_FindObjects);
	TAKE(C_GetAttributeValue);
	TAKE(C_GenerateRandom);
	TAKE(C_DestroyObject);
	TAKE(C_GenerateKeyPair);
	TAKE(C_SetAttributeValue);
	TAKE(C_GetMechanismInfo);
}

EXPORT CK_RV
C_GetFunctionList(CK_FUNCTION_LIST **out)
{
	const char *path = getenv(FAULT_MODULE);
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
		wrap();
	}
	*out = &list;
	return CKR_OK;
}

static CK_RV
my_C_GetFunctionList(CK_FUNCTION_LIST **out)
{
	*out = &list;
	return CKR_OK;
}
