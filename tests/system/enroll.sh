#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The life of a customer's pair: renewal with the same and with a new key, the
# swap that waits for the x5u, readers who look on, kills at any instant, the
# hook, the clock, every refusal. Against a whole appliance (quickstart).
# usage: enroll.sh BUILD-DIRECTORY
set -euo pipefail
build=$(cd "$1" && pwd)
top=$(cd "$(dirname "$0")/../.." && pwd)
bin=$build/bin
tmp=$(mktemp -d)
state=$tmp/state
dir=$state/customer
reader='' watcher=''
quick() { "$top/tools/quickstart" "$@" --state "$state" --build "$build" --no-install; }
finish() {
	local rc=$?
	for p in $reader $watcher; do kill "$p" 2>/dev/null || true; done
	[ $rc = 0 ] || tail -n 15 "$state"/log/*.log
	quick stop >/dev/null || true
	rm -rf "$tmp"
	exit $rc
}
trap finish EXIT
failures=0
ok() { echo "ok: $*"; }
bad() {
	echo "NOT OK: $*"
	failures=$((failures + 1))
	sed 's/^/    /' "$tmp/out" "$tmp/err" 2>/dev/null | tail -n 15
}
run() { # CODE WHAT COMMAND...
	local want=$1 what=$2 rc=0
	shift 2
	timeout 120 "$@" >"$tmp/out" 2>"$tmp/err" </dev/null || rc=$?
	if [ $rc = "$want" ]; then ok "$what"; else bad "$what: exit $rc, not $want"; fi
}
has() { if grep -qF -- "$1" "$tmp/out" "$tmp/err"; then ok "says $1"; else bad "does not say $1"; fi; }
same() { if [ "$1" = "$2" ]; then ok "$3"; else bad "$3: $1, not $2"; fi; }
differ() { if [ "$1" != "$2" ]; then ok "$3"; else bad "$3: both $1"; fi; }

quick >"$tmp/quickstart.log" 2>&1 || { cat "$tmp/quickstart.log"; exit 1; }
enroll=$bin/dca-enroll
ca=(--tls-ca "$state/tls-ca.pem")
ctl() { "$bin/dcactl" --profile "$state/operator" "$@"; }
store() { sqlite3 -readonly "file:$state/var/lib/dca/vault/store.db?mode=ro" "$1"; }
issued() { store "select count(*) from ledger where kind = 'issue'"; }
serial_of() { openssl x509 -in "$1" -noout -serial | cut -d= -f2 | tr A-F a-f; }
serial() { serial_of "$dir/cert.pem"; }
predecessor() { ctl --json cert list | jq -r ".[] | select(.serial == \"$(serial)\").predecessor"; }
public() { openssl pkey -in "$dir/key.pem" -pubout | sha256sum; }
start_publisher() {
	setsid "$bin/dca-publisher" --prefix "$state" >>"$state/log/publisher.log" 2>&1 </dev/null &
	echo $! >"$state/run/publisher.pid"
}
stop() {
	local pid
	pid=$(cat "$state/run/$1.pid")
	kill "$pid"
	for _ in $(seq 100); do kill -0 "$pid" 2>/dev/null || return 0; sleep 0.1; done
	kill -KILL "$pid"
}
# belong SET: key, certificate and x5u of one set are one pair
belong() {
	[ "$(openssl x509 -in "$1/cert.pem" -noout -pubkey)" = "$(openssl pkey -in "$1/key.pem" -pubout)" ] &&
		[ "$(basename "$(cat "$1/x5u")" .pem)" = "$(serial_of "$1/cert.pem")" ]
}

echo "--- what enrolling leaves"
for f in key.pem cert.pem chain.pem x5u; do same "$(readlink "$dir/$f")" "current/$f" "$f is a name for the set in use"; done
same "$(stat -L -c %a "$dir/key.pem")" 600 "key.pem is 0600"
same "$(stat -c %a "$dir/sets")" 700 "sets is 0700"
if belong "$dir"; then ok "the pair belongs together"; else bad "first pair"; fi
if grep -qE '^coaps://127.0.0.1:5684 server=sha256:[0-9a-f]{64}$' "$dir/server"; then ok "the server is remembered"; else bad server; fi
if ! grep -rqF -- "$(grep -o 'code=[^ ]*' "$dir/packet" | cut -d= -f2)" "$dir/sets" "$dir/server"; then
	ok "the code is not"; else bad "code kept"; fi
run 0 "without a command it is enroll" "$enroll" --help
ctl code create --customer acme >"$tmp/packet" 2>/dev/null
run 0 "enroll by its name" "$enroll" enroll --packet-file "$tmp/packet" --dir "$tmp/second"

echo "--- renewal"
first=$(serial) key=$(public)
run 0 "renew" "$enroll" renew --dir "$dir" "${ca[@]}" --json
same "$(jq -r .serial "$tmp/out")" "$(serial)" "prints what is in use"
differ "$(serial)" "$first" "another certificate"
same "$(public)" "$key" "of the same key"
same "$(serial_of "$dir/previous/cert.pem")" "$first" "the old one is still there"
same "$(predecessor)" "$first" "the register names the predecessor"
same "$(curl -s --cacert "$state/tls-ca.pem" "$(cat "$dir/x5u")" | openssl x509 -outform DER | sha256sum)" \
	"$(openssl x509 -in "$dir/cert.pem" -outform DER | sha256sum)" "x5u answers with it"
run 0 "it verifies" openssl verify -x509_strict -CAfile "$state/root.pem" -untrusted "$dir/chain.pem" "$dir/cert.pem"
second=$(serial)
run 0 "renew --new-key" "$enroll" renew --new-key --dir "$dir" "${ca[@]}"
differ "$(public)" "$key" "another key"
if belong "$dir"; then ok "the pair belongs together"; else bad "new pair"; fi
same "$(stat -L -c %a "$dir/key.pem")" 600 "key.pem is 0600"
same "$(predecessor)" "$second" "the register names the predecessor"
if [ ! -e "$dir/next" ] && [ ! -e "$dir/current/csr.der" ]; then ok "nothing is under way"; else bad "left over"; fi
same "$(find "$dir/sets" -mindepth 1 -maxdepth 1 | wc -l)" 2 "two sets are kept"
run 0 "renew --tn, fewer numbers" "$enroll" renew --dir "$tmp/second" --tn 12025550101 "${ca[@]}"
has 12025550101

echo "--- the swap waits for the x5u"
before=$(serial) n=$(issued)
stop publisher
run 2 "no x5u: not swapped" "$enroll" renew --dir "$dir" "${ca[@]}" --wait 2s
has "the old pair stays in use"
has fetch
same "$(serial)" "$before" "the old certificate is in use"
waiting=$(serial_of "$dir/next/cert.pem")
differ "$waiting" "$before" "the new one waits"
start_publisher
run 2 "an x5u server that nobody vouches for" "$enroll" renew --dir "$dir" --wait 1s
same "$(serial)" "$before" "the old certificate is in use"
run 0 "again" "$enroll" renew --dir "$dir" "${ca[@]}"
same "$(serial)" "$waiting" "is the one that waited"
same "$(issued)" $((n + 1)) "one certificate was issued"
stop publisher
run 2 "no x5u" "$enroll" renew --dir "$dir" "${ca[@]}" --wait 1s
file=$state/var/lib/dca/publisher/sti/$(serial_of "$dir/next/cert.pem").pem
cat "$dir/cert.pem" "$dir/chain.pem" >"$file" && chmod 644 "$file"
before=$(serial)
run 2 "an x5u with another certificate" "$enroll" renew --dir "$dir" "${ca[@]}" --wait 1s
has "another certificate"
same "$(serial)" "$before" "the old certificate is in use"
rm "$file"
start_publisher
run 0 "in the end" "$enroll" renew --dir "$dir" "${ca[@]}"

echo "--- readers look on, renewals are killed"
(
	while [ ! -e "$tmp/stop" ]; do
		# at once: a set is kept for one swap, openssl takes its time
		set=$(readlink "$dir/current")
		rm -rf "$tmp/seen"
		if cp -r "$dir/$set" "$tmp/seen" 2>/dev/null; then
			belong "$tmp/seen" || echo "$set does not belong together"
		elif [ "$set" = "$(readlink "$dir/current")" ]; then
			echo "$set cannot be read"
		fi
		for f in key.pem cert.pem chain.pem x5u; do
			[ -s "$dir/$f" ] || echo "$f is not there"
		done
		echo >>"$tmp/looks"
	done
) >"$tmp/reader" 2>&1 &
reader=$!
for i in $(seq 10); do
	"$enroll" renew --new-key --dir "$dir" "${ca[@]}" >/dev/null 2>&1 &
	sleep "0.$((RANDOM % 9))$((RANDOM % 10))"
	kill -KILL $! 2>/dev/null || true
	wait $! 2>/dev/null || true
	belong "$dir" || bad "after kill $i"
done
for _ in 1 2 3; do run 0 "renew after kills" "$enroll" renew --new-key --dir "$dir" "${ca[@]}"; done
touch "$tmp/stop"
wait $reader
reader=
same "$(cat "$tmp/reader")" "" "no reader saw half a pair, in $(wc -l <"$tmp/looks") looks"
same "$(find "$dir/sets" -mindepth 1 -maxdepth 1 | wc -l)" 2 "two sets are kept"

echo "--- the hook"
# what follows is for the hook's shell
# shellcheck disable=SC2016
hook='env | grep ^DCA_ >"$DCA_DIR/../hook.env"; cmp "$DCA_SET/key.pem" "$DCA_KEY" && test -e '$tmp/good
run 2 "a hook that fails" "$enroll" renew --dir "$dir" "${ca[@]}" --hook "$hook"
has "hook: exit 1"
for v in DCA_KEY="$dir/key.pem" DCA_CERT="$dir/cert.pem" DCA_CHAIN="$dir/chain.pem" DCA_X5U="$dir/x5u" \
	"DCA_SET=$(realpath "$dir/current")"; do
	if grep -qxF "$v" "$state/hook.env"; then ok "${v%%=*}"; else bad "no $v"; fi
done
n=$(issued)
run 2 "is run again by watch" "$enroll" watch --once --dir "$dir" "${ca[@]}" --hook "$hook"
touch "$tmp/good"
run 0 "until it succeeds" "$enroll" watch --once --dir "$dir" "${ca[@]}" --hook "$hook"
rm "$state/hook.env"
run 0 "then no more" "$enroll" watch --once --dir "$dir" "${ca[@]}" --hook "$hook"
if [ ! -e "$state/hook.env" ]; then ok "it was not run"; else bad "hook ran again"; fi
same "$(issued)" "$n" "and nothing was renewed: it is not time"

echo "--- refused, and nothing changed"
before=$(serial)
cp "$dir/server" "$tmp/server"
sed -i 's/sha256:../sha256:ff/' "$dir/server"
run 1 "another server key" "$enroll" renew --dir "$dir" "${ca[@]}"
has server-key
cp "$tmp/server" "$dir/server"
echo "http://127.0.0.1" >"$dir/server"
run 1 "a server file that is none" "$enroll" renew --dir "$dir" "${ca[@]}"
cp "$tmp/server" "$dir/server"
run 1 "a number more" "$enroll" renew --dir "$tmp/second" --tn 12025550101+2 "${ca[@]}"
has renew-scope
run 1 "never enrolled" "$enroll" renew --dir "$tmp" "${ca[@]}"
has "enrol first"
run 2 "no --dir" "$enroll" renew
run 2 "no such command" "$enroll" renew now --dir "$dir"
run 1 "a span that is none" "$enroll" renew --dir "$dir" --wait soon
(flock 9; sleep 3) 9<"$dir" &
sleep 0.3
run 2 "two at a time" "$enroll" renew --dir "$dir" "${ca[@]}"
has "another dca-enroll"
wait $!
ctl customer suspend acme >/dev/null
run 1 "a suspended customer" "$enroll" renew --dir "$dir" "${ca[@]}"
has reg-state
ctl customer resume acme >/dev/null
ctl revoke --serial "$(serial_of "$tmp/second/cert.pem")" --reason superseded >"$tmp/out" 2>"$tmp/err" || bad revoke
run 1 "a revoked certificate" "$enroll" renew --dir "$tmp/second" "${ca[@]}"
has auth-revoked
same "$(serial)" "$before" "the pair in use is the same"

echo "--- plain files of another tool"
mkdir -m 700 "$tmp/plain"
for f in key.pem cert.pem chain.pem x5u; do cat "$dir/$f" >"$tmp/plain/$f"; done
cp "$dir/server" "$tmp/plain/server"
run 0 "renew" "$enroll" renew --new-key --dir "$tmp/plain" "${ca[@]}"
if belong "$tmp/plain" && [ -L "$tmp/plain/key.pem" ]; then ok "became a set"; else bad "adopted"; fi
run 0 "the plain pair is kept" cmp "$tmp/plain/previous/cert.pem" "$dir/cert.pem"
openssl ecparam -name prime256v1 -genkey -noout -out "$tmp/plain/other"
mv "$tmp/plain/other" "$(realpath "$tmp/plain/key.pem")"
run 1 "a key that is not the certificate's" "$enroll" renew --dir "$tmp/plain" "${ca[@]}"
has "not the key of cert.pem"

echo "--- by the clock: certificates of 60 s, renewed from 40 s on"
stop vault
printf '[issue]\nvalidity = 60s\nmin_validity = 10s\n' >>"$state/etc/dca/vault.conf"
SOFTHSM2_CONF=$state/softhsm2.conf setsid "$bin/dca-vault" --prefix "$state" >>"$state/log/vault.log" 2>&1 </dev/null &
echo $! >"$state/run/vault.pid"
for _ in $(seq 100); do ctl status >/dev/null 2>&1 && break; sleep 0.2; done
run 0 "a short one" "$enroll" renew --dir "$dir" "${ca[@]}"
short=$(serial)
run 0 "watch --once before the time" "$enroll" watch --once --dir "$dir" "${ca[@]}"
same "$(serial)" "$short" "does nothing"
"$enroll" watch --dir "$dir" "${ca[@]}" --hook "date +%s >'$tmp/swapped'" >"$tmp/watch" 2>&1 &
watcher=$!
begin=$(date -d "$(openssl x509 -in "$dir/cert.pem" -noout -startdate | cut -d= -f2)" +%s)
for _ in $(seq 120); do [ ! -e "$tmp/swapped" ] || break; sleep 0.5; done
differ "$(serial)" "$short" "watch renewed"
kill $watcher
watcher=
at=$(($(cat "$tmp/swapped") - begin))
if [ $at -ge 40 ] && [ $at -le 58 ]; then ok "between 2/3 and the end: after $at s"; else bad "after $at s"; fi
if grep -q "renewed=$(serial)" "$tmp/watch"; then ok "and said so"; else cat "$tmp/watch"; bad "said nothing"; fi
run 0 "a pair that is left to end" cp -a "$dir" "$tmp/ended"
sleep $((61 - ($(date +%s) - $(date -d "$(openssl x509 -in "$dir/cert.pem" -noout -startdate | cut -d= -f2)" +%s))))
run 1 "expired" "$enroll" watch --once --dir "$dir" "${ca[@]}"
has auth-expired
"$enroll" watch --dir "$dir" "${ca[@]}" >"$tmp/watch" 2>&1 &
watcher=$!
for _ in $(seq 50); do ! grep -q again_in "$tmp/watch" || break; sleep 0.2; done
if grep -q 'failures=1 again_in=' "$tmp/watch" && kill -0 $watcher; then ok "watch says so and goes on"; else bad "watch"; fi
kill $watcher
watcher=
ctl code create --customer acme >"$tmp/packet" 2>/dev/null
run 0 "enrol again in the same place" "$enroll" --packet-file "$tmp/packet" --dir "$dir"
if belong "$dir"; then ok "with the same names"; else bad "enrolled again"; fi

[ $failures = 0 ] || { echo "$failures not ok"; exit 1; }
