/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ladder: every Cryptoki return value (PKCS#11 v2.40 5.1, v3.0), its name,
 * and the step it calls for. One table; nothing else in this program decides
 * what to do about a CK_RV. What a module says is quoted by its name, so that
 * an operator can look it up.
 */
#include "room.h"

/*
 * Seen with SoftHSM: 0xB3 when other code closed our sessions; 0x82 when it
 * logged us out or the token's folder is away; 0x5 when that folder is away or
 * other processes start; 0x190 after a C_Finalize by other code. The rest is
 * what the standard gives as the reason.
 */
#define R(n, s) { n, #n, DCA_STEP_##s }
static const struct dca_ckr rows[] = {
	R(CKR_OK, NONE),
	/* a new session (login and key with it), then once more */
	R(CKR_CANCEL, SESSION),
	R(CKR_HOST_MEMORY, SESSION),
	R(CKR_FUNCTION_FAILED, SESSION),
	R(CKR_NO_EVENT, SESSION),
	R(CKR_DEVICE_ERROR, SESSION),
	R(CKR_DEVICE_MEMORY, SESSION),
	R(CKR_FUNCTION_CANCELED, SESSION),
	R(CKR_OPERATION_ACTIVE, SESSION),
	R(CKR_OPERATION_NOT_INITIALIZED, SESSION),
	R(CKR_SESSION_CLOSED, SESSION),
	R(CKR_SESSION_COUNT, SESSION),
	R(CKR_SESSION_HANDLE_INVALID, SESSION),
	R(CKR_SESSION_PARALLEL_NOT_SUPPORTED, SESSION),
	R(CKR_SESSION_READ_ONLY, SESSION),
	R(CKR_SESSION_EXISTS, SESSION),
	R(CKR_SESSION_READ_ONLY_EXISTS, SESSION),
	R(CKR_USER_ALREADY_LOGGED_IN, SESSION),
	R(CKR_SAVED_STATE_INVALID, SESSION),
	R(CKR_STATE_UNSAVEABLE, SESSION),
	/* C_Login, whatever the session says of itself */
	R(CKR_USER_NOT_LOGGED_IN, LOGIN),
	/* the key searched for in the session that is open */
	R(CKR_KEY_HANDLE_INVALID, KEY),
	R(CKR_KEY_CHANGED, KEY),
	R(CKR_OBJECT_HANDLE_INVALID, KEY),
	/* the token is not there: C_Finalize, C_Initialize */
	R(CKR_SLOT_ID_INVALID, MODULE),
	R(CKR_GENERAL_ERROR, MODULE),
	R(CKR_NEED_TO_CREATE_THREADS, MODULE),
	R(CKR_CANT_LOCK, MODULE),
	R(CKR_DEVICE_REMOVED, MODULE),
	R(CKR_FUNCTION_NOT_PARALLEL, MODULE),
	R(CKR_SESSION_READ_WRITE_SO_EXISTS, MODULE),
	R(CKR_TOKEN_NOT_PRESENT, MODULE),
	R(CKR_TOKEN_NOT_RECOGNIZED, MODULE),
	R(CKR_USER_ANOTHER_ALREADY_LOGGED_IN, MODULE),
	R(CKR_CRYPTOKI_NOT_INITIALIZED, MODULE),
	R(CKR_CRYPTOKI_ALREADY_INITIALIZED, MODULE),
	R(CKR_MUTEX_BAD, MODULE),
	R(CKR_MUTEX_NOT_LOCKED, MODULE),
	R(CKR_LIBRARY_LOAD_FAILED, MODULE),
	/* an operator's business: never again by ourselves */
	R(CKR_PIN_INCORRECT, PIN),
	R(CKR_PIN_INVALID, PIN),
	R(CKR_PIN_LEN_RANGE, PIN),
	R(CKR_PIN_EXPIRED, PIN),
	R(CKR_PIN_LOCKED, PIN),
	R(CKR_USER_PIN_NOT_INITIALIZED, PIN),
	R(CKR_PIN_TOO_WEAK, PIN),
	/* our request is what this token will not do: an operator's too */
	R(CKR_ARGUMENTS_BAD, STOP),
	R(CKR_ATTRIBUTE_READ_ONLY, STOP),
	R(CKR_ATTRIBUTE_SENSITIVE, STOP),
	R(CKR_ATTRIBUTE_TYPE_INVALID, STOP),
	R(CKR_ATTRIBUTE_VALUE_INVALID, STOP),
	R(CKR_ACTION_PROHIBITED, STOP),
	R(CKR_DATA_INVALID, STOP),
	R(CKR_DATA_LEN_RANGE, STOP),
	R(CKR_ENCRYPTED_DATA_INVALID, STOP),
	R(CKR_ENCRYPTED_DATA_LEN_RANGE, STOP),
	R(CKR_FUNCTION_NOT_SUPPORTED, STOP),
	R(CKR_KEY_SIZE_RANGE, STOP),
	R(CKR_KEY_TYPE_INCONSISTENT, STOP),
	R(CKR_KEY_NOT_NEEDED, STOP),
	R(CKR_KEY_NEEDED, STOP),
	R(CKR_KEY_INDIGESTIBLE, STOP),
	R(CKR_KEY_FUNCTION_NOT_PERMITTED, STOP),
	R(CKR_KEY_NOT_WRAPPABLE, STOP),
	R(CKR_KEY_UNEXTRACTABLE, STOP),
	R(CKR_MECHANISM_INVALID, STOP),
	R(CKR_MECHANISM_PARAM_INVALID, STOP),
	R(CKR_SIGNATURE_INVALID, STOP),
	R(CKR_SIGNATURE_LEN_RANGE, STOP),
	R(CKR_TEMPLATE_INCOMPLETE, STOP),
	R(CKR_TEMPLATE_INCONSISTENT, STOP),
	R(CKR_TOKEN_WRITE_PROTECTED, STOP),
	R(CKR_UNWRAPPING_KEY_SIZE_RANGE, STOP),
	R(CKR_UNWRAPPING_KEY_TYPE_INCONSISTENT, STOP),
	R(CKR_USER_TYPE_INVALID, STOP),
	R(CKR_USER_TOO_MANY_TYPES, STOP),
	R(CKR_WRAPPED_KEY_INVALID, STOP),
	R(CKR_WRAPPED_KEY_LEN_RANGE, STOP),
	R(CKR_WRAPPING_KEY_HANDLE_INVALID, STOP),
	R(CKR_WRAPPING_KEY_SIZE_RANGE, STOP),
	R(CKR_WRAPPING_KEY_TYPE_INCONSISTENT, STOP),
	R(CKR_RANDOM_SEED_NOT_SUPPORTED, STOP),
	R(CKR_RANDOM_NO_RNG, STOP),
	R(CKR_DOMAIN_PARAMS_INVALID, STOP),
	R(CKR_CURVE_NOT_SUPPORTED, STOP),
	R(CKR_BUFFER_TOO_SMALL, STOP),
	R(CKR_INFORMATION_SENSITIVE, STOP),
	R(CKR_NEW_PIN_MODE, STOP),
	R(CKR_NEXT_OTP, STOP),
	R(CKR_EXCEEDED_MAX_ITERATIONS, STOP),
	R(CKR_FIPS_SELF_TEST_FAILED, STOP),
	R(CKR_PUBLIC_KEY_INVALID, STOP),
	R(CKR_FUNCTION_REJECTED, STOP),
};
#undef R

size_t
dca_ckr_rows(const struct dca_ckr **out)
{
	*out = rows;
	return sizeof(rows) / sizeof(rows[0]);
}

static const struct dca_ckr *
find(CK_RV rv)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].rv == rv)
			return &rows[i];
	return NULL;
}

const char *
dca_ckr_name(CK_RV rv)
{
	const struct dca_ckr *row = find(rv);

	if (row != NULL)
		return row->name;
	return rv & CKR_VENDOR_DEFINED ? "CKR_VENDOR_DEFINED" : "CKR_?";
}

/* What nobody knows (vendors' own codes) is a token to be opened anew. */
enum dca_step
dca_ckr_step(CK_RV rv)
{
	const struct dca_ckr *row = find(rv);

	return row != NULL ? row->step : DCA_STEP_MODULE;
}

enum dca_rc
dca_ckr_fail(struct dca_err *e, enum dca_rule rule, const char *call, CK_RV rv)
{
	return dca_fail(e, rule, "%s: %s (0x%lx)", call, dca_ckr_name(rv),
	    (unsigned long)rv);
}

enum dca_rc
dca_ckr_down(struct dca_err *e, const char *call, CK_RV rv)
{
	switch (dca_ckr_step(rv)) {
	case DCA_STEP_PIN:
		return dca_ckr_fail(e, DCA_RULE_TOKEN_PIN, call, rv);
	case DCA_STEP_STOP:
		return dca_ckr_fail(e, DCA_RULE_TOKEN_STOPPED, call, rv);
	default:
		return dca_ckr_fail(e, DCA_RULE_TOKEN_DOWN, call, rv);
	}
}
