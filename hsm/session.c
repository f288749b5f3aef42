/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sessions and the login. A login belongs to the application and the token,
 * not to a session (PKCS#11 5.6), so it is done when a fresh session says
 * that nobody is logged in. A refused PIN is never tried twice.
 */
#include <time.h>

#include "room.h"

static void
pin_wipe_p(struct dca_pin *pin)
{
	dca_pin_wipe(pin);
}

void
dca_session_pause(unsigned n)
{
	struct timespec ts = { 0, (long)n * 10 * 1000 * 1000 };

	if (n > 0)
		(void)nanosleep(&ts, NULL);
}

void
dca_session_close_p(struct dca_session *s)
{
	if (s->s != CK_INVALID_HANDLE)
		(void)s->h->f->C_CloseSession(s->s);
	s->s = CK_INVALID_HANDLE;
}

bool
dca_session_logged_in(struct dca_hsm *h, CK_SESSION_HANDLE s)
{
	CK_SESSION_INFO info;

	return h->f->C_GetSessionInfo(s, &info) == CKR_OK &&
	    (info.state == CKS_RO_USER_FUNCTIONS ||
	    info.state == CKS_RW_USER_FUNCTIONS);
}

/*
 * The last try is the operator's: a PIN that is wrong once more would lock
 * the token for good. And a locked one is not knocked at.
 */
static enum dca_rc
check_tries(struct dca_hsm *h, struct dca_err *e)
{
	struct dca_hsm_info info;
	enum dca_rc rc = dca_hsm_info(h, &info, e);

	if (rc != DCA_OK)
		return rc;
	if (info.pin_locked)
		return dca_fail(e, DCA_RULE_TOKEN_PIN,
		    "the token says its PIN is locked: not tried");
	if (info.pin_final_try)
		return dca_fail(e, DCA_RULE_TOKEN_PIN,
		    "the token has one try of the PIN left: not tried; log in "
		    "once by hand with the right PIN");
	return DCA_OK;
}

/* The caller holds h->login. */
static enum dca_rc
login_locked(struct dca_hsm *h, CK_SESSION_HANDLE s, struct dca_err *e)
{
	DCA_CLEANUP(pin_wipe_p) struct dca_pin pin = { 0 };
	CK_RV rv = CKR_GENERAL_ERROR;
	enum dca_rc rc = dca_pin_read(&pin, h->pin_file, e);

	if (rc != DCA_OK)
		return rc;
	if (dca_pin_was_refused(&pin.st, h->info.serial))
		return dca_fail(e, DCA_RULE_TOKEN_PIN,
		    "the token refused the PIN in %s; it is not tried again "
		    "until the file changes", h->pin_file);
	/* General error: SoftHSM, 0.1 % of starts beside other processes. */
	for (unsigned i = 0; rv == CKR_GENERAL_ERROR &&
	    i < DCA_SESSION_TRIES; i++) {
		dca_session_pause(i);
		rc = check_tries(h, e);
		if (rc != DCA_OK)
			return rc;
		rv = h->f->C_Login(s, CKU_USER, (CK_UTF8CHAR *)pin.p, pin.n);
	}
	if (rv == CKR_OK || rv == CKR_USER_ALREADY_LOGGED_IN)
		return DCA_OK;
	if (dca_ckr_step(rv) == DCA_STEP_PIN)
		dca_pin_refused(&pin.st, h->info.serial);
	return dca_ckr_down(e, "C_Login", rv);
}

enum dca_rc
dca_session_login(struct dca_hsm *h, CK_SESSION_HANDLE s, struct dca_err *e)
{
	enum dca_rc rc;

	(void)pthread_mutex_lock(&h->login);
	rc = login_locked(h, s, e);
	(void)pthread_mutex_unlock(&h->login);
	return rc;
}

/* Unless another thread was first. */
static enum dca_rc
login(struct dca_hsm *h, CK_SESSION_HANDLE s, struct dca_err *e)
{
	enum dca_rc rc = DCA_OK;

	if (dca_session_logged_in(h, s))
		return DCA_OK;
	(void)pthread_mutex_lock(&h->login);
	if (!dca_session_logged_in(h, s))
		rc = login_locked(h, s, e);
	(void)pthread_mutex_unlock(&h->login);
	return rc;
}

enum dca_rc
dca_session_open(struct dca_hsm *h, bool rw, CK_SESSION_HANDLE *s,
    struct dca_err *e)
{
	CK_FLAGS flags = CKF_SERIAL_SESSION | (rw ? CKF_RW_SESSION : 0);
	CK_RV rv = CKR_GENERAL_ERROR;
	enum dca_rc rc;

	for (unsigned i = 0; rv == CKR_GENERAL_ERROR &&
	    i < DCA_SESSION_TRIES; i++) {
		dca_session_pause(i);
		rv = h->f->C_OpenSession(h->slot, flags, NULL, NULL, s);
	}
	if (rv != CKR_OK) {
		*s = CK_INVALID_HANDLE;
		return dca_ckr_down(e, "C_OpenSession", rv);
	}
	rc = login(h, *s, e);
	if (rc != DCA_OK) {
		(void)h->f->C_CloseSession(*s);
		*s = CK_INVALID_HANDLE;
	}
	return rc;
}
