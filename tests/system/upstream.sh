#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A cross-certificate by one command, against the lab's STI-PA and STI-CA: in
# every dialect, for SPC, numbers and both; everything that the other side can
# do wrong, each refused with its rule; killed at every step and gone on with;
# a renewal with a new key under load; revoked on the CRL.
# usage: upstream.sh BUILD-DIRECTORY
set -euo pipefail
build=$(cd "$1" && pwd)
top=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tests/system/upstream-lab.sh
. "$top/tests/system/upstream-lab.sh"

echo "--- one command, from an empty vault, each dialect, each kind of list"
while read -r name scope options; do
	# shellcheck disable=SC2086
	expect "$name: quickstart stops at a port that is taken, and says so" empty "$name" $options
	case $name in
	peeringhub) conf peeringhub -get-protected-only ;;
	*) conf "$name" ;;
	esac
	expect "   check: login, list, account" "$bin/dca-upstream" check --config "$tmp/upstream.conf" --prefix "$state"
	cp "$tmp/out" "$tmp/check"
	expect "   the account is bound" grep -q 'ACME account  *https://localhost:14000/acme/acct/1' "$tmp/check"
	expect "   the vault is empty" test "$(ctl --json status | jq -r '"\(.cross) \(.state)"')" = "null no-cross-certificate"
	"$bin/dca-upstream" run --config "$tmp/upstream.conf" --prefix "$state" >"$tmp/upstream.log" 2>&1 &
	upstream=$!
	expect "   dcactl cross order --scope $scope" timeout 60 "$bin/dcactl" --profile "$state/operator" cross order --scope "$scope"
	cp "$tmp/out" "$tmp/order"
	for step in request list account order token challenge finalize download checked proposal; do
		grep -q "^$step  *done" "$tmp/order" || bad "   no line for $step"
	done
	expect "   activated" ctl cross activate "$(row '.orders[-1].id')" --yes
	[ "$(row '.orders[-1].state')" = 'done' ] || bad "   order is not done"
	for _ in $(seq 50); do [ "$(ctl --json status | jq -r .state)" != operational ] || break; sleep 0.1; done
	expect "   operational" test "$(ctl --json status | jq -r .state)" = operational
	expect "   dcactl cross chain" ctl cross chain --out "$tmp/chain.pem"
	sqlite3 "$state/var/lib/dca/vault/store.db" "SELECT writefile('$tmp/chain.der', chain) FROM crosses WHERE active" >/dev/null
	"$bin/dca-verify" lint "$tmp/chain.der" >"$tmp/lint" || { bad "   lint"; cat "$tmp/lint"; }
	openssl x509 -in "$tmp/chain.pem" -out "$tmp/cross.pem"
	expect "   openssl agrees with the chain" openssl verify -x509_strict -CAfile "$lab/root.pem" -untrusted "$tmp/chain.pem" "$tmp/cross.pem"
	expect "   its list is the one ordered" "$bin/dca-verify" scope "$scope" "@$tmp/cross.pem"
	expect "   neither wider" "$bin/dca-verify" scope "@$tmp/cross.pem" "$scope"
	kill $upstream
	wait $upstream 2>/dev/null || true
	upstream=''
done <<'D'
peeringhub spc:709J
martini spc:709J,12025550100+50,13125550100 --eab
rfc 12025550000+10000 --eab
D
expect "quickstart goes on where it stopped" quick --lab-port 14001
kill "$(cat "$state/run/upstream.pid")" # ours is told what to do

rm -rf "$tmp/upstream"
conf rfc
serve

# The rows of the catalogue of what must be refused, and the words below:
#   42 alg, typ, crit         token-none token-hs256 token-no-typ token-crit
#   43 x5u                    token-no-x5u token-x5u token-http
#   44 signer                 signer-other signer-expired; revoked: below
#   45 signature              token-signature token-der
#   46 members                token-no-exp token-no-jti token-no-atc token-no-tktype token-no-tkvalue token-no-fingerprint
#   47 tktype                 token-type
#   48 tkvalue                token-list token-superset
#   49 exp, nbf               token-expired token-far token-nbf
#   50 fingerprint            token-fingerprint
#   42 to 50 again            acme-wrong: what the lab's STI-CA refuses
#   39 to 41, 51 to 55        ACME requests: acme-wrong, at the lab's STI-CA
#   68 key                    other-key
#   69 cA, keyUsage           no-ca loose-bc no-keycertsign
#   70 list                   no-list bad-list wider narrower
#   71 root, pathLen          list-other pathlen0
#   72 AKI and SKI            aki aki-above
#   73 list of the parent     parent-list
echo "--- what the other side can do wrong"
wrong() { # FLAWS RULE STEP
	local id
	echo "$1" >"$lab/flaws"
	order --key keep --scope 12025550000+10000
	id=$(open_order)
	once || true
	if grep "order=$id " "$state/log/vault.log" | tail -n 1 | grep -q "state=3" &&
		grep -q "$2" <(tail -n 3 "$tmp/upstream.log"); then
		ok "$1: $2"
	else
		bad "$1: not $2"
		last_step "$id"
		tail -n 3 "$tmp/upstream.log"
	fi
	if [ "$(row ".orders[] | select(.id == $id).state")" = open ]; then
		ctl cross drop "$id" >/dev/null # the next one begins anew
	else
		bad "   it became a proposal"
	fi
	[ "$1" != pa-slow ] || sleep 4
}
before=$(serials)
while read -r flaw rule; do
	wrong "$flaw" "$rule"
done <<'F'
pa-drop upstream-http
pa-large upstream-http
pa-slow upstream-http
pa-200-failure upstream-pa
pa-400-json upstream-pa
pa-400-text upstream-pa
list-signature upstream-list
list-expired upstream-list
token-none alg is .none., not ES256.*(upstream-token)
token-hs256 alg is .HS256., not ES256.*(upstream-token)
token-no-typ typ is.*(upstream-token)
token-crit upstream-token
token-no-x5u x5u.*(upstream-token)
token-http x5u.*(upstream-token)
signer-other does not lead to the STI-PA's root.*(upstream-list)
signer-expired certificate has expired.*(upstream-list)
token-der signature does not verify.*(upstream-token)
token-no-exp exp, jti or atc is missing.*(upstream-token)
token-no-atc exp, jti or atc is missing.*(upstream-token)
token-no-tktype tktype is not.*(upstream-token)
token-no-tkvalue tkvalue is another list.*(upstream-token)
token-no-fingerprint fingerprint is not.*(upstream-token)
token-superset tkvalue is another list.*(upstream-token)
token-far more than 400 days.*(upstream-token)
token-nbf nbf is in the future.*(upstream-token)
token-expired exp leaves less.*(upstream-token)
token-list tkvalue is another list.*(upstream-token)
token-ca atc.ca is false, asked was true.*(upstream-token)
token-fingerprint fingerprint is not.*(upstream-token)
token-type tktype is not.*(upstream-token)
token-no-jti exp, jti or atc is missing.*(upstream-token)
token-signature signature does not verify.*(upstream-token)
token-x5u is not an address of the STI-PA.*(upstream-list)
ca-drop upstream-http
ca-500-text upstream-ca
nonce-always upstream-ca
identifier-other upstream-ca
challenge-other upstream-ca
cert-type upstream-ca
no-ca cA is not TRUE.*(cross-ca)
no-keycertsign keyUsage lacks keyCertSign.*(cross-ca)
wider wider than what was asked: 19995550100 was not.*(cross-scope
narrower narrower than what was asked.*(cross-scope
other-key for another key.*(cross-key)
loose-bc basicConstraints is not critical.*(cross-ca)
bad-list not the DER of a TNAuthorizationList.*(tn-der)
aki-above its AKI is not the SKI of its parent.*(cross-chain)
parent-list is outside the scope of its parent.*(cross-chain
no-list has no TNAuthList.*(cross-scope)
aki its AKI is not the SKI of its parent.*(cross-chain)
pathlen0 pathLenConstraint above it allows no further CA.*(cross-chain)
expired expired at .*(cross-validity)
list-other no root on the STI-PA's list.*(cross-chain)
F
: >"$lab/flaws"
expect "nothing was installed" test "$(serials)" = "$before"
order --key keep --scope 12025550000+10000
echo cert-type >"$lab/flaws"
once || true
echo "nonce-once processing" >"$lab/flaws"
id=$(open_order)
expect "what failed at the download is downloaded" once
expect "   the same order" test "$(row ".orders[-1] | \"\(.id) \(.state)\"")" = "$id proposed"
ctl cross activate "$id" --yes >/dev/null
echo "nonce-once no-tkauth processing" >"$lab/flaws"
order --key keep
id=$(open_order)
expect "one bad nonce, a server that knows atc only, one that takes its time: gone on with" once
expect "   the same order" test "$(row ".orders[-1] | \"\(.id) \(.state)\"")" = "$id proposed"
: >"$lab/flaws"
ctl cross activate "$id" --yes >/dev/null
echo order-gone >"$lab/flaws"
order --key keep
: >"$lab/flaws"
expect "a list from before is not taken back" bash -c "
	'$bin/dca-upstream' check --config '$tmp/upstream.conf' --prefix '$state' >/dev/null || exit 1
	echo list-old >'$lab/flaws'
	! '$bin/dca-upstream' check --config '$tmp/upstream.conf' --prefix '$state' 2>'$tmp/err' && grep -q 'older than' '$tmp/err'"
: >"$lab/flaws"
ctl cross drop "$(open_order)" >/dev/null
expect "a dropped order is over" test "$(row '.orders[-1].state')" = dropped

echo "--- the answer to newOrder never comes"
asked() { grep -c 'POST /acme/new-order:' "$tmp/sandbox.log" || true; }
lost() { # FLAWS REQUESTS-IN-ALL TEXT
	local id n
	n=$(asked)
	echo order-lost >"$lab/flaws"
	order --key keep --scope 12025550000+10000
	id=$(open_order)
	if once; then bad "it came"; fi
	echo orders-ill >"$lab/flaws"
	if once; then bad "an STI-CA that is ill"; fi
	expect "an STI-CA that is ill is asked another time: none is made" test "$(($(asked) - n))" = 1
	echo "$1" >"$lab/flaws"
	expect "$3" once
	expect "   $2 at the STI-CA" test "$(($(asked) - n))" = "$2"
	expect "   the same order" test "$(row ".orders[-1] | \"\(.id) \(.state)\"")" = "$id proposed"
	: >"$lab/flaws"
	ctl cross drop "$id" >/dev/null
}
lost '' 1 "the order is found in the account's list, and gone on with"
expect "   which has more than a page" test "$(asked)" -gt 20
lost no-orders 2 "an STI-CA without the list: another is made, the first lapses"

echo "--- two accounts at the STI-PA"
echo 'LAB2 other 13035550000+100,spc:123A' >"$lab/participants"
serve
# an order of whom, for which account: the rule in the log
as() { # USER PARTICIPANT PASSWORD-FILE SCOPE
	conf rfc
	sed -i "s/^user = .*/user = $1/; s/^participant = .*/participant = $2/; s,^password_file = .*,password_file = $3," "$tmp/upstream.conf"
	order --key keep --scope "$4"
	once || true
	row '.orders[-1].state'
	ctl cross drop "$(row '.orders[-1].id')" >/dev/null
}
expect "the other one, its numbers" test "$(as other LAB2 "$lab/password.other" 13035550000+100)" = proposed
expect "numbers of the first" test "$(as other LAB2 "$lab/password.other" 12025550000+10)" = open
expect "   the STI-PA says so" grep -q '12025550000.* is not assigned to this account.*(upstream-pa)' "$tmp/upstream.log"
expect "as the first, for the account of the other" test "$(as lab LAB2 "$lab/password" 13035550000+100)" = open
expect "   the STI-PA says so" grep -q 'not your account.*(upstream-pa)' "$tmp/upstream.log"
expect "with the other's password" test "$(as lab LAB1 "$lab/password.other" 12025550000+10)" = open
expect "   the STI-PA says so" grep -q 'userId or password is wrong.*(upstream-pa)' "$tmp/upstream.log"
echo 'LAB1 third spc:123A' >"$lab/participants"
expect "an account twice does not start" bash -c "! '$bin/dca-sandbox' serve '$lab' --port 14003 2>'$tmp/err' && grep -q 'LAB1 or user third is there twice' '$tmp/err'"
echo 'LAB3' >"$lab/participants"
expect "a line that is none neither" bash -c "! '$bin/dca-sandbox' serve '$lab' --port 14003 2>'$tmp/err' && grep -q 'PARTICIPANT USER LIST' '$tmp/err'"
rm "$lab/participants"
conf rfc
serve

echo "--- killed at every step"
before=$(serials)
finalized() { grep -c 'POST /acme/finalize/[0-9]*: status 200' "$tmp/sandbox.log" || true; }
final=$(finalized)
order --key new --scope 12025550000+10000
id=$(open_order)
key=$(row ".orders[] | select(.id == $id).key")
held=$(keys)
before_asked=$(asked)
# at the beginning of each step (state 0), and when the order's URL is known
for at in 'list state=0' 'account state=0' 'order state=0' '\(order\|look\) state=1' 'token state=0' \
	'challenge state=0' 'finalize state=0' 'download state=0'; do
	mark=$(wc -l <"$state/log/vault.log")
	"$bin/dca-upstream" run --config "$tmp/upstream.conf" --prefix "$state" >>"$tmp/upstream.log" 2>&1 &
	upstream=$!
	for _ in $(seq 200); do
		! tail -n "+$((mark + 1))" "$state/log/vault.log" | grep -q "order=$id step=$at" || break
		sleep 0.02
	done
	kill -KILL $upstream 2>/dev/null || true
	wait $upstream 2>/dev/null || true
done
upstream=''
# and the vault too
restart_vault
[ "$(row ".orders[] | select(.id == $id).state")" != open ] || once || true
expect "the order has its certificate" test "$(row ".orders[] | select(.id == $id).state")" = proposed
expect "   it was made once" test "$(asked)" = $((before_asked + 1))
expect "   one was finalized" test "$(finalized)" = $((final + 1))
expect "   no second key" test "$(row ".orders[] | select(.id == $id).key") $(keys)" = "$key $held"
expect "   nothing half installed" test "$(serials)" = "$before"

echo "--- a new key under load"
load=60
expect "enrolled with the old one" customer 0
for i in $(seq $load); do code "$i"; done
worker() { # one enrolment after the other, every fourth from this one on; the last of them after the change
	for ((i = $1; i <= load; i += 4)); do
		while [ "$i" -gt $((load - 24)) ] && [ -d "$tmp" ] && [ ! -e "$tmp/activated" ]; do sleep 0.1; done
		enrol "$i" || true
	done
}
done_so_far() { find "$tmp" -mindepth 2 -maxdepth 2 -path "$tmp/c*/x5u" 2>/dev/null | wc -l || true; }
polling() { # who verifies calls meanwhile, by an old certificate
	while [ ! -e "$tmp/polled" ]; do
		"$bin/dca-verify" chain --roots "$state/root.pem" --tls-ca "$state/tls-ca.pem" --url "$(cat "$tmp/c0/x5u")" >"$tmp/poll" 2>&1 &&
			echo held || { echo broken; cat "$tmp/poll"; }
		sleep 0.05
	done >"$tmp/polls"
}
polling &
poller=$!
pids=()
for i in 1 2 3 4; do
	worker "$i" &
	pids+=($!)
done
for _ in $(seq 600); do [ "$(done_so_far)" -lt 20 ] || break; sleep 0.1; done
old=$(done_so_far)
expect "activated, while four customers enrol at a time" ctl cross activate "$id" --yes
: >"$tmp/activated"
wait "${pids[@]}" || true
# however fast that was
for _ in $(seq 600); do [ "$(wc -l <"$tmp/polls")" -lt 20 ] || break; sleep 0.1; done
: >"$tmp/polled"
wait "$poller" || true
expect "enrolments before, and after" test "$old" -ge 20 -a "$(done_so_far)" = $((load + 1))
cp "$tmp/polls" "$tmp/polls.log" # shown when it fails
expect "the chain from before held all the time" bash -c "! grep -qv '^held$' '$tmp/polls' && [ \$(wc -l <'$tmp/polls') -ge 20 ]"
for i in $(seq 0 $load); do
	if [ -s "$tmp/c$i/x5u" ] && "$bin/dca-verify" chain --roots "$state/root.pem" --tls-ca "$state/tls-ca.pem" \
		--url "$(cat "$tmp/c$i/x5u")" >"$tmp/out" 2>&1 &&
		openssl verify -x509_strict -CAfile "$state/root.pem" -untrusted "$tmp/c$i/chain.pem" "$tmp/c$i/cert.pem" >>"$tmp/out" 2>&1; then
		continue
	fi
	bad "customer $i: verified by its x5u, and by openssl"
	cat "$tmp/out" "$tmp/enrol.$i"
done
# whoever got a certificate just before the change, and asks for its chain just after it
expect "/crts, by coap-client" coap-client-openssl -m get -o "$tmp/crts.p7" -c "$tmp/c$load/cert.pem" -j "$tmp/c$load/key.pem" \
	-R "$state/server.pem" "coaps://$(sed -n 's,^coaps://\([^ /]*\).*,\1,p' "$tmp/c$load/server")/.well-known/est/crts"
expect "   PKCS#7, says OpenSSL" openssl pkcs7 -inform DER -in "$tmp/crts.p7" -print_certs -out "$tmp/crts.pem"
expect "   it leads up from the old ones and the new" openssl verify -x509_strict -CAfile "$state/root.pem" \
	-untrusted "$tmp/crts.pem" "$tmp/c0/cert.pem" "$tmp/c$load/cert.pem"
expect "nobody was sent away for long" bash -c "! grep 'not that of the cross-certificate' '$tmp'/enrol.*"
for i in $(seq 0 $load); do openssl x509 -in "$tmp/c$i/cert.pem" -noout -ext authorityKeyIdentifier | tail -n 1; done | sort | uniq -c >"$tmp/signers"
expect "by the old key and by the new, 20 at least each" test "$(awk '$1 >= 20' "$tmp/signers" | wc -l)" = 2
sed 's/^/    /' "$tmp/signers"
cp "$state/var/lib/dca/vault/store.db"* "$tmp/"
expect "the ledger holds, orders and all" "$bin/dca-verify" ledger --operators "$tmp/store.db"

echo "--- revoked"
sqlite3 "$state/var/lib/dca/vault/store.db" "SELECT writefile('$tmp/chain.der', chain) FROM crosses WHERE active" >/dev/null
openssl x509 -inform DER -in "$tmp/chain.der" -out "$tmp/cross.pem"
"$bin/dca-upstream" run --config "$tmp/upstream.conf" --prefix "$state" >>"$tmp/upstream.log" 2>&1 &
upstream=$!
expect "the STI-CA revokes it for its account" "$bin/dca-upstream" revoke --reason 5 --config "$tmp/upstream.conf" --prefix "$state" "$tmp/cross.pem"
for _ in $(seq 100); do [ "$(ctl --json status | jq -r .state)" != cross-revoked ] || break; sleep 0.2; done
expect "issuing stops" test "$(ctl --json status | jq -r .state)" = cross-revoked
ctl code create --customer acme >"$tmp/packet" 2>/dev/null
timeout 20 "$bin/dca-enroll" --packet-file "$tmp/packet" --dir "$tmp/late" >"$tmp/late.out" 2>&1 || true
expect "and says why" grep -q "STI-PA's CRL lists a certificate" "$tmp/late.out"
expect "everything else goes on" ctl customer list
expect "another one ends it" bash -c "'$bin/dcactl' --profile '$state/operator' cross order --key new >'$tmp/order' && '$bin/dcactl' --profile '$state/operator' cross activate \$('$bin/dcactl' --profile '$state/operator' --json cross list | jq '.orders[-1].id') --yes"
for _ in $(seq 50); do [ "$(ctl --json status | jq -r .state)" != operational ] || break; sleep 0.1; done
expect "operational again" test "$(ctl --json status | jq -r .state)" = operational

echo "--- who asks the STI-CA wrongly"
serve --eab
"$build/tests/acme-wrong" https://localhost:14000 "$lab/tls-ca.pem" "$(cat "$lab/eab.kid")" "$(cat "$lab/eab.key")" \
	"$lab/pa-token.key" || failures=$((failures + 1))

kill $upstream
wait $upstream 2>/dev/null || true
upstream=''

echo "--- the signer of the STI-PA is revoked"
check() { "$bin/dca-upstream" check --config "$tmp/upstream.conf" --prefix "$state"; }
expect "not yet" check
cp "$lab/revoked" "$tmp/revoked" 2>/dev/null || : >"$tmp/revoked"
"$bin/dca-sandbox" revoke "$lab" "$lab/pa-token.pem" >"$tmp/out"
if check >"$tmp/err" 2>&1; then bad "now"; fi
expect "what it signed is refused, and why" grep -q "the signer's certificate: revoked at .*(upstream-list)" "$tmp/err"
cp "$tmp/revoked" "$lab/revoked"
expect "no longer on the CRL" check

echo "--- a proxy"
python3 "$top/tests/system/proxy.py" 14200 >"$tmp/proxy.log" 2>&1 &
proxy=$!
for _ in $(seq 100); do ! grep -q ready "$tmp/proxy.log" || break; sleep 0.1; done
sed 's/^timeout = /proxy = http:\/\/127.0.0.1:14200\n&/' "$tmp/upstream.conf" >"$tmp/proxied.conf"
expect "the configuration's" "$bin/dca-upstream" check --config "$tmp/proxied.conf" --prefix "$state"
expect "   all went through it" test "$(grep -c '^CONNECT localhost:14000 ' "$tmp/proxy.log")" -ge 1
n=$(wc -l <"$tmp/proxy.log")
expect "the environment's" env https_proxy=http://127.0.0.1:14200 "$bin/dca-upstream" check --config "$tmp/upstream.conf" --prefix "$state"
expect "   went through it" test "$(wc -l <"$tmp/proxy.log")" -gt "$n"
order --key keep
expect "an order, in the jail" env https_proxy=http://127.0.0.1:14200 timeout 60 "$bin/dca-upstream" run --once --config "$tmp/upstream.conf" --prefix "$state"
n=$(wc -l <"$tmp/proxy.log")
kill "$proxy"
wait "$proxy" 2>/dev/null || true
if "$bin/dca-upstream" check --config "$tmp/proxied.conf" --prefix "$state" >"$tmp/err" 2>&1; then bad "a proxy that is away"; fi
expect "one that is away is not gone around" grep -q upstream-http "$tmp/err"

echo "--- the account"
before=$(sha256sum <"$tmp/upstream/account.key")
expect "a new key for the account" "$bin/dca-upstream" key-change --config "$tmp/upstream.conf" --prefix "$state"
expect "   it is another" test "$before" != "$(sha256sum <"$tmp/upstream/account.key")"
expect "   and the account is the same" "$bin/dca-upstream" check --config "$tmp/upstream.conf" --prefix "$state"
cp "$tmp/upstream/account.key" "$tmp/old.key"
expect "another one" "$bin/dca-upstream" key-change --config "$tmp/upstream.conf" --prefix "$state"
mv "$tmp/upstream/account.key" "$tmp/upstream/account.next.key"
mv "$tmp/old.key" "$tmp/upstream/account.key"
expect "killed when the STI-CA had it and we did not: gone on with" check
expect "   with the new key" test ! -e "$tmp/upstream/account.next.key"
cp "$tmp/upstream/account.key" "$tmp/old.key"
openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$tmp/upstream/account.next.key" 2>/dev/null
expect "killed before the STI-CA had it: the old one counts" check
expect "   until it is changed" "$bin/dca-upstream" key-change --config "$tmp/upstream.conf" --prefix "$state"
expect "   to the key that was made" bash -c "! cmp -s '$tmp/old.key' '$tmp/upstream/account.key' && test ! -e '$tmp/upstream/account.next.key'"
rm "$tmp/upstream/account.key"
expect "a missing key is not made anew" bash -c "! '$bin/dca-upstream' check --config '$tmp/upstream.conf' --prefix '$state' 2>'$tmp/err' && grep -q 'there was an account' '$tmp/err'"
[ $failures = 0 ]
