/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The module and the token: load, initialise with OS locking, find the one
 * token a URI names, and let go of it all so that it can be opened again.
 * Never picks a token when several match, never one that is not initialised.
 */
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include "room.h"

/* Blank padded, not terminated (PKCS#11 2.2); some modules pad with zeros. */
static void
unpad(char *out, const CK_UTF8CHAR *in, size_t n)
{
	while (n > 0 && (in[n - 1] == ' ' || in[n - 1] == '\0'))
		n--;
	memcpy(out, in, n);
	out[n] = '\0';
}

void
dca_token_info_read(struct dca_hsm_info *out, const CK_TOKEN_INFO *ti)
{
	unpad(out->label, ti->label, sizeof(ti->label));
	unpad(out->manufacturer, ti->manufacturerID,
	    sizeof(ti->manufacturerID));
	unpad(out->model, ti->model, sizeof(ti->model));
	unpad(out->serial, ti->serialNumber, sizeof(ti->serialNumber));
	out->pin_final_try = (ti->flags & CKF_USER_PIN_FINAL_TRY) != 0;
	out->pin_locked = (ti->flags & CKF_USER_PIN_LOCKED) != 0;
}

/*
 * Whose C_Initialize it was. A C_Finalize that failed leaves the module to us:
 * without this the next open would take it for other code's, and never again
 * finalise what has to be finalised for the token to come back.
 */
static pthread_mutex_t owner_lock = PTHREAD_MUTEX_INITIALIZER;
static struct {
	const CK_FUNCTION_LIST *f;	/* initialised by us */
	bool used;			/* an open dca_hsm answers for it */
} owner;

static bool
own(const CK_FUNCTION_LIST *f, CK_RV rv)
{
	bool ours;

	(void)pthread_mutex_lock(&owner_lock);
	ours = rv == CKR_OK || (rv == CKR_CRYPTOKI_ALREADY_INITIALIZED &&
	    owner.f == f && !owner.used);
	if (ours) {
		owner.f = f;
		owner.used = true;
	}
	(void)pthread_mutex_unlock(&owner_lock);
	return ours;
}

static void
disown(CK_RV rv)
{
	(void)pthread_mutex_lock(&owner_lock);
	owner.used = false;
	if (rv == CKR_OK || rv == CKR_CRYPTOKI_NOT_INITIALIZED)
		owner.f = NULL;
	(void)pthread_mutex_unlock(&owner_lock);
}

static enum dca_rc
load(struct dca_hsm *h, struct dca_err *e)
{
	union {
		void *object;
		CK_RV (*function)(CK_FUNCTION_LIST **);
	} get;
	CK_C_INITIALIZE_ARGS args = { .flags = CKF_OS_LOCKING_OK };
	CK_RV rv;

	/* NODELETE: modules leave exit handlers and thread keys behind, and
	 * the code they point to must not be unmapped. */
	h->dl = dlopen(h->module, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
	if (h->dl == NULL)
		return dca_fail(e, DCA_RULE_TOKEN_DOWN, "module: %s",
		    dlerror());
	get.object = dlsym(h->dl, "C_GetFunctionList");
	if (get.object == NULL)
		return dca_fail(e, DCA_RULE_TOKEN_DOWN,
		    "%s is not a PKCS#11 module: no C_GetFunctionList",
		    h->module);
	rv = get.function(&h->f);
	if (rv != CKR_OK || h->f == NULL)
		return dca_ckr_fail(e, DCA_RULE_TOKEN_DOWN,
		    "C_GetFunctionList", rv);
	/* Without CKF_OS_LOCKING_OK SoftHSM crashes with two threads. */
	rv = h->f->C_Initialize(&args);
	h->ours = own(h->f, rv);
	if (rv != CKR_OK && rv != CKR_CRYPTOKI_ALREADY_INITIALIZED)
		return dca_ckr_down(e, "C_Initialize", rv);
	return DCA_OK;
}

/*
 * All slots with a token. The size is asked first: SoftHSM has a slot per
 * token and a fixed array is too small one day (0x150).
 */
static CK_RV
slots(struct dca_hsm *h, CK_SLOT_ID **out, CK_ULONG *n)
{
	CK_SLOT_ID *v = NULL;
	CK_RV rv = CKR_BUFFER_TOO_SMALL;

	for (int i = 0; rv == CKR_BUFFER_TOO_SMALL && i < 5; i++) {
		rv = h->f->C_GetSlotList(CK_TRUE, NULL, n);
		if (rv != CKR_OK)
			break;
		v = dca_realloc(v, (*n + 1) * sizeof(*v));
		rv = h->f->C_GetSlotList(CK_TRUE, v, n);
	}
	if (rv == CKR_OK)
		*out = dca_steal(&v);
	free(v);
	return rv;
}

struct match {
	CK_ULONG n;		/* tokens that match */
	CK_RV trouble;		/* of a token that could not be asked */
};

static CK_RV
look(struct dca_hsm *h, struct match *m)
{
	DCA_CLEANUP(dca_free_p) CK_SLOT_ID *v = NULL;
	CK_ULONG n = 0;
	CK_RV rv = slots(h, &v, &n);

	*m = (struct match){ 0, CKR_OK };
	for (CK_ULONG i = 0; rv == CKR_OK && i < n; i++) {
		struct dca_hsm_info info;
		CK_TOKEN_INFO ti;
		CK_RV one = h->f->C_GetTokenInfo(v[i], &ti);

		if (one == CKR_TOKEN_NOT_PRESENT ||
		    one == CKR_TOKEN_NOT_RECOGNIZED)
			continue;
		if (one != CKR_OK) {
			m->trouble = one;
			continue;
		}
		if (!(ti.flags & CKF_TOKEN_INITIALIZED))
			continue;
		dca_token_info_read(&info, &ti);
		if (!dca_token_uri_matches(&h->uri, info.label,
		    info.manufacturer, info.model, info.serial))
			continue;
		m->n++;
		h->slot = v[i];
		h->info = info;
	}
	return rv;
}

/*
 * SoftHSM fails C_GetTokenInfo now and then (0.2-0.8 % of starts) while other
 * processes start on the same token directory: looked at again, boundedly.
 */
static enum dca_rc
find_token(struct dca_hsm *h, struct dca_err *e)
{
	struct match m = { 0, CKR_OK };
	char asked[160];
	CK_RV rv = CKR_OK;

	for (unsigned i = 0; i < DCA_SESSION_TRIES; i++) {
		dca_session_pause(i);
		rv = look(h, &m);
		if (rv == CKR_OK && m.trouble == CKR_OK)
			break;
	}
	if (rv != CKR_OK)
		return dca_ckr_down(e, "C_GetSlotList", rv);
	if (m.n == 1)
		return DCA_OK;
	if (m.n == 0 && m.trouble != CKR_OK)
		return dca_ckr_down(e, "C_GetTokenInfo", m.trouble);
	dca_token_uri_print(&h->uri, asked, sizeof(asked));
	if (m.n == 0)
		return dca_fail(e, DCA_RULE_TOKEN_URI,
		    "no initialised token matches %s", asked);
	return dca_fail(e, DCA_RULE_TOKEN_URI,
	    "%lu tokens match %s: add serial= to the URI", m.n, asked);
}

DCA_DEFINE_CLEANUP(struct dca_hsm, dca_hsm_close);

enum dca_rc
dca_hsm_open(struct dca_hsm **out, const struct dca_hsm_config *c,
    struct dca_err *e)
{
	DCA_CLEANUP(dca_hsm_close_p) struct dca_hsm *h = NULL;
	const char *module = c->module != NULL && c->module[0] != '\0' ?
	    c->module : c->uri.module_path;
	enum dca_rc rc;

	*out = NULL;
	/* A bare name would be searched for in LD_LIBRARY_PATH. */
	if (module[0] != '/')
		return dca_fail(e, DCA_RULE_TOKEN_URI,
		    "PKCS#11 module is not named by an absolute path: \"%s\"",
		    module);
	h = dca_alloc(sizeof(*h));
	memset(h, 0, sizeof(*h));
	h->module = dca_strdup(module);
	h->pin_file = dca_strdup(c->pin_file != NULL ? c->pin_file : "");
	h->uri = c->uri;
	h->keep = CK_INVALID_HANDLE;
	if (pthread_mutex_init(&h->login, NULL) != 0)
		abort();
	rc = load(h, e);
	if (rc == DCA_OK)
		rc = find_token(h, e);
	if (rc == DCA_OK)
		rc = dca_session_open(h, false, &h->keep, e);
	if (rc == DCA_OK)
		*out = dca_steal(&h);
	return rc;
}

static CK_RV
finalise(CK_FUNCTION_LIST *f)
{
	CK_RV rv = CKR_GENERAL_ERROR;

	for (unsigned i = 0; i < DCA_SESSION_TRIES; i++) {
		dca_session_pause(i);
		rv = f->C_Finalize(NULL);
		if (rv == CKR_OK || rv == CKR_CRYPTOKI_NOT_INITIALIZED)
			break;
	}
	return rv;
}

/*
 * C_Finalize ends every session and login of this process on the module, and
 * it is the only thing that makes SoftHSM see a token that went away and came
 * back. When other code had initialised the module it stays: our session
 * alone is closed.
 */
void
dca_hsm_close(struct dca_hsm *h)
{
	if (h == NULL)
		return;
	if (h->keep != CK_INVALID_HANDLE)
		(void)h->f->C_CloseSession(h->keep);
	if (h->ours)
		disown(finalise(h->f));
	if (h->dl != NULL)
		(void)dlclose(h->dl);
	(void)pthread_mutex_destroy(&h->login);
	free(h->module);
	free(h->pin_file);
	free(h);
}

enum dca_rc
dca_hsm_info(struct dca_hsm *h, struct dca_hsm_info *out, struct dca_err *e)
{
	CK_TOKEN_INFO ti;
	CK_RV rv = h->f->C_GetTokenInfo(h->slot, &ti);

	if (rv != CKR_OK)
		return dca_ckr_down(e, "C_GetTokenInfo", rv);
	dca_token_info_read(out, &ti);
	return DCA_OK;
}
