#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The first operator by what the console shows, and the box as operators see it: dcactl operator claim, update, box, with
# tests/system/board.py for dca-board.
# usage: operate.sh BUILD-DIRECTORY
set -euo pipefail
bin=$(cd "$1" && pwd)/bin
here=$(cd "$(dirname "$0")" && pwd)
for p in softhsm2-util jq python3; do
	command -v $p >/dev/null || { echo "SKIPPED: no $p" >&2; exit 77; }
done
module=
for m in /usr/lib/softhsm/libsofthsm2.so /usr/lib/*/softhsm/libsofthsm2.so; do
	[ -e "$m" ] && { module=$m; break; }
done
[ -n "$module" ] || { echo "SKIPPED: no SoftHSM" >&2; exit 77; }

t=$(mktemp -d)
pids=()
finish() {
	local rc=$?
	for p in "${pids[@]}"; do kill "$p" 2>/dev/null || true; done
	wait 2>/dev/null || true
	[ $rc = 0 ] || tail -n 15 "$t"/*.log 2>/dev/null || true
	rm -rf "$t"
	exit $rc
}
trap finish EXIT
failures=0
ok() { echo "ok: $*"; }
bad() {
	echo "NOT OK: $*"
	failures=$((failures + 1))
	sed 's/^/    out: /' "$t/out" | head -n 20
	sed 's/^/    err: /' "$t/err" | head -n 20
}
run() { # CODE WHAT COMMAND...
	local want=$1 what=$2 rc=0
	shift 2
	"$@" >"$t/out" 2>"$t/err" </dev/null || rc=$?
	if [ $rc = "$want" ]; then ok "$what"; else bad "$what: exit $rc, not $want"; fi
}
has() { # TEXT FILE WHAT
	if grep -qF -- "$1" "$t/$2"; then ok "$3"; else bad "$3: no \"$1\""; fi
}
json() { # FILTER WHAT
	if [ "$(jq "$1" "$t/out" 2>&1)" = true ]; then ok "$2"; else bad "$2: not $1"; fi
}
ready() { # FILE TEXT
	for _ in $(seq 150); do
		grep -q "$2" "$1" 2>/dev/null && return
		sleep 0.1
	done
	echo "$1 does not say $2" >&2
	return 1
}
board() { python3 "$here/board.py" "$t/run/dca/board.sock" "$@"; }
claim() { board beat 0 | jq -r .claim; }

# --- an appliance that nobody operates; its token has no key yet ---
export SOFTHSM2_CONF=$t/softhsm2.conf
mkdir -p "$t"/{tokens,etc/dca,run/dca,var/lib/dca/vault,var/lib/dca/front}
printf 'directories.tokendir = %s/tokens\nobjectstore.backend = file\nlog.level = ERROR\n' "$t" >"$SOFTHSM2_CONF"
(umask 077; printf 1234 >"$t/pin")
softhsm2-util --init-token --free --label operate --so-pin 5678 --pin 1234 >/dev/null
cat >"$t/etc/dca/vault.conf" <<C
[token]
module = $module
uri = pkcs11:token=operate;id=%01;object=dca
pin_file = $t/pin
paths = $t/tokens
[publish]
base_url = https://127.0.0.1:1/sti
C
port=$((20000 + RANDOM % 20000))
printf '[listen]\naddress = 127.0.0.1\nport = %s\n' "$port" >"$t/etc/dca/front.conf"
"$bin/dca-vault" --prefix "$t" >"$t/vault.log" 2>&1 &
pids+=($!)
ready "$t/vault.log" ready
pin=$("$bin/dcactl" init server --out "$t/var/lib/dca/front" --host localhost)
"$bin/dca-front" --prefix "$t" >"$t/front.log" 2>&1 &
pids+=($!)
url=coaps://127.0.0.1:$port

echo "--- the claim"
alice=("$bin/dcactl" --profile "$t/alice")
code=$(claim)
by=(--url "$url" --server "$pin")
run 2 "without --code" "${alice[@]}" operator claim alice "${by[@]}"
run 2 "a code that is none" "${alice[@]}" operator claim alice "${by[@]}" --code short
run 2 "over the admin socket" "${alice[@]}" --local --prefix "$t" operator claim alice "${by[@]}" --code "$code"
run 1 "another server" "${alice[@]}" operator claim alice --url "$url" --server "sha256:$(printf '%064d' 0)" --code "$code"
run 1 "a wrong code" "${alice[@]}" operator claim alice "${by[@]}" --code AAAAAAAAAAAAAAAAAAAAAA
has auth-code err "names the rule"
[ "$(claim)" = "$code" ] && ok "the code stays" || bad "the code changed"
run 0 "operator claim" "${alice[@]}" --json operator claim alice "${by[@]}" --code "$code"
json '.id == "alice" and (.appliance | length) == 32' "says for which appliance"
appliance=$(jq -r .appliance "$t/out")
[ "$(claim)" = null ] && ok "the console shows no code any more" || bad "the code is still there"
run 0 "the profile" cat "$t/alice/profile.ini"
has "$appliance" out "knows the appliance"
run 0 "operator list" "${alice[@]}" --json operator list
json 'length == 1 and .[0].id == "alice" and .[0].role == "admin"' "alice is the first admin"
run 1 "a second claim" "$bin/dcactl" --profile "$t/mallory" operator claim mallory "${by[@]}" --code "$code"
has reg-state err "there is an operator"

echo "--- a box that nobody looks after"
run 1 "box status" "${alice[@]}" box status
has board-none err "names the rule"
run 1 "update status" "${alice[@]}" update status
run 1 "update install" "${alice[@]}" update install https://example.net/x.raucb
has board-none err "names the rule"
run 0 "explain" "$bin/dcactl" explain board-none
run 0 "status" "${alice[@]}" --json status
json '.board == null' "says so"

echo "--- and one that somebody does"
board serve "$t/commands" &
pids+=($!)
ready "$t/commands" '^129 204'
run 0 "box status" "${alice[@]}" box status
has "NOT FOR PRODUCTION" out "with its token"
run 0 "box status as JSON" "${alice[@]}" --json box status
json '.board == "lab" and .slot == "a" and .security == 3 and .watchdog == true and (.pcrs["7"] | length) == 64' "all of it"
run 0 "the same for root" "$bin/dcactl" --local --prefix "$t" --json box status
json '.board == "lab"' "over the admin socket"
run 0 "update status" "${alice[@]}" --json update status
json '.update.state == "good" and .other.version == "1.2.2" and (has("token") | not)' "what is of updates"
run 0 "update status for people" "${alice[@]}" update status
has 1.2.2 out "shows the other slot"
run 0 "status" "${alice[@]}" --json status
json '.board.slot == "a"' "shows it too"
run 2 "update install without a URL" "${alice[@]}" update install
run 2 "a hash that is none" "${alice[@]}" update install https://example.net/x.raucb --sha256 12
run 1 "a URL that is none" "${alice[@]}" update install http://example.net/x.raucb
has url err "names the field"
hash=$(printf x | openssl dgst -sha256 -r | cut -d' ' -f1)
run 0 "update install" "${alice[@]}" update install https://example.net/x.raucb --sha256 "$hash"
run 0 "update commit" "${alice[@]}" update commit
run 0 "update rollback" "${alice[@]}" update rollback
run 0 "box reset" "${alice[@]}" box reset
has "one signature" out "says that it was one signature"
run 1 "nor by root" "$bin/dcactl" --local --prefix "$t" box reset
bob=("$bin/dcactl" --profile "$t/bob")
run 0 "a second admin's profile" "${bob[@]}" init operator bob "${by[@]}"
run 0 "a second admin" "${alice[@]}" operator add bob --role admin --cert "$t/bob/cert.pem"
run 0 "box reset --force" "${alice[@]}" box reset --force
has "dcactl approve" out "waits for the second one"
id=$(grep -o '[0-9]*$' "$t/out")
grep -q force "$t/commands" && bad "told before" || ok "nothing was told yet"
run 0 "approve" "${bob[@]}" approve "$id" --yes
has force out "shows what is signed for"
ready "$t/commands" force
cut -d' ' -f1,3- "$t/commands" >"$t/out"
cat >"$t/want" <<C
129
command install https://example.net/x.raucb sha256:$hash
command commit
command rollback
command reset
command reset force
C
sed -i 's/ *$//' "$t/out"
cmp -s "$t/out" "$t/want" && ok "the box was told this, in this order" || bad "what the box was told"

echo "--- what happened to it"
run 0 "an event" board event fallback "slot b did not come up"
run 0 "box events" "${alice[@]}" --json box events
json 'length == 1 and .[0].event == "fallback" and .[0].text == "slot b did not come up"' "are the events"
run 0 "box events for people" "${alice[@]}" box events
has "slot b did not come up" out "show what happened"
run 0 "ledger list" "${alice[@]}" --json ledger list
json 'map(select(.kind == "board" and .actor == "board")) | length == 1' "is a row"
run 0 "a deep beat" board beat 1
json '.healthy == true and .front == true and .operators == 2 and .state == "no-key"' "a new box is well"
run 0 "the ledger offline" "$bin/dca-verify" ledger "$t/var/lib/dca/vault/store.db" --operators
has alice out "counts who claimed"

[ $failures = 0 ] || { echo "$failures not ok"; exit 1; }
