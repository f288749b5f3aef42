/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every refusal there is, in one table: what it is called, which class it is,
 * how CoAP says it (RFC 9290 problem details), which clause stands behind it
 * and what to do. `dcactl explain RULE` prints a row; a test provokes each.
 */
#ifndef DCA_PROBLEM_H
#define DCA_PROBLEM_H

/*
 * The result of every fallible call. Exit codes: OK 0; MALFORMED, REFUSED,
 * NOTFOUND 1; BUSY, TOKEN, IO, INTERNAL 2.
 */
enum dca_rc {
	DCA_OK = 0,
	DCA_MALFORMED,	/* the input is not what its format says */
	DCA_REFUSED,	/* well formed, and not allowed */
	DCA_NOTFOUND,
	DCA_BUSY,	/* try again later, nothing was lost */
	DCA_TOKEN,	/* the HSM token cannot sign now */
	DCA_IO,		/* disk, socket, network */
	DCA_INTERNAL,	/* a broken promise of our own */
};

/* X(symbol, id, class, CoAP code as 403 = 4.03, title, clause, advice) */
#define DCA_PROBLEMS(X) \
X(NONE, "none", OK, 204, "no problem", "", "") \
/* CSR: form */ \
X(CSR_SIZE, "csr-size", REFUSED, 413, "CSR too large", "dca(7) LIMITS; RFC 9148 9.1", \
  "send at most 16384 octets; split the numbers over several certificates") \
X(CSR_DER, "csr-der", MALFORMED, 400, "CSR is not strict DER", "RFC 2986 4; X.690 10", \
  "encode the request as DER, without trailing octets") \
X(CSR_VERSION, "csr-version", MALFORMED, 400, "CSR version is not v1(0)", "RFC 2986 4.1", \
  "set version to 0") \
X(CSR_KEY, "csr-key", REFUSED, 400, "key is not EC P-256 as a named curve", \
  "ATIS-1000080 6.4.1; RFC 5480 2.1.1", \
  "make a key with: openssl ecparam -name prime256v1 -genkey -noout") \
X(CSR_POINT, "csr-point", REFUSED, 400, "public key is not an uncompressed point on P-256", \
  "RFC 9148 3; SEC 1 2.3.4", "encode the public key uncompressed (04 || X || Y)") \
X(CSR_SIGALG, "csr-sigalg", REFUSED, 400, "CSR signature algorithm is not ecdsa-with-SHA256", \
  "ATIS-1000080 6.4.1; RFC 5758 3.2", "sign the request with ECDSA and SHA-256, parameters absent") \
X(CSR_POP, "csr-pop", REFUSED, 400, "proof of possession failed", "RFC 2986 3; RFC 9148 9.1", \
  "sign the request with the private key of the public key in it") \
X(CSR_SUBJECT, "csr-subject", REFUSED, 400, "subject is malformed", "RFC 5280 4.1.2.4", \
  "leave the subject empty: the register names the customer") \
X(CSR_ATTRIBUTE, "csr-attribute", REFUSED, 400, "attribute not allowed in a CSR", "RFC 2986 4.1", \
  "send extensionRequest and challengePassword only, once each") \
X(CSR_EXTENSION, "csr-extension", REFUSED, 400, "extension not allowed in a CSR", \
  "ATIS-1000080 6.4.1 (closed list)", "ask for TNAuthList only; the CA adds the rest") \
X(CSR_DUPLICATE, "csr-duplicate", REFUSED, 400, "attribute or extension present twice", \
  "RFC 5280 4.2", "send one extensionRequest with one TNAuthList") \
X(CSR_CRITICAL, "csr-critical", REFUSED, 400, "TNAuthList marked critical", "RFC 8226 9", \
  "ask for TNAuthList as a non-critical extension") \
X(CSR_CA, "csr-ca", REFUSED, 400, "a CA certificate was asked for", "RFC 9060 4; dca(7) LIMITS", \
  "drop basicConstraints or set CA:FALSE") \
X(CSR_KEYUSAGE, "csr-keyusage", REFUSED, 400, "keyUsage is not exactly digitalSignature", \
  "ATIS-1000080 6.4.1", "drop keyUsage or ask for digitalSignature only") \
X(CSR_PASSWORD, "csr-password", REFUSED, 400, "challengePassword is malformed", \
  "RFC 2985 5.4.1; dca(7) TRUST", "use <code id>:<base64url of HMAC-SHA256>") \
X(CSR_FORBIDDEN_KEY, "csr-forbidden-key", REFUSED, 400, "this key may not be certified", \
  "RFC 8555 11.1", "make a new key") \
/* TNAuthList */ \
X(TN_DER, "tn-der", MALFORMED, 400, "TNAuthList is not strict DER", "RFC 8226 9; X.690 10", \
  "encode TNAuthorizationList with explicit tags, DER, no trailing octets") \
X(TN_EMPTY, "tn-empty", MALFORMED, 400, "TNAuthList has no entry", "RFC 8226 9 (SIZE 1..MAX)", \
  "name at least one number") \
X(TN_NUMBER, "tn-number", MALFORMED, 400, "not a telephone number", "RFC 8226 9", \
  "use 1 to 15 characters of 0-9 # *; no +, no separators") \
X(TN_COUNT, "tn-count", MALFORMED, 400, "range count is out of bounds", "RFC 8226 9", \
  "use count >= 2; encode a single number as one") \
X(TN_RANGE, "tn-range", MALFORMED, 400, "range does not fit its number length", "RFC 8226 9", \
  "start holds digits only and start + count stays below 10^digits") \
X(TN_SPC, "tn-spc", MALFORMED, 400, "not a service provider code", "RFC 8226 9; ATIS-1000080 6.4.1", \
  "use letters and digits") \
X(TN_SPC_EE, "tn-spc-ee", REFUSED, 403, "an SPC in an end-entity request", "ATIS-1000092; RFC 9060 4.1", \
  "ask for the numbers themselves") \
X(TN_LIST_SIZE, "tn-list-size", REFUSED, 403, "TNAuthList too large", "dca(7) LIMITS", \
  "at most 49152 octets; split the numbers over several certificates") \
/* scope */ \
X(SCOPE_CROSS, "scope-cross", REFUSED, 403, "outside the cross-certificate", "RFC 9060 4", \
  "order a cross-certificate that covers the number") \
X(SCOPE_DELEGATION, "scope-delegation", REFUSED, 403, "not delegated to this customer", \
  "RFC 9060 4, 8", "delegate the number first: dcactl delegation import") \
X(SCOPE_INVENTORY, "scope-inventory", REFUSED, 403, "not in the number inventory of the SPC", \
  "RFC 9060 4.1, 8", "add the block first: dcactl inventory import") \
X(SCOPE_OTHER, "scope-other", REFUSED, 403, "held by another customer", "dca(7) TRUST", \
  "end the other delegation or its certificate, or mark both shared") \
X(SCOPE_EMPTY, "scope-empty", REFUSED, 403, "no number to certify", "RFC 8226 9", \
  "delegate numbers to the customer first") \
X(SCOPE_WIDER, "scope-wider", REFUSED, 403, "certificate wider than what is allowed", "RFC 9060 4", \
  "the list of a child stays inside that of its parent") \
X(SCOPE_LIMIT, "scope-limit", REFUSED, 403, "outside the constraints extension of the cross-certificate", \
  "RFC 9060 4; dca-vault.conf(5)", "dcactl scope shows what limits what; order a cross-certificate without that limit") \
X(SCOPE_NAME, "scope-name", REFUSED, 403, "subject outside the name constraints of the cross-certificate", \
  "RFC 5280 4.2.1.10", "dcactl scope shows them; give the customer such a name: dcactl customer set") \
/* who asks */ \
X(AUTH_CERTIFICATE, "auth-certificate", REFUSED, 401, "no client certificate", "RFC 9148 4", \
  "present a client certificate in the DTLS handshake") \
X(AUTH_PROOF, "auth-proof", REFUSED, 401, "nothing binds this key to a customer", "dca(7) TRUST", \
  "put an enrolment proof into challengePassword or let an operator pin the key") \
X(AUTH_CODE, "auth-code", REFUSED, 401, "enrolment proof refused", "dca(7) TRUST", \
  "ask the TN provider for a new code; it is unused and unexpired once only") \
X(AUTH_EXPIRED, "auth-expired", REFUSED, 401, "certificate has expired", "RFC 5280 6.1.3 (a)(2); dca(7) TRUST", \
  "enrol again: ask the TN provider for a new code") \
X(AUTH_REVOKED, "auth-revoked", REFUSED, 401, "certificate was revoked", "RFC 5280 6.1.3 (a)(3); dca(7) TRUST", \
  "enrol again: ask the TN provider for a new code") \
X(AUTH_REKEY, "auth-rekey", REFUSED, 401, "the key of the old certificate did not sign the new one", \
  "dca(7) TRUST", "renew with the same key, or put a rekey proof for this certificate into challengePassword") \
X(RENEW_SUBJECT, "renew-subject", REFUSED, 400, "subject is not that of the certificate", "RFC 7030 4.2.2", \
  "leave the subject empty, or repeat that of the certificate octet by octet") \
X(RENEW_SCOPE, "renew-scope", REFUSED, 403, "renewal asks more than the certificate has", "dca(7) TRUST", \
  "renew what the certificate has; enrol (/sen) for more") \
X(RENEW_CONSTRAINTS, "renew-constraints", REFUSED, 403, "claim constraints changed since the certificate", \
  "RFC 9118 3; dca(7) TRUST", "enrol (/sen) again, or let the operator change them back") \
X(KEY_BUDGET, "key-budget", BUSY, 429, "too many new keys today", "RFC 8516; dca(7) TRUST", \
  "renew with the same key, or come back after Max-Age; the operator was told") \
X(AUTH_OPERATOR, "auth-operator", REFUSED, 401, "not a known operator", "dca(7) TRUST", \
  "let an admin add you: dcactl operator add") \
X(AUTH_SIGNATURE, "auth-signature", REFUSED, 401, "signature of the act does not verify", "RFC 9052 4.4", \
  "sign with the key that was registered for the operator") \
X(AUTH_SEQUENCE, "auth-sequence", REFUSED, 401, "sequence number already used", "dca(7) TRUST", \
  "run the command again: dcactl asks for the next number") \
X(AUTH_APPLIANCE, "auth-appliance", REFUSED, 401, "act is for another appliance", "dca(7) TRUST", \
  "check the profile dcactl uses") \
X(AUTH_TIME, "auth-time", REFUSED, 401, "time of the act is too far from now", "dca(7) TRUST", \
  "set the clock of the computer that runs dcactl, and run the command again") \
X(AUTH_ROLE, "auth-role", REFUSED, 403, "role does not allow this", "dca(7) TRUST", \
  "ask an operator with the right role") \
X(AUTH_FOUR_EYES, "auth-four-eyes", REFUSED, 403, "another admin must approve this", "dca(7) TRUST", \
  "let another admin run: dcactl proposal list, dcactl approve ID") \
X(AUTH_LOCAL, "auth-local", REFUSED, 403, "peer of the local socket not allowed", "dca(7) TRUST", \
  "run as root on the appliance") \
/* the register */ \
X(REG_ID, "reg-id", MALFORMED, 400, "not an identifier", "dca(7) LIMITS", \
  "use 1 to 63 of a-z 0-9 . _ - starting with a letter or digit") \
X(REG_FIELD, "reg-field", MALFORMED, 400, "field is malformed", "dca(7) LIMITS", "see the man page") \
X(REG_EXISTS, "reg-exists", REFUSED, 409, "exists already", "dca(7) LIMITS", "choose another id") \
X(REG_UNKNOWN, "reg-unknown", NOTFOUND, 404, "not in the register", "dca(7) LIMITS", "list what is there") \
X(REG_STATE, "reg-state", REFUSED, 403, "not active", "dca(7) TRUST", "see its state with dcactl") \
X(REG_OVERLAP, "reg-overlap", REFUSED, 409, "overlaps a delegation of another customer", "dca(7) TRUST", \
  "end the other delegation first, or mark both shared") \
X(REG_LIVE, "reg-live", REFUSED, 409, "live certificates exceed what would be left", "dca(7) TRUST", \
  "revoke them in the same act (--revoke), or wait until they end") \
X(REG_IMPORT, "reg-import", MALFORMED, 400, "import refused, nothing was changed", "dca(7) LIMITS", \
  "correct the lines that are named and import again") \
X(BOARD_NONE, "board-none", REFUSED, 409, "nobody looks after this box", "dca(7) TRUST", \
  "start dca-board on the appliance, then sign again: this act was not done") \
X(REG_ACT, "reg-act", MALFORMED, 400, "not an act this appliance knows", "dca(7) TRUST", \
  "use a dcactl of the same version") \
/* issuing */ \
X(CROSS_NONE, "cross-none", BUSY, 503, "no cross-certificate is installed", "RFC 9060 4", \
  "run the ceremony: dca-ceremony csr, install") \
X(CROSS_VALIDITY, "cross-validity", BUSY, 503, "cross-certificate is not valid now", "RFC 5280 6.1", \
  "renew the cross-certificate") \
X(CROSS_KEY, "cross-key", REFUSED, 403, "cross-certificate is for another key", "RFC 5280 6.1", \
  "order it with the CSR of this token") \
X(CROSS_CA, "cross-ca", REFUSED, 403, "cross-certificate is not a CA certificate", \
  "RFC 5280 4.2.1.9, 4.2.1.3; RFC 9060 4", "cA TRUE, critical, with keyCertSign") \
X(CROSS_SCOPE, "cross-scope", REFUSED, 403, "cross-certificate is not the list that was asked", \
  "RFC 8555 7.4; RFC 9060 4", "order it again; neither wider nor narrower is installed") \
X(CROSS_CHAIN, "cross-chain", REFUSED, 403, "chain of the cross-certificate refused", \
  "RFC 5280 6.1; RFC 9060 7", "give the chain in order, up to the trusted root") \
X(CROSS_LINT, "cross-lint", REFUSED, 403, "cross-certificate breaks its profile", "dca(7) LINT", \
  "show the STI-CA the rule that is named: dca-verify lint FILE") \
X(CROSS_REVOKED, "cross-revoked", BUSY, 503, "cross-certificate was revoked", "RFC 5280 6.1.3 (a)(3)", \
  "order another one: dcactl cross order") \
X(UPSTREAM_HTTP, "upstream-http", IO, 500, "no usable answer from upstream", "RFC 9110; RFC 8555 6.1", \
  "see the text: address, proxy, TLS CA; the STI-PA admits known source addresses only") \
X(UPSTREAM_PA, "upstream-pa", REFUSED, 403, "the STI-PA refused", "ATIS-1000080 6.3", \
  "see what it said; account, password, SPC and numbers are agreed with it") \
X(UPSTREAM_CA, "upstream-ca", REFUSED, 403, "the STI-CA refused", "RFC 8555 6.7", \
  "see what it said, then: dcactl cross order") \
X(UPSTREAM_TOKEN, "upstream-token", REFUSED, 403, "SPC token is not what was asked for", "RFC 9448 5, 6", \
  "nothing was ordered with it; show it to the STI-PA") \
X(UPSTREAM_LIST, "upstream-list", REFUSED, 403, "list of trusted STI-CAs refused", "ATIS-1000080 6.3", \
  "check [sti-pa] root: the list must be signed under it") \
X(LINT, "lint", INTERNAL, 500, "certificate about to be signed breaks its profile", "dca(7) LINT", \
  "report the rule that is named: nothing was signed") \
X(CONSTRAINTS, "constraints", REFUSED, 400, "claim constraints refused", "RFC 9118 3, 4, 8; RFC 8226 8", \
  "correct the claim that is named; see dca(7) LIMITS") \
X(VALIDITY, "validity", REFUSED, 403, "too little validity left", "dca(7) LIMITS", \
  "renew what ends first") \
X(PROFILE, "profile", INTERNAL, 500, "built certificate breaks its profile", "dca(7) MAIN JOB", \
  "report this: nothing was signed") \
X(CLOCK, "clock", BUSY, 503, "clock cannot be trusted", "dca(7) NEVER", \
  "set the clock, or wait until it is synchronised: chronyc tracking; dca-vault.conf(5), [clock]") \
/* token */ \
X(TOKEN_DOWN, "token-down", TOKEN, 503, "token cannot sign now", "PKCS#11", \
  "see dcactl status; nothing was lost, repeat the request") \
X(TOKEN_PIN, "token-pin", TOKEN, 503, "token refuses the PIN", "PKCS#11 C_Login", \
  "correct the PIN file, then: dcactl token resume") \
X(TOKEN_STOPPED, "token-stopped", TOKEN, 503, "token stopped until an operator says so", "PKCS#11", \
  "correct what the text names, then: dcactl token resume") \
X(TOKEN_KEY, "token-key", TOKEN, 503, "CA key not found in the token", "PKCS#11", \
  "no key is ever made because one is missing: check the token, or run the ceremony") \
X(TOKEN_SIGNATURE, "token-signature", TOKEN, 503, "token returned a wrong signature", \
  "RFC 5280 4.1.2.2", "take the token out of service; once it is sound: dcactl token resume") \
X(TOKEN_ATTRIBUTES, "token-attributes", REFUSED, 403, "key is not what a CA key must be", \
  "dca(7) NEVER; PKCS#11 CKA_SENSITIVE", "generate it in the token, not extractable") \
X(TOKEN_URI, "token-uri", MALFORMED, 400, "not a pkcs11: URI that names one token", "RFC 7512", \
  "use pkcs11:token=LABEL;id=%01") \
/* transport */ \
X(FORMAT, "format", REFUSED, 415, "Content-Format not accepted here", "RFC 9148 4.3", \
  "send application/pkcs10 (286)") \
X(ACCEPT, "accept", REFUSED, 406, "Accept asks for a format not offered", "RFC 9148 4.3", \
  "accept 281 or 287") \
X(PATH, "path", NOTFOUND, 404, "no such resource", "RFC 7252 5.8", "see /.well-known/core") \
X(METHOD, "method", REFUSED, 405, "method not allowed", "RFC 7252 5.8", "see dca-front(8)") \
X(BODY_SIZE, "body-size", REFUSED, 413, "body too large", "dca(7) LIMITS", "split it") \
X(BLOCK, "block", MALFORMED, 408, "block out of order", "RFC 7959 2.9.2", "start again with block 0") \
X(BLOCK_OPTION, "block-option", MALFORMED, 400, "Block option does not fit", "RFC 7959 2.2, 2.3", \
  "size exponent 0 to 6, full blocks but the last, numbers inside the body") \
X(OPTION, "option", REFUSED, 402, "critical option not supported here", "RFC 7252 5.4.1", \
  "leave the option out") \
X(RATE, "rate", BUSY, 429, "too many requests", "RFC 8516", "wait for Max-Age seconds") \
X(QUEUE, "queue", BUSY, 503, "queue is full", "RFC 9148 4.7", "repeat the same request after Max-Age") \
X(VAULT_DOWN, "vault-down", BUSY, 503, "vault does not answer", "dca(7) MAIN JOB", \
  "repeat the same request after Max-Age") \
X(SERVER_KEY, "server-key", REFUSED, 403, "server is not the one that was pinned", "dca(7) TRUST", \
  "nothing was sent; compare with server=sha256:... that the TN provider gave you by another way") \
X(MESSAGE, "message", MALFORMED, 400, "local message refused", "dca(7) ROOMS", "") \
/* verification */ \
X(CERT_DER, "cert-der", MALFORMED, 400, "certificate is not strict DER", "RFC 5280 4.1; X.690 10", \
  "use the bytes the CA gave") \
X(CERT_EXTENSION, "cert-extension", REFUSED, 403, "extension malformed, twice or critical and unknown", \
  "RFC 5280 4.2, 6.1.4 (o)", "") \
X(CHAIN_ORDER, "chain-order", REFUSED, 403, "chain order is wrong", "RFC 9060 6, 7", \
  "signer first, then each parent; nothing else") \
X(CHAIN_AKI, "chain-aki", REFUSED, 403, "AKI is not the SKI of the parent", "RFC 9060 7", "") \
X(CHAIN_PATH, "chain-path", REFUSED, 403, "path validation failed", "RFC 5280 6.1", "") \
X(CHAIN_NAMES, "chain-names", REFUSED, 403, "subject outside the name constraints above it", \
  "RFC 5280 4.2.1.10, 6.1.3 (b)", "") \
X(CHAIN_TIME, "chain-time", REFUSED, 403, "a certificate is not valid at this time", "RFC 5280 6.1.3 (a)(2)", "") \
X(CHAIN_ANCHOR, "chain-anchor", REFUSED, 403, "path does not end at a trusted root", "RFC 9060 6", "") \
X(CHAIN_LEAF, "chain-leaf", REFUSED, 403, "leaf is not an end entity with digitalSignature", \
  "RFC 9060 4; RFC 5280 4.2.1.3", "") \
X(CHAIN_NOLIST, "chain-nolist", REFUSED, 403, "certificate without TNAuthList where one must be", \
  "RFC 8226 9; RFC 9060 4", "") \
X(CHAIN_SCOPE, "chain-scope", REFUSED, 403, "scope exceeds the parent's", "RFC 9060 4, 6", "") \
X(CHAIN_REVOKED, "chain-revoked", REFUSED, 403, "a certificate was revoked", "RFC 5280 6.1.3 (a)(3)", "") \
X(CHAIN_SPC, "chain-spc", REFUSED, 403, "numbers below an SPC that no inventory covers", "RFC 9060 4.1, 8", \
  "give the numbers of the SPC (--inventory), or accept them (--spc-parent flag)") \
X(CHAIN_NUMBER, "chain-number", REFUSED, 403, "number is not in the list of the leaf", "RFC 8226 9; RFC 9060 1", "") \
X(CRL_FORM, "crl-form", MALFORMED, 400, "CRL is malformed", "RFC 5280 5", "fetch it again from its issuer") \
X(CRL_SIGNER, "crl-signer", REFUSED, 403, "CRL is not signed by who may", "RFC 5280 6.3.3; RFC 10007 4", \
  "give the certificate of the CRL's issuer, with cRLSign") \
X(CRL_STALE, "crl-stale", REFUSED, 403, "CRL is not in force at this time", "RFC 5280 6.3.3", "fetch a newer one") \
X(CRL_NONE, "crl-none", REFUSED, 403, "no CRL speaks for this certificate", "RFC 5280 6.3.3", \
  "give the CRL of its cRLIssuer") \
X(LEDGER_ROW, "ledger-row", REFUSED, 403, "ledger row does not verify", "dca(7) FORMATS; RFC 6962 2.1", \
  "compare with a copy; someone changed the store") \
X(FETCH, "fetch", IO, 500, "x5u could not be fetched as the rules demand", "ATIS-1000074", "") \
/* PASSporT; the SIP response a verifier would send stands in the advice */ \
X(PASSPORT_FORM, "passport-form", MALFORMED, 400, "PASSporT is malformed", "RFC 8225 4, 5, 9", "438 Invalid Identity Header") \
X(PASSPORT_ALG, "passport-alg", REFUSED, 403, "alg is not ES256 or typ is not passport", "RFC 8225 4", \
  "438 Invalid Identity Header") \
X(PASSPORT_PPT, "passport-ppt", REFUSED, 403, "PASSporT type is not supported", "RFC 8225 8; RFC 8224 6.2", \
  "ignore this header; 428 Use Identity Header when no other is left") \
X(PASSPORT_X5U, "passport-x5u", REFUSED, 403, "x5u may not be dereferenced", "ATIS-1000080 6.3; ATIS-1000074", \
  "436 Bad Identity Info") \
X(PASSPORT_SIGNATURE, "passport-signature", REFUSED, 403, "signature of the PASSporT does not verify", \
  "RFC 8225 5; RFC 7518 3.4", "438 Invalid Identity Header") \
X(PASSPORT_FRESH, "passport-fresh", REFUSED, 403, "PASSporT is stale", "RFC 8224 6.2 step 4", "403 Stale Date") \
X(PASSPORT_NUMBER, "passport-number", REFUSED, 403, "number is outside the certificate", \
  "RFC 8226 9; RFC 9060 1; RFC 8946 3", "437 Unsupported Credential") \
X(PASSPORT_ORIG, "passport-orig", REFUSED, 403, "orig is not the caller of the request", "RFC 8224 6.2.4", \
  "438 Invalid Identity Header") \
X(PASSPORT_DEST, "passport-dest", REFUSED, 403, "dest is not the called party of the request", "RFC 8225 5.2.1; RFC 8946 4.2", \
  "438 Invalid Identity Header") \
X(PASSPORT_CLAIM, "passport-claim", REFUSED, 403, "claims break the constraints of the certificate", \
  "RFC 8226 8; RFC 9118 4", "437 Unsupported Credential") \
X(PASSPORT_RCD, "passport-rcd", REFUSED, 403, "rich call data refused", "RFC 9795 6, 8.2", "438 Invalid Identity Header") \
X(PASSPORT_SHAKEN, "passport-shaken", REFUSED, 403, "shaken signed with a delegate certificate", \
  "ATIS-1000092", "sign a base or rcd PASSporT, or verify with --shaken-by-delegate accept") \
X(SIP_FORM, "sip-form", MALFORMED, 400, "SIP message or Identity header is malformed", "RFC 8224 4; RFC 3261 7", "") \
/* dca-flash: the release, and the device that is overwritten */ \
X(FLASH_SIGNATURE, "flash-signature", REFUSED, 403, "release is not signed by who may", "RFC 5652 5; dca-flash(8)", \
  "fetch the image, SHA256SUMS and SHA256SUMS.sig of one release into one folder; --keyring is its certificate") \
X(FLASH_SUM, "flash-sum", REFUSED, 403, "file is not the one that was signed", "dca-flash(8)", \
  "fetch it again from the release") \
X(FLASH_IMAGE, "flash-image", MALFORMED, 400, "not an image that can be written", "RFC 8878; dca-flash(8)", \
  "give the .img.zst of a release") \
X(FLASH_BMAP, "flash-bmap", MALFORMED, 400, "block map refused", "bmap format 2.0; dca-flash(8)", \
  "tell who made the release; without the .img.bmap beside it the whole image is written") \
X(FLASH_DEVICE, "flash-device", REFUSED, 403, "device may not be overwritten", "dca-flash(8)", \
  "give a whole disk that is not the system's, or a file; lsblk lists the disks") \
X(FLASH_BUSY, "flash-busy", REFUSED, 403, "device is in use", "dca-flash(8)", \
  "end what uses it (umount, swapoff, losetup -d, dmsetup remove), then again") \
X(FLASH_SMALL, "flash-small", REFUSED, 403, "device is too small", "dca-flash(8)", "give a larger one") \
X(FLASH_UNCONFIRMED, "flash-unconfirmed", REFUSED, 403, "not confirmed, nothing was written", "dca-flash(8)", \
  "type the name as it is shown, or give --yes") \
X(FLASH_STOPPED, "flash-stopped", IO, 500, "stopped by a signal", "dca-flash(8)", "run it again") \
X(FLASH_BROKEN, "flash-broken", IO, 500, "device does not hold what was written to it", "dca-flash(8)", \
  "flash it again; when it fails again, throw the device away") \
/* the machine */ \
X(CONFIG, "config", MALFORMED, 400, "configuration refused", "dca(7) NAMES", "correct the file at the line named") \
X(INPUT, "input", MALFORMED, 400, "input refused", "", "see --help") \
X(IO, "io", IO, 500, "input or output failed", "", "") \
X(INTERNAL, "internal", INTERNAL, 500, "internal error", "", "report this")

enum dca_rule {
#define X(sym, ...) DCA_RULE_##sym,
	DCA_PROBLEMS(X)
#undef X
	DCA_RULE_COUNT
};

struct dca_problem {
	enum dca_rule rule;
	const char *id;		/* stable, printed and sent */
	enum dca_rc rc;
	int coap;		/* 403 for 4.03 */
	const char *title;
	const char *clause;
	const char *advice;
};

/* Never NULL; an unknown rule is INTERNAL. */
const struct dca_problem *dca_problem(enum dca_rule rule);
/* NULL when no rule has this id. */
const struct dca_problem *dca_problem_by_id(const char *id);
/* 0 done, 1 refused, 2 trouble. */
int dca_exit_code(enum dca_rc rc);

#endif
