/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of this room share. No other room includes it: Cryptoki
 * types end here.
 */
#ifndef DCA_HSM_ROOM_H
#define DCA_HSM_ROOM_H

#include <p11-kit/pkcs11.h>
#include <pthread.h>
#include <sys/stat.h>

#include "dca/hsm.h"

struct dca_hsm {
	void *dl;
	CK_FUNCTION_LIST *f;
	bool ours;		/* we called C_Initialize, so we finalise */
	char *module, *pin_file;
	struct dca_token_uri uri;
	CK_SLOT_ID slot;
	struct dca_hsm_info info;	/* of the token chosen at open */
	CK_SESSION_HANDLE keep;	/* open all the time, so that the login of this
				 * application outlives any one session */
	pthread_mutex_t login;	/* one C_Login at a time: a wrong PIN is tried
				 * once, not once per thread */
};

/* --- rv.c --- */
/* "CKR_..." or "CKR_?" for one that is not in the table. */
const char *dca_ckr_name(CK_RV rv);
/* "C_Sign: CKR_DEVICE_REMOVED (0x32)" */
enum dca_rc dca_ckr_fail(struct dca_err *e, enum dca_rule rule,
    const char *call, CK_RV rv);
/*
 * What to do about it, from the mildest up. The signer takes one of the first
 * three, once per signature; when that did not help, and for the others, the
 * rule tells the owner of the dca_hsm: TOKEN_DOWN to open it anew, TOKEN_PIN
 * and TOKEN_STOPPED to leave it alone until an operator says so.
 */
enum dca_step {
	DCA_STEP_NONE,
	DCA_STEP_SESSION,
	DCA_STEP_LOGIN,
	DCA_STEP_KEY,
	DCA_STEP_MODULE,
	DCA_STEP_PIN,
	DCA_STEP_STOP,
};
struct dca_ckr {
	CK_RV rv;
	const char *name;
	enum dca_step step;
};
size_t dca_ckr_rows(const struct dca_ckr **out);	/* for the tests */
enum dca_step dca_ckr_step(CK_RV rv);
/* dca_ckr_fail with the rule of the step. */
enum dca_rc dca_ckr_down(struct dca_err *e, const char *call, CK_RV rv);

/* --- uri.c --- */
bool dca_token_uri_matches(const struct dca_token_uri *u, const char *label,
    const char *manufacturer, const char *model, const char *serial);
/* "token=x manufacturer=y ..." of what was asked, for messages. */
void dca_token_uri_print(const struct dca_token_uri *u, char *out, size_t cap);

/* --- pin.c --- */
enum { DCA_PIN_MAX = 255 };
/* In a page of its own that is kept out of core dumps and swap. */
struct dca_pin {
	char *p;		/* terminated */
	size_t n;
	struct stat st;		/* of the file it came from */
};
/* TOKEN_PIN: missing, empty, too long, or readable by others. */
enum dca_rc dca_pin_read(struct dca_pin *pin, const char *path,
    struct dca_err *e) DCA_CHECKED;
void dca_pin_wipe(struct dca_pin *pin);
/* Memory of refused PINs, for the life of the process (pin.c says why). */
bool dca_pin_was_refused(const struct stat *st, const char *serial);
void dca_pin_refused(const struct stat *st, const char *serial);

/* --- module.c --- */
void dca_token_info_read(struct dca_hsm_info *out, const CK_TOKEN_INFO *ti);

/* --- session.c --- */
/* Opens a session and sees to it that the user is logged in. */
enum dca_rc dca_session_open(struct dca_hsm *h, bool rw, CK_SESSION_HANDLE *s,
    struct dca_err *e) DCA_CHECKED;
/* The session says of itself that the user is logged in. */
bool dca_session_logged_in(struct dca_hsm *h, CK_SESSION_HANDLE s);
/* C_Login even then. TOKEN_PIN, TOKEN_DOWN, TOKEN_STOPPED. */
enum dca_rc dca_session_login(struct dca_hsm *h, CK_SESSION_HANDLE s,
    struct dca_err *e) DCA_CHECKED;
/* A short sleep before try number n (0: none) of a call that failed. */
void dca_session_pause(unsigned n);
enum { DCA_SESSION_TRIES = 3 };
/* A session that closes itself. */
struct dca_session {
	struct dca_hsm *h;
	CK_SESSION_HANDLE s;
};
void dca_session_close_p(struct dca_session *s);

/* --- key.c --- */
/* The one object of class with CKA_ID uri.id: TOKEN_KEY when none or several. */
enum dca_rc dca_key_find(struct dca_hsm *h, CK_SESSION_HANDLE s,
    CK_OBJECT_CLASS class, CK_OBJECT_HANDLE *o, struct dca_err *e) DCA_CHECKED;
/* How many objects of class have CKA_ID uri.id; at most 2 is told. */
enum dca_rc dca_key_count(struct dca_hsm *h, CK_SESSION_HANDLE s,
    CK_OBJECT_CLASS class, CK_OBJECT_HANDLE o[static 2], CK_ULONG *n,
    struct dca_err *e) DCA_CHECKED;
/* CKA_EC_POINT of a public object. */
enum dca_rc dca_key_public(struct dca_hsm *h, CK_SESSION_HANDLE s,
    CK_OBJECT_HANDLE o, struct dca_spki *out, struct dca_err *e) DCA_CHECKED;
extern const uint8_t dca_p256_params[10];	/* CKA_EC_PARAMS, DER OID */

#endif
