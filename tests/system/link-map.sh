#!/usr/bin/env bash
# A linker line is a privilege: who may call what, read off the programs.
# usage: link-map.sh DIRECTORY-OF-PROGRAMS
set -u
bin=$1 rc=0
# program | symbols it must not name | libraries it must not load
while IFS='|' read -r program symbols libraries; do
	[ -x "$bin/$program" ] || { echo "not built: $program"; rc=1; continue; }
	found=$(nm -D --undefined-only "$bin/$program" | grep -oE " ($symbols)[A-Za-z0-9_]*" | sort -u | tr '\n' ' ')
	[ -z "$found" ] || { echo "$program names: $found"; rc=1; }
	found=$(ldd "$bin/$program" | grep -oE "lib($libraries)[^ ]*" | sort -u | tr '\n' ' ')
	[ -z "$found" ] || { echo "$program loads: $found"; rc=1; }
	found=$(nm "$bin/$program" 2>/dev/null | grep -oE " [TtUD] ($symbols)[A-Za-z0-9_]*" | sort -u | tr '\n' ' ')
	[ -z "$found" ] || { echo "$program holds: $found"; rc=1; }
done <<'MAP'
dca-vault|coap_|curl_|SSL_|PKCS11_|json_|connect_tls|coap|curl|ssl|p11[.]|jansson
dca-front|C_Sign|PKCS11_|sqlite3_|curl_|dca_signer_|dca_hsm_|dca_store_|p11[.]|sqlite3|curl|jansson
dca-publisher|C_Sign|PKCS11_|sqlite3_|coap_|dca_signer_|dca_hsm_|dca_store_|p11[.]|sqlite3|coap|jansson
dca-upstream|C_Sign|PKCS11_|sqlite3_|coap_|dca_signer_|dca_hsm_|dca_store_|p11[.]|sqlite3|coap
dcactl|C_Sign|PKCS11_|sqlite3_|dca_signer_|dca_hsm_|dca_store_|p11[.]|sqlite3|jansson
dca-enroll|C_Sign|PKCS11_|sqlite3_|dca_signer_|dca_hsm_|dca_store_|p11[.]|sqlite3|jansson
dca-verify|C_Sign|PKCS11_|coap_|dca_signer_|dca_hsm_|p11[.]|coap|jansson
dca-passport|PKCS11_|coap_|sqlite3_|dca_store_|p11[.]|coap|sqlite3
dca-ceremony|coap_|curl_|sqlite3_|dca_store_|coap|curl|sqlite3|jansson
dca-sandbox|C_Sign|PKCS11_|coap_|sqlite3_|dca_signer_|dca_hsm_|dca_store_|p11[.]|coap|sqlite3
dca-flash|C_Sign|PKCS11_|coap_|curl_|sqlite3_|SSL_|json_|dca_signer_|dca_hsm_|dca_store_|p11[.]|coap|curl|sqlite3|ssl|jansson
MAP
[ $rc = 0 ] && echo "link map holds"
exit $rc
