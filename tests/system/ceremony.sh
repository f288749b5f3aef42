#!/usr/bin/env bash
# The key ceremony from an empty token to a checked cross-certificate, against
# the lab STI-CA, with every refusal that must happen on the way.
# usage: ceremony.sh BUILD-DIRECTORY
set -euo pipefail
bin=$(cd "$1" && pwd)/bin
module=
for so in /usr/lib/softhsm/libsofthsm2.so /usr/lib/*/softhsm/libsofthsm2.so \
	/usr/lib64/pkcs11/libsofthsm2.so /usr/local/lib/softhsm/libsofthsm2.so; do
	[ -r "$so" ] && module=$so && break
done
[ -n "$module" ] || { echo "*** SKIPPED, NOTHING WAS TESTED: install softhsm2 ***" >&2; exit 77; }
command -v p11tool >/dev/null ||
	{ echo "*** SKIPPED, NOTHING WAS TESTED: install gnutls-bin ***" >&2; exit 77; }
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
umask 077
mkdir "$tmp/tokens"
printf 'directories.tokendir = %s/tokens\nobjectstore.backend = file\n' "$tmp" >"$tmp/softhsm2.conf"
export SOFTHSM2_CONF=$tmp/softhsm2.conf
pin=$(od -An -N8 -tx1 /dev/urandom | tr -d ' \n')
so_pin=$(od -An -N8 -tx1 /dev/urandom | tr -d ' \n')
printf '%s\n' "$pin" >"$tmp/pin"
printf '%s\n' "$so_pin" >"$tmp/so-pin"
record=$tmp/record.txt
uri='pkcs11:token=ceremony;object=dca-ca;id=%01'
token=(--module "$module" --token "$uri" --pin-file "$tmp/pin")
names=(--country US --org "Example TN Provider" --cn "SHAKEN Example")

failures=0
bad() {
	echo "NOT OK: $*"
	sed 's/^/    /' "$tmp/out"
	failures=$((failures + 1))
}
# run CODE RULE WHAT COMMAND...: exit code, and the rule that is named
# ("done" when it must succeed).
run() {
	local want=$1 rule=$2 what=$3 rc=0
	shift 3
	"$@" >"$tmp/out" 2>&1 || rc=$?
	cat "$tmp/out" >>"$tmp/all"
	if [ $rc != "$want" ]; then
		bad "$what: exit $rc, not $want"
	elif [ "$rule" = done ] && ! grep -q '^result *done$' "$tmp/out"; then
		bad "$what: no result line"
	elif [ "$rule" != done ] && ! grep -q "rule:   $rule" "$tmp/out"; then
		bad "$what: rule $rule is not named"
	else
		echo "ok: $what"
	fi
}
says() { # TEXT...: each stands in what the last command printed
	for text in "$@"; do
		grep -qF -- "$text" "$tmp/out" || bad "does not say \"$text\""
	done
}
ceremony() { "$bin/dca-ceremony" "$@"; }
objects() { # TYPE: how many of it, by another program's eyes
	GNUTLS_PIN=$pin p11tool --provider "$module" --login --batch --list-all \
		"pkcs11:token=ceremony" >"$tmp/objects" 2>&1 || true
	grep -c "Type: $1" "$tmp/objects" || true
}

echo "--- init-token"
run 2 token-down "a module that is none" ceremony init-token --module /etc/passwd \
	--label ceremony --so-pin-file "$tmp/so-pin" --pin-file "$tmp/pin"
chmod 644 "$tmp/pin"
run 2 token-pin "a PIN file that others read" ceremony init-token --module "$module" \
	--label ceremony --so-pin-file "$tmp/so-pin" --pin-file "$tmp/pin"
says "chmod 600"
chmod 600 "$tmp/pin"
run 0 done "init-token" ceremony init-token --module "$module" --label ceremony \
	--so-pin-file "$tmp/so-pin" --pin-file "$tmp/pin" --record "$record"
run 1 reg-exists "the same label twice" ceremony init-token --module "$module" --label ceremony \
	--so-pin-file "$tmp/so-pin" --pin-file "$tmp/pin"

echo "--- keygen"
run 1 input "no token named" ceremony keygen --module "$module" --pin-file "$tmp/pin"
run 1 token-uri "a PIN in the URI" ceremony keygen --module "$module" --pin-file "$tmp/pin" \
	--token "$uri?pin-value=$pin"
run 1 token-uri "no such token" ceremony keygen --module "$module" --pin-file "$tmp/pin" \
	--token "pkcs11:token=other;id=%01"
run 1 token-attributes "an exportable key" ceremony keygen "${token[@]}" --extractable --record "$record"
says "the new key was destroyed" "CKA_EXTRACTABLE"
[ "$(objects '.* key')" = 0 ] || bad "the exportable key is still there"
run 2 token-key "a request without a key" ceremony csr "${token[@]}" --scope spc:709J "${names[@]}" \
	--out "$tmp/none.csr"
[ ! -e "$tmp/none.csr" ] || bad "a request was written"
run 0 done "keygen" ceremony keygen "${token[@]}" --record "$record"
for attribute in SENSITIVE ALWAYS_SENSITIVE NEVER_EXTRACTABLE LOCAL; do
	grep -Eq "^$attribute +true$" "$tmp/out" || bad "$attribute was not read back"
done
grep -Eq "^EXTRACTABLE +false$" "$tmp/out" || bad "EXTRACTABLE was not read back"
says "0x1040 CKM_EC_KEY_PAIR_GEN" "key SPKI SHA-256" "token serial"
spki=$(awk '/key SPKI/ { print $NF }' "$tmp/out")
run 1 reg-exists "a second key under the same id" ceremony keygen "${token[@]}"
[ "$(objects '.* key')" = 2 ] || bad "not one key pair"

echo "--- csr"
run 1 input "no scope" ceremony csr "${token[@]}" "${names[@]}" --out "$tmp/none.csr"
run 1 tn-number "a scope that is none" ceremony csr "${token[@]}" "${names[@]}" --scope 12x \
	--out "$tmp/none.csr"
run 1 reg-field "a country that is none" ceremony csr "${token[@]}" --scope spc:709J \
	--country USA --org x --cn y --out "$tmp/none.csr"
printf '# one block and one number\n12025550000+10000\n\n +12025570000,\n' >"$tmp/scope"
run 0 done "csr, scope from a file" ceremony csr "${token[@]}" "${names[@]}" --scope-file "$tmp/scope" \
	--out "$tmp/ca.csr" --record "$record"
says "12025550000+10000" "12025570000"
run 0 done "csr, an SPC" ceremony csr "${token[@]}" "${names[@]}" --scope spc:709J --out "$tmp/spc.csr"
# OpenSSL reads it too, and the key is the token's.
openssl req -in "$tmp/ca.csr" -verify -noout >"$tmp/out" 2>&1 || bad "openssl req -verify"
openssl req -in "$tmp/ca.csr" -text -noout >"$tmp/out"
says "CA:TRUE" "Certificate Sign" "1.3.6.1.5.5.7.1.26" "Example TN Provider"
openssl req -in "$tmp/ca.csr" -pubkey -noout | openssl pkey -pubin -outform DER |
	openssl dgst -sha256 -r >"$tmp/out"
says "$spki"

echo "--- install: what the STI-CA may send back"
lab=$tmp/lab
"$bin/dca-sandbox" init "$lab" >/dev/null
sandbox() { "$bin/dca-sandbox" sign "$lab" "$@" >/dev/null; }
check() { # CODE RULE WHAT CHAIN [OPTION...]
	local code=$1 rule=$2 what=$3 chain=$4
	shift 4
	run "$code" "$rule" "$what" ceremony install "${token[@]}" --csr "$tmp/ca.csr" \
		--chain "$chain" --roots "$lab/root.pem" --check "$@"
}
while read -r flaw rule; do
	sandbox --csr "$tmp/ca.csr" --out "$tmp/$flaw.pem" --flaw "$flaw"
	# Not valid now is trouble (2), not a refusal: it may become valid.
	code=1
	[ $flaw != expired ] || code=2
	check $code "$rule" "refused: $flaw" "$tmp/$flaw.pem"
done <<'FLAWS'
no-ca cross-ca
no-keycertsign cross-ca
wider cross-scope
narrower cross-scope
other-key cross-key
no-list cross-scope
aki cross-chain
pathlen0 cross-chain
expired cross-validity
FLAWS
sandbox --csr "$tmp/ca.csr" --out "$tmp/chain.pem"
check 0 done "the right one passes the local checks" "$tmp/chain.pem"
says "12025550000+10000" "passed"
sandbox --csr "$tmp/spc.csr" --out "$tmp/spc.pem"
check 1 cross-scope "the answer to another request" "$tmp/spc.pem"
"$bin/dca-sandbox" init "$tmp/lab2" >/dev/null
run 1 cross-chain "a root that is not trusted" ceremony install "${token[@]}" --csr "$tmp/ca.csr" \
	--chain "$tmp/chain.pem" --roots "$tmp/lab2/root.pem" --check
awk '/BEGIN/ { n++ } n == 1' "$tmp/chain.pem" >"$tmp/alone.pem"
check 1 cross-chain "the intermediate left out" "$tmp/alone.pem"
awk '/BEGIN/ { n++ } n == 2' "$tmp/chain.pem" | cat - "$tmp/alone.pem" >"$tmp/turned.pem"
check 1 cross- "the order turned round" "$tmp/turned.pem"
check 1 input "a chain file without certificates" "$tmp/ca.csr"
: >"$tmp/empty"
check 1 input "an empty chain file" "$tmp/empty"
check 2 io "a chain file that is not there" "$tmp/nothing"

echo "--- install: another key in the token, no vault"
run 0 done "a second key" ceremony keygen --module "$module" --pin-file "$tmp/pin" \
	--token 'pkcs11:token=ceremony;object=other;id=%02'
run 1 cross-key "the request of another key of the token" ceremony install --csr "$tmp/ca.csr" \
	--chain "$tmp/chain.pem" --roots "$lab/root.pem" --check --module "$module" \
	--pin-file "$tmp/pin" --token 'pkcs11:token=ceremony;object=other;id=%02'
run 2 vault-down "no vault" ceremony install "${token[@]}" --csr "$tmp/ca.csr" \
	--chain "$tmp/chain.pem" --roots "$lab/root.pem" --prefix "$tmp" --record "$record"
[ "$(objects 'X.509 Certificate')" = 0 ] || bad "stored in the token before the vault had it"

echo "--- status, record, PIN"
run 0 done "status" ceremony status "${token[@]}"
says "$spki" ceremony "KEY_GEN_MECHANISM"
printf 'not-the-pin\n' >"$tmp/wrong"
run 2 token-pin "a wrong PIN" ceremony status --module "$module" --token "$uri" --pin-file "$tmp/wrong"
says CKR_PIN_INCORRECT
cp "$record" "$tmp/out"
[ "$(grep -c '^--- dca ceremony record ---$' "$record")" = 5 ] || bad "the record does not hold five acts"
says "act                init-token" "result             refused token-attributes" \
	"result             failed vault-down"
[ "$(stat -c %a "$record")" = 600 ] || bad "mode of the record"
cat "$record" >>"$tmp/all"
if grep -qF -e "$pin" -e "$so_pin" -e not-the-pin "$tmp/all"; then
	cp "$tmp/all" "$tmp/out"
	bad "a PIN was printed"
fi

[ $failures = 0 ] || { echo "$failures failures"; exit 1; }
echo "the ceremony holds"
