#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# dca-verify chain with revocation: direct CRLs by openssl ca, indirect ones of
# an STI-PA by an encoder of our own; the policy for SPCs; one number.
# usage: verify-crl.sh BUILD-DIRECTORY
set -euo pipefail
bin=$(cd "$1" && pwd)/bin
here=$(cd "$(dirname "$0")" && pwd)
for p in openssl python3 jq; do
	command -v $p >/dev/null ||
		{ echo "*** SKIPPED, NOTHING WAS TESTED: install $p ***" >&2; exit 77; }
done
t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT
failures=0

run() {	# CODE TEXT COMMAND...
	local want=$1 text=$2 rc=0
	shift 2
	"$@" >"$t/out" 2>&1 || rc=$?
	if [ $rc != "$want" ] || ! grep -qF -- "$text" "$t/out"; then
		echo "NOT OK: $* (exit $rc, wanted $want and \"$text\")"
		sed 's/^/    /' "$t/out"
		failures=$((failures + 1))
	fi
}

# Root, a CA that signs CRLs too, its leaf; the STI-PA's CRL signer and one
# without cRLSign. The leaf names the STI-PA as cRLIssuer.
for k in root ca leaf pa nopa; do
	openssl ecparam -name prime256v1 -genkey -noout -out "$t/$k.key"
done
request() { openssl req -new -key "$t/$1.key" -subj "$2" -out "$t/$1.csr"; }
request root "/C=US/O=Lab/CN=SHAKEN root"
request ca "/C=US/O=Lab/CN=SHAKEN ca"
request leaf "/C=US/O=Lab/CN=SHAKEN leaf"
request pa "/C=US/O=STI-PA/CN=STI-PA CRL"
request nopa "/C=US/O=STI-PA/CN=STI-PA CRL"
sign() {	# NAME EXTENSIONS OPTION...
	echo "$2" >"$t/$1.cnf"
	openssl x509 -req -in "$t/$1.csr" -extfile "$t/$1.cnf" -days 3 "${@:3}" \
		-out "$t/$1.pem" 2>/dev/null
}
sign root "basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign
subjectKeyIdentifier = hash" -signkey "$t/root.key"
sign pa "keyUsage = critical,cRLSign
subjectKeyIdentifier = hash" -signkey "$t/pa.key"
sign nopa "keyUsage = critical,digitalSignature
subjectKeyIdentifier = hash" -signkey "$t/nopa.key"
request pa "/C=US/O=STI-PA/CN=Another"
mv "$t/pa.pem" "$t/keep.pem"
sign pa "keyUsage = critical,cRLSign
subjectKeyIdentifier = hash" -signkey "$t/pa.key"
mv "$t/pa.pem" "$t/nocrl.pem"
mv "$t/keep.pem" "$t/pa.pem"
crldp=$(python3 "$here/crl.py" point "$t/pa.pem")
sign ca "basicConstraints = critical,CA:TRUE,pathlen:0
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
1.3.6.1.5.5.7.1.26 = DER:3008a006160431323334" -CA "$t/root.pem" -CAkey "$t/root.key" -set_serial 2
ids="basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
1.3.6.1.5.5.7.1.26 = DER:3014a1123010160b3132313235353531353030020164"
sign leaf "$ids" -CA "$t/ca.pem" -CAkey "$t/ca.key" -set_serial 0x1001
cat "$t/leaf.pem" "$t/ca.pem" >"$t/plain.pem"
sign leaf "$ids
2.5.29.31 = DER:$crldp" -CA "$t/ca.pem" -CAkey "$t/ca.key" -set_serial 0x1002
cat "$t/leaf.pem" "$t/ca.pem" >"$t/chain.pem"
chain() { "$bin/dca-verify" chain --roots "$t/root.pem" "$@"; }

# --- the policy for SPCs, an inventory, one number ---
run 0 "not compared" chain "$t/plain.pem"
run 0 "accepted" chain --spc-parent accept "$t/plain.pem"
run 1 "chain-spc" chain --spc-parent reject "$t/plain.pem"
run 2 "--spc-parent" chain --spc-parent maybe "$t/plain.pem"
printf 'start,count,spc\n12125551000,1000,1234\n' >"$t/inventory.csv"
run 0 "accepted" chain --spc-parent reject --inventory "$t/inventory.csv" "$t/plain.pem"
printf 'start,count,spc\n12125551000,550,1234\n' >"$t/inventory.csv"
run 1 "12125551550" chain --inventory "$t/inventory.csv" "$t/plain.pem"
printf 'start,count,spc\n12125551000,1000,5678\n' >"$t/inventory.csv"
run 0 "not compared" chain --inventory "$t/inventory.csv" "$t/plain.pem"
run 1 "chain-spc" chain --spc-parent reject --inventory "$t/inventory.csv" "$t/plain.pem"
run 0 "is in the list" chain --number +12125551599 "$t/plain.pem"
run 1 "chain-number" chain --number 12125551600 "$t/plain.pem"

# --- a direct CRL, by openssl ca ---
cat >"$t/ca.conf" <<END
[ca]
default_ca = lab
[lab]
database = $t/index
crlnumber = $t/number
default_md = sha256
default_crl_days = 1
crl_extensions = crl
[crl]
authorityKeyIdentifier = keyid
END
: >"$t/index"
echo 01 >"$t/number"
direct() {	# OUT
	openssl ca -config "$t/ca.conf" -gencrl -cert "$t/ca.pem" -keyfile "$t/ca.key" \
		-out "$1" 2>/dev/null
}
direct "$t/empty.crl"
with() { chain --crl "$1" --crl-signer "$2" "$3"; }
run 0 "nothing is revoked" with "$t/empty.crl" "$t/ca.pem" "$t/plain.pem"
printf 'R\t270101000000Z\t260101000000Z,keyCompromise\t1001\tunknown\t/CN=x\n' >"$t/index"
direct "$t/revoked.crl"
run 1 "chain-revoked" with "$t/revoked.crl" "$t/ca.pem" "$t/plain.pem"
run 1 "keyCompromise" with "$t/revoked.crl" "$t/ca.pem" "$t/plain.pem"
run 1 "chain-revoked" with <(openssl crl -in "$t/revoked.crl" -outform DER) \
	"$t/ca.pem" "$t/plain.pem"
run 1 "crl-stale" chain --crl "$t/empty.crl" --crl-signer "$t/ca.pem" \
	--time "$(date -u -d '+2 days' +%Y-%m-%dT%H:%M:%SZ)" "$t/plain.pem"
run 2 "go together" chain --crl "$t/empty.crl" "$t/plain.pem"
run 2 "crl-signer" with "$t/empty.crl" "$t/root.pem" "$t/plain.pem"
run 2 "crl-form" with "$t/plain.pem" "$t/ca.pem" "$t/plain.pem"

# --- indirect ones: crl.py list SIGNER KEY OUT [SERIAL:ISSUER-OF-CERTIFICATE]... ---
list() { python3 "$here/crl.py" list "$@"; }
list "$t/pa.pem" "$t/pa.key" "$t/pa.crl"
run 0 "accepted" with "$t/pa.crl" "$t/pa.pem" "$t/chain.pem"
list "$t/pa.pem" "$t/pa.key" "$t/pa.crl" "1002:$t/leaf.pem"
run 1 "chain-revoked" with "$t/pa.crl" "$t/pa.pem" "$t/chain.pem"
# the same serial of another issuer; and sticky from entry to entry (5.3.3)
list "$t/pa.pem" "$t/pa.key" "$t/pa.crl" "1002:$t/ca.pem"
run 0 "accepted" with "$t/pa.crl" "$t/pa.pem" "$t/chain.pem"
list "$t/pa.pem" "$t/pa.key" "$t/pa.crl" "7:$t/leaf.pem" 1002:
run 1 "chain-revoked" with "$t/pa.crl" "$t/pa.pem" "$t/chain.pem"
list "$t/pa.pem" "$t/pa.key" "$t/pa.crl" "7:$t/leaf.pem" "8:$t/ca.pem" 1002:
run 0 "accepted" with "$t/pa.crl" "$t/pa.pem" "$t/chain.pem"
# 100,000 entries of the leaf's issuer
list "$t/pa.pem" "$t/pa.key" "$t/pa.crl" "100000*$t/leaf.pem"
run 1 "chain-revoked" with "$t/pa.crl" "$t/pa.pem" "$t/chain.pem"
list --direct "$t/pa.pem" "$t/pa.key" "$t/pa.crl"
run 1 "indirectCRL" with "$t/pa.crl" "$t/pa.pem" "$t/chain.pem"
list "$t/nopa.pem" "$t/nopa.key" "$t/pa.crl"
run 2 "RFC 10007 4" with "$t/pa.crl" "$t/nopa.pem" "$t/chain.pem"
run 2 "crl-signer" with "$t/pa.crl" "$t/pa.pem" "$t/chain.pem"
# the list of another, and nobody's for a certificate that names the STI-PA
openssl ca -config "$t/ca.conf" -gencrl -cert "$t/nocrl.pem" -keyfile "$t/pa.key" \
	-out "$t/other.crl" 2>/dev/null
run 1 "crl-none" with "$t/other.crl" "$t/nocrl.pem" "$t/chain.pem"

# --- JSON ---
list "$t/pa.pem" "$t/pa.key" "$t/pa.crl" "1002:$t/leaf.pem"
chain --json --number 12125551500 --crl "$t/pa.crl" --crl-signer "$t/pa.pem" \
	"$t/chain.pem" >"$t/json" || true
[ "$(jq -r '[.verdict, .rule, .number, .revocation, .certificates[0].failed] | join(" ")' "$t/json")" \
	= "refused chain-revoked 12125551500 checked true" ] ||
	{ echo "NOT OK: JSON"; cat "$t/json"; failures=$((failures + 1)); }
chain --json "$t/plain.pem" >"$t/json"
[ "$(jq -r '[.verdict, .number, .revocation, .spc_unchecked] | map(tostring) | join(" ")' "$t/json")" \
	= "accepted null not checked true" ] ||
	{ echo "NOT OK: JSON"; cat "$t/json"; failures=$((failures + 1)); }

[ $failures = 0 ] || { echo "$failures not ok"; exit 1; }
echo "all as it should be"
