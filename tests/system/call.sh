#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A call from end to end: a customer enrols, signs an INVITE, the chain is
# published, and another party verifies what arrives; then every reason not to
# take the call. A lab chain of openssl's for what our own CA refuses to issue.
# usage: call.sh BUILD-DIRECTORY
set -euo pipefail
build=$(cd "$1" && pwd)
top=$(cd "$(dirname "$0")/../.." && pwd)
for p in openssl python3 jq curl; do
	command -v $p >/dev/null ||
		{ echo "*** SKIPPED, NOTHING WAS TESTED: install $p ***" >&2; exit 77; }
done
bin=$build/bin
tmp=$(mktemp -d)
state=$tmp/state
quick() { "$top/tools/quickstart" "$@" --state "$state" --build "$build" --no-install; }
finish() {
	local rc=$?
	[ $rc = 0 ] || tail -n 5 "$state"/log/*.log
	quick stop >/dev/null || true
	rm -rf "$tmp"
	exit $rc
}
trap finish EXIT
failures=0
ok() { echo "ok: $*"; }
bad() {
	echo "NOT OK: $*"
	sed 's/^/    /' "$tmp/out" "$tmp/err"
	failures=$((failures + 1))
}
expect() { # TEXT COMMAND...
	local what=$1
	shift
	if "$@" >"$tmp/out" 2>"$tmp/err"; then ok "$what"; else bad "$what"; fi
}
said() { # WHAT PATTERN; of the last command
	if grep -q -- "$2" "$tmp/out"; then ok "$1"; else bad "$1"; fi
}
# The exit code and the rule, wherever it is told.
refuse() { # CODE RULE WHAT COMMAND...
	local code=$1 rule=$2 what=$3 rc=0
	shift 3
	"$@" >"$tmp/out" 2>"$tmp/err" || rc=$?
	if [ $rc = "$code" ] && cat "$tmp/out" "$tmp/err" | grep -qE "rule +$rule( |:)"; then
		ok "$what: $rule"
	else
		bad "$what: exit $rc, wanted $code and $rule"
	fi
}

quick >"$tmp/quickstart.log" 2>&1 || { cat "$tmp/quickstart.log"; exit 1; }
customer=$state/customer
x5u=$(cat "$customer/x5u")
site=$state/var/lib/dca/publisher/sti
base=${x5u%/*}
caller=12025550123 called=12155550131
sign() { "$bin/dca-passport" sign --key "$customer/key.pem" --x5u "$x5u" "$@"; }
verify() { "$bin/dca-passport" verify --roots "$state/root.pem" --tls-ca "$state/tls-ca.pem" "$@"; }
invite() { # FROM-NUMBER TO-NUMBER [HEADER...]
	printf 'INVITE sip:+%s@b.example;user=phone SIP/2.0\r\n' "$2"
	printf 'Via: SIP/2.0/TLS a.example;branch=z9hG4bKnashds8\r\nMax-Forwards: 70\r\n'
	printf 'To: <sip:+%s@b.example;user=phone>\r\n' "$2"
	printf 'From: "Acme"\r\n <sip:+%s@a.example;user=phone>;tag=1928301774\r\n' "$1"
	printf 'Call-ID: a84b4c76e66710@a.example\r\nCSeq: 314159 INVITE\r\n'
	[ $# -lt 3 ] || printf '%s\r\n' "${@:3}"
	printf 'Content-Type: application/sdp\r\nContent-Length: 21\r\n\r\nv=0\r\no=- 0 0 IN IP4 x'
}
decode() { # base64url
	local s
	s=$(tr -- '-_' '+/')
	while [ $((${#s} % 4)) != 0 ]; do s+='='; done
	base64 -d <<<"$s"
}
now() { date +%s; }
at() { date -u -d "@$1" +%Y-%m-%dT%H:%M:%SZ; }

echo "--- signed, and as openssl sees it"
sign --cert "$customer/cert.pem" --orig +1-202-555-0123 --dest $called >"$tmp/token"
IFS=. read -r header payload signature <"$tmp/token"
printf %s "$header.$payload" >"$tmp/input"
raw=$(decode <<<"$signature" | od -An -v -tx1 | tr -d ' \n')
printf 'asn1=SEQUENCE:s\n[s]\nr=INTEGER:0x%s\ns=INTEGER:0x%s\n' "${raw:0:64}" "${raw:64}" >"$tmp/sig.cnf"
openssl asn1parse -genconf "$tmp/sig.cnf" -noout -out "$tmp/sig"
openssl x509 -in "$customer/cert.pem" -noout -pubkey >"$tmp/pub.pem"
expect "openssl dgst -verify" openssl dgst -sha256 -verify "$tmp/pub.pem" -signature "$tmp/sig" "$tmp/input"
expect "the header of RFC 8225" test "$(decode <<<"$header")" = \
	'{"alg":"ES256","typ":"passport","x5u":"'"$x5u"'"}'
expect "the claims, in order" grep -qE \
	'^\{"dest":\{"tn":\["'$called'"\]\},"iat":[0-9]+,"orig":\{"tn":"'$caller'"\}\}$' <(decode <<<"$payload")
expect "verified as a bare token" verify --orig $caller --dest $called "$(cat "$tmp/token")"
expect "from the standard input" sh -c "'$bin/dca-passport' verify --roots '$state/root.pem' \
	--tls-ca '$state/tls-ca.pem' - <'$tmp/token'"
said "what was not compared" "orig was not compared"
sign --identity --orig $caller --dest $called >"$tmp/identity"
expect "as an Identity value" verify --orig $caller --dest $called "$(cat "$tmp/identity")"

echo "--- through SIP"
invite $caller $called >"$tmp/invite"
sign --cert "$customer/cert.pem" --sip <"$tmp/invite" >"$tmp/signed"
expect "one line more" test "$(grep -c '^Identity: ' "$tmp/signed")" = 1
sed '/^Identity: /d' "$tmp/signed" >"$tmp/without"
expect "and no other octet changed" cmp "$tmp/invite" "$tmp/without"
sip() { # FILE [OPTION...]
	local file=$1
	shift
	verify --sip "$@" <"$file"
}
expect "the call is accepted" sip "$tmp/signed" --cache "$tmp/cache"
said "the chain was fetched" "chain    fetched"
expect "again" sip "$tmp/signed" --cache "$tmp/cache"
said "out of the cache" "chain    from the cache"
echo >>"$(echo "$tmp"/cache/*.pem)"
expect "a damaged file" sip "$tmp/signed" --cache "$tmp/cache"
said "is fetched anew" "chain    fetched"
sed -i 's/^\([0-9a-f]*\) [0-9]*/\1 1000000000/' "$tmp"/cache/*.pem
expect "an old one" sip "$tmp/signed" --cache "$tmp/cache"
said "too" "chain    fetched"
kept=$(cut -d' ' -f2 "$tmp"/cache/*.pem | head -1)
expect "kept for a day" test "$kept" -ge $(($(now) + 86000))
expect "JSON" sh -c "'$bin/dca-passport' verify --sip --json --roots '$state/root.pem' \
	--tls-ca '$state/tls-ca.pem' <'$tmp/signed' |
	jq -e '.verdict == \"accepted\" and .caller == \"$caller\" and .passports[0].type == \"base\"'"

echo "--- every type"
typed() { # OPTION...
	sign --sip --ppt "$@" <"$tmp/invite" >"$tmp/typed"
	expect "$*" sip "$tmp/typed"
}
typed shaken --attest A
typed rcd --rcd-name Acme
typed rcd --rcd '{"nam":"Acme"}' --crn support
sign --ppt shaken --attest A --orig $caller --dest $called >"$tmp/shaken"
refuse 1 passport-shaken "shaken, by policy" verify --shaken-by-delegate reject "$(cat "$tmp/shaken")"
# the called party, 0124, is one of ours and diverts
div=12025550124
invite $caller $div >"$tmp/first"
sign --sip <"$tmp/first" | sed "1s/$div/$called/" >"$tmp/retargeted"
refuse 1 passport-dest "retargeted and nobody said so" sip "$tmp/retargeted"
sign --ppt div --div $div --sip <"$tmp/retargeted" >"$tmp/diverted"
expect "a diversion" sip "$tmp/diverted"
sed "1s/$called/12155550140/" "$tmp/diverted" >"$tmp/again"
refuse 1 passport-dest "the diverted call retargeted" sip "$tmp/again"
sign --ppt div --div 12025550123 --dest 12155550140 --sip <"$tmp/again" >"$tmp/broken"
refuse 1 passport-dest "a second diversion by whom nobody called" sip "$tmp/broken"
# within our own numbers the chain may go on
sed "1s/$div/12025550125/" <(sign --sip <"$tmp/first") >"$tmp/inside"
sign --ppt div --div $div --sip <"$tmp/inside" | sed "1s/12025550125/$called/" >"$tmp/inside1"
sign --ppt div --div 12025550125 --sip <"$tmp/inside1" >"$tmp/inside2"
expect "two diversions" sip "$tmp/inside2"
sign --ppt div --div 12025550125 --sip <"$tmp/retargeted" >"$tmp/broken"
refuse 1 passport-dest "a chain that is broken" sip "$tmp/broken"
sign --ppt div --div 12155550199 --sip <"$tmp/retargeted" >"$tmp/foreign"
refuse 1 passport-number "div of a number that is not ours" sip "$tmp/foreign"
sign --ppt div --div $div --orig 12025550126 --sip <"$tmp/retargeted" >"$tmp/other"
refuse 1 passport-orig "orig not the same along the chain" sip "$tmp/other"

echo "--- a key in a token"
module=$(sed -n 's/^module = //p' "$state/etc/dca/vault.conf")
printf 'directories.tokendir = %s/tokens\nobjectstore.backend = file\n' "$tmp" >"$tmp/softhsm.conf"
mkdir "$tmp/tokens"
(umask 077 && printf 1234 >"$tmp/pin")
(umask 077 && printf 12345678 >"$tmp/so-pin")
token() { SOFTHSM2_CONF=$tmp/softhsm.conf "$@"; }
uri='pkcs11:token=customer;id=%07;object=key'
expect "a token" token "$bin/dca-ceremony" init-token --module "$module" --label customer \
	--so-pin-file "$tmp/so-pin" --pin-file "$tmp/pin"
expect "a key" token "$bin/dca-ceremony" keygen --module "$module" --token "$uri" --pin-file "$tmp/pin" \
	--record "$tmp/record"
in_token() {
	token "$bin/dca-passport" sign --key "$uri" --module "$module" --pin-file "$tmp/pin" --x5u "$x5u" \
		--orig $caller --dest $called "$@"
}
in_token --iat "$(now)" >"$tmp/by-token"
expect "a compact token" grep -qE '^ey[A-Za-z0-9_-]+\.ey[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{86}$' "$tmp/by-token"
refuse 1 passport-signature "of a key that is not the leaf's" verify "$(cat "$tmp/by-token")"
refuse 1 input "--cert of another key" in_token --cert "$customer/cert.pem"

echo "--- refused before it is signed"
refuse 1 passport-number "a number that is not in the certificate" sign --cert "$customer/cert.pem" \
	--orig 12025550600 --dest $called
refuse 1 passport-number "a URI by a certificate of numbers" sign --cert "$customer/cert.pem" \
	--orig sip:a@a.example --dest $called
refuse 1 passport-fresh "an iat the certificate does not reach" sign --cert "$customer/cert.pem" \
	--orig $caller --dest $called --iat 1000000000
refuse 1 passport-x5u "an x5u that nobody fetches" "$bin/dca-passport" sign --key "$customer/key.pem" \
	--orig $caller --dest $called --x5u http://a.example/c.pem
refuse 1 passport-form "attest D" sign --ppt shaken --attest D --orig $caller --dest $called
refuse 1 passport-rcd "rcd without nam" sign --ppt rcd --rcd '{}' --orig $caller --dest $called
refuse 1 sip-form "no INVITE" sign --sip <"$tmp/token"
for wrong in "--orig 1" "--orig 1 --dest 2 --ppt x" "--orig 1 --dest 2 --iat x" "--orig 1 --dest 2 --div 3" \
	"--orig 1 --dest 2 --identity --sip" "--orig 1 --dest 2 --attest A" "--orig 1 --dest 2 --rcd {} --rcd-name x"; do
	rc=0
	# shellcheck disable=SC2086
	sign $wrong >"$tmp/out" 2>"$tmp/err" </dev/null || rc=$?
	expect "usage: $wrong" test $rc = 2
done

echo "--- refused when it arrives"
sign --orig 12025550600 --dest $called >"$tmp/t"
refuse 1 passport-number "number outside the certificate" verify "$(cat "$tmp/t")"
said "and is named" "first *12025550600"
sign --orig sip:a@a.example --dest $called >"$tmp/t"
refuse 1 passport-number "URI, the certificate has only numbers" verify "$(cat "$tmp/t")"
refuse 1 chain-time "leaf expired" sip "$tmp/signed" --time "$(at $(($(now) + 40 * 86400)))"
refuse 1 passport-fresh "stale" sip "$tmp/signed" --time "$(at $(($(now) + 600)))"
sign --orig $caller --dest $called --iat $(($(now) + 600)) >"$tmp/t"
refuse 1 passport-fresh "from the future" verify "$(cat "$tmp/t")"
expect "unless the policy is wider" sip "$tmp/signed" --time "$(at $(($(now) + 600)))" --max-age 1200
begin=$(date -d "$(openssl x509 -in "$customer/cert.pem" -noout -startdate | cut -d= -f2)" +%s)
sign --orig $caller --dest $called --iat $((begin - 1)) >"$tmp/t"
refuse 1 passport-fresh "iat before the certificate" verify --time "$(at "$begin")" "$(cat "$tmp/t")"
sed "s/+$caller@/+12025550124@/" "$tmp/signed" >"$tmp/t"
refuse 1 passport-orig "From is another number" sip "$tmp/t"
refuse 1 passport-orig "and P-Asserted-Identity" sip <(sed \
	's/^CSeq/P-Asserted-Identity: <tel:+12025550124>\r\n&/' "$tmp/signed")
refuse 1 passport-dest "called is another number" verify --orig $caller --dest 12155550132 "$(cat "$tmp/token")"
claims=$(decode <<<"$payload" | sed "s/$caller/12025550124/" | base64 -w0 | tr '+/' '-_' | tr -d =)
refuse 1 passport-signature "tampered" verify "$header.$claims.$signature"
refuse 1 passport-form "no token" verify a.b.c
refuse 1 passport-form "compact form" verify "..$signature"
segment() { printf %s "$1" | base64 -w0 | tr '+/' '-_' | tr -d =; }
refuse 1 passport-alg "alg none" verify "$(segment '{"alg":"none","typ":"passport","x5u":"'"$x5u"'"}').$payload.$signature"
refuse 1 passport-ppt "another type" verify \
	"$(segment '{"alg":"ES256","ppt":"div-o","typ":"passport","x5u":"'"$x5u"'"}').$payload.$signature"
refuse 1 passport-form "a name twice" verify \
	"$(segment '{"alg":"ES256","alg":"ES256","typ":"passport","x5u":"'"$x5u"'"}').$payload.$signature"
refuse 1 passport-rcd "rcd of a third party" verify "$(segment \
	'{"alg":"ES256","ppt":"rcd","typ":"passport","x5u":"'"$x5u"'"}').$(segment \
	'{"dest":{"tn":["1"]},"iat":1,"iss":"x","orig":{"tn":"1"},"rcd":{"nam":"x"}}').$signature"
refuse 1 passport-x5u "info is not x5u" verify "$(sed 's/info=<[^>]*/&x/' "$tmp/identity")"
refuse 1 sip-form "ppt is not that of the token" verify "$(cat "$tmp/identity");ppt=div"
refuse 1 sip-form "no Identity header" sip "$tmp/invite"
refuse 1 sip-form "no INVITE" sip "$tmp/token"
for url in "http://127.0.0.1/c.pem" "https://127.0.0.1:444/c.pem" "https://u@127.0.0.1/c.pem" \
	"https://127.0.0.1/c.pem?" "https://127.0.0.1/c.pem#"; do
	refuse 1 passport-x5u "$url" verify \
		"$(segment '{"alg":"ES256","typ":"passport","x5u":"'"$url"'"}').$payload.$signature"
done
"$bin/dca-passport" sign --key "$customer/key.pem" --x5u "$base/none.pem" --orig $caller --dest $called >"$tmp/t"
refuse 2 fetch "nothing published there: trouble, no verdict" verify "$(cat "$tmp/t")"
unknown="Identity: $(segment '{"alg":"ES256","ppt":"rph","typ":"passport","x5u":"https://a.example/c"}').$payload.$signature"
unknown+=';info=<https://a.example/c>;ppt=rph'
expect "another type beside ours is ignored" sip <(sed "s|^CSeq|$unknown\r\n&|" "$tmp/signed")
refuse 1 passport-ppt "alone it is not enough" sip <(invite $caller $called "$unknown")

echo "--- chains that were published wrong"
publish() { # NAME FILE...; sets url
	local name
	name=$(printf %s "$1" | openssl dgst -sha1 -r | cut -c1-40).pem
	cat "${@:2}" >"$site/$name"
	chmod a+r "$site/$name"
	url=$base/$name
}
call() { # KEY [OPTION...]; the token is in $tmp/t
	"$bin/dca-passport" sign --key "$1" --x5u "$url" --orig $caller --dest $called "${@:2}" >"$tmp/t"
}
curl -s --cacert "$state/tls-ca.pem" -o "$tmp/chain.pem" "$x5u"
publish leaf "$customer/cert.pem"
call "$customer/key.pem"
refuse 1 chain-anchor "only the leaf" verify "$(cat "$tmp/t")"
awk -v out="$tmp/part" '/BEGIN/{n++} {print > (out n ".pem")}' "$tmp/chain.pem"
publish order "$tmp/part1.pem" "$tmp/part3.pem" "$tmp/part2.pem"
call "$customer/key.pem"
refuse 1 chain-order "reordered" verify "$(cat "$tmp/t")"

echo "--- revoked"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3 -subj "/C=US/O=STI-PA/CN=STI-PA CRL" \
	-keyout "$tmp/pa.key" -out "$tmp/pa.pem" -addext keyUsage=critical,cRLSign 2>/dev/null
serial=$(openssl x509 -in "$customer/cert.pem" -noout -serial | cut -d= -f2)
python3 "$top/tests/system/crl.py" list "$tmp/pa.pem" "$tmp/pa.key" "$tmp/empty.crl"
python3 "$top/tests/system/crl.py" list "$tmp/pa.pem" "$tmp/pa.key" "$tmp/revoked.crl" "$serial:$customer/cert.pem"
expect "not on the list" sip "$tmp/signed" --crl "$tmp/empty.crl" --crl-signer "$tmp/pa.pem"
refuse 1 chain-revoked "on the list" sip "$tmp/signed" --crl "$tmp/revoked.crl" --crl-signer "$tmp/pa.pem"

echo "--- a customer that is bound to its name"
ctl() { "$bin/dcactl" --profile "$state/operator" "$@"; }
bound=$tmp/bound
expect "a name, and rich call data only" ctl customer set acme --passports rcd --rcd-name "Acme Support"
ctl code create --customer acme >"$tmp/packet" 2>/dev/null
expect "enrolled again" "$bin/dca-enroll" --packet-file "$tmp/packet" --dir "$bound"
bound_x5u=$(cat "$bound/x5u")
for _ in $(seq 50); do
	! curl -sf --cacert "$state/tls-ca.pem" -o "$tmp/published" "$bound_x5u" || break
	sleep 0.2
done
by_bound() {
	"$bin/dca-passport" sign --key "$bound/key.pem" --x5u "$bound_x5u" --orig $caller --dest $called "$@"
}
by_bound --cert "$bound/cert.pem" --ppt rcd --rcd-name "Acme Support" >"$tmp/t"
expect "its name" verify "$(cat "$tmp/t")"
by_bound --ppt rcd --rcd-name "Your Bank" >"$tmp/t"
refuse 1 passport-claim "another name" verify "$(cat "$tmp/t")"
by_bound >"$tmp/t"
refuse 1 passport-claim "no name" verify "$(cat "$tmp/t")"
by_bound --ppt shaken --attest A --rcd-name "Acme Support" >"$tmp/t"
refuse 1 passport-claim "another type" verify "$(cat "$tmp/t")"
refuse 1 passport-claim "and is not signed" by_bound --cert "$bound/cert.pem" --ppt rcd --rcd-name "Your Bank"

echo "--- what our CA does not issue: a lab chain"
for k in root ca leaf; do openssl ecparam -name prime256v1 -genkey -noout -out "$tmp/lab-$k.key"; done
certificate() { # NAME ISSUER SUBJECT LINE...
	local by=(-CA "$tmp/lab-$2.pem" -CAkey "$tmp/lab-$2.key")
	[ "$2" != self ] || by=(-signkey "$tmp/lab-$1.key")
	openssl req -new -key "$tmp/lab-${1%%-*}.key" -subj "/C=US/O=Lab/CN=SHAKEN $3" -out "$tmp/lab.csr"
	printf '%s\n' "subjectKeyIdentifier = hash" "${@:4}" >"$tmp/lab.cnf"
	[ "$2" = self ] || echo "authorityKeyIdentifier = keyid" >>"$tmp/lab.cnf"
	cat >>"$tmp/lab.cnf" <<'CNF'
[narrow]
r = EXPLICIT:1,SEQUENCE:hundred
[wide]
r = EXPLICIT:1,SEQUENCE:more
[hundred]
start = IA5STRING:12025550100
count = INTEGER:100
[more]
start = IA5STRING:12025550100
count = INTEGER:101
[spc]
s = EXPLICIT:0,IA5STRING:709J
[no_attest]
e = EXPLICIT:2,SEQUENCE:attest
[attest]
a = IA5STRING:attest
CNF
	openssl x509 -req -in "$tmp/lab.csr" -extfile "$tmp/lab.cnf" -days 3 "${by[@]}" -out "$tmp/lab-$1.pem" 2>/dev/null
}
list() { echo "1.3.6.1.5.5.7.1.26 = ASN1:SEQUENCE:$1"; }
is_ca="basicConstraints = critical,CA:TRUE"
signs="keyUsage = critical,keyCertSign"
leaf="keyUsage = critical,digitalSignature"
certificate root self root "$is_ca" "$signs"
certificate ca root ca "$is_ca" "$signs" "$(list narrow)"
certificate leaf ca leaf "$leaf" "$(list narrow)"
certificate leaf-wide ca leaf "$leaf" "$(list wide)"
certificate leaf-bound ca leaf "$leaf" "$(list narrow)" \
	"1.3.6.1.5.5.7.1.33 = ASN1:SEQUENCE:no_attest"
lab() { "$bin/dca-passport" verify --roots "$tmp/lab-root.pem" --tls-ca "$state/tls-ca.pem" "$@"; }
publish lab "$tmp/lab-leaf.pem" "$tmp/lab-ca.pem"
call "$tmp/lab-leaf.key"
expect "one that is right" lab "$(cat "$tmp/t")"
publish wide "$tmp/lab-leaf-wide.pem" "$tmp/lab-ca.pem"
call "$tmp/lab-leaf.key"
refuse 1 chain-scope "child wider than its parent" lab "$(cat "$tmp/t")"
publish bound "$tmp/lab-leaf-bound.pem" "$tmp/lab-ca.pem"
call "$tmp/lab-leaf.key" --ppt shaken --attest A
refuse 1 passport-claim "a claim that the certificate excludes" lab "$(cat "$tmp/t")"
call "$tmp/lab-leaf.key"
expect "without the claim" lab "$(cat "$tmp/t")"
refuse 1 passport-claim "is not signed either" "$bin/dca-passport" sign --key "$tmp/lab-leaf.key" --x5u "$url" \
	--cert "$tmp/lab-leaf-bound.pem" --orig $caller --dest $called --ppt shaken --attest A
certificate ca root ca "$is_ca" "$signs" "$(list spc)"
certificate leaf-spc ca leaf "$leaf" "$(list spc)"
publish spc "$tmp/lab-leaf-spc.pem" "$tmp/lab-ca.pem"
call "$tmp/lab-leaf.key" --ppt shaken --attest A
expect "a service provider signs for any number" lab --shaken-by-delegate reject "$(cat "$tmp/t")"

[ $failures = 0 ] || { echo "$failures not ok"; exit 1; }
