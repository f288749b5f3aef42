#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# SIGKILL at every step of an order, of dca-upstream, of dca-vault and of
# both, and the same command again: one key, one ACME order, one certificate
# proposed, nothing half installed, and a ledger that holds.
# usage: upstream-kill.sh BUILD-DIRECTORY
set -euo pipefail
build=$(cd "$1" && pwd)
top=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tests/system/upstream-lab.sh
. "$top/tests/system/upstream-lab.sh"

start_upstream() {
	"$bin/dca-upstream" run --config "$tmp/upstream.conf" --prefix "$state" >>"$tmp/upstream.log" 2>&1 &
	upstream=$!
}
kill_upstream() {
	kill -KILL "$upstream" 2>/dev/null || true
	wait "$upstream" 2>/dev/null || true
	upstream=''
}
asked() { grep -c "POST /acme/$1: status" "$tmp/sandbox.log" || true; }

# The command again, and once more when the appliance was too busy to answer.
again() {
	local rc=0
	for _ in 1 2 3; do
		rc=0
		timeout 100 "$bin/dcactl" --profile "$state/operator" cross order --key new --scope 12025550000+10000 || rc=$?
		[ $rc = 2 ] || break
	done
	return $rc
}

# Kill WHO when the vault's log says STEP of a new order, then go on.
killed() { # WHO STEP
	local mark order pid before made final
	mark=$(wc -l <"$state/log/vault.log") before=$(keys) made=$(asked new-order) final=$(asked 'finalize/[0-9]*')
	ctl cross order --key new --scope 12025550000+10000 >"$tmp/order.first" 2>&1 &
	pid=$!
	for _ in $(seq 500); do
		! tail -n "+$((mark + 1))" "$state/log/vault.log" | grep -Eq "$2" || break
		sleep 0.01
	done
	case $1 in
	upstream) kill_upstream ;;
	vault) kill -KILL "$(cat "$state/run/vault.pid")" ;;
	both) kill -KILL "$(cat "$state/run/vault.pid")" "$upstream" ;;
	esac
	kill "$pid" 2>/dev/null || true
	wait "$pid" 2>/dev/null || true
	[ "$1" = upstream ] || restart_vault
	[ "$1" = vault ] || { kill_upstream; start_upstream; }
	if ! again >"$tmp/order" 2>&1; then
		bad "$1 at $2: the command again"
		cat "$tmp/order.first" "$tmp/order"
		tail -n 3 "$tmp/upstream.log"
		return
	fi
	order=$(row '.orders[-1].id')
	if [ "$(row '[.orders[] | select(.state == "proposed")] | length')" = 1 ] &&
		[ "$(row '.orders | length')" = $((orders + 1)) ] &&
		[ $(($(asked new-order) - made)) = 1 ] &&
		[ $(($(asked 'finalize/[0-9]*') - final)) = 1 ] &&
		[ "$(keys)" = $((before + 1)) ] && [ "$(serials)" = "$crosses" ] &&
		! grep -q stopped "$tmp/order"; then
		ok "$1 at $2"
	else
		bad "$1 at $2: orders $(row '.orders | length') of $((orders + 1)), ACME orders $(($(asked new-order) - made))," \
			"finalized $(($(asked 'finalize/[0-9]*') - final)), keys $(($(keys) - before)), installed $(($(serials) - crosses))"
		cat "$tmp/order"
	fi
	ctl cross drop "$order" >"$tmp/out"
	orders=$((orders + 1))
}

empty rfc --eab
conf rfc
orders=0 crosses=$(serials)
start_upstream
# from the act on; the beginning and the end of each step
while read -r step; do
	killed upstream "$step"
	killed vault "$step"
	[[ $step != *state=1 ]] || killed both "$step"
done <<'D'
step=request.state=1
step=list.state=0
step=list.state=1
step=account.state=0
step=account.state=1
step=order.state=0
step=order.state=1
step=token.state=0
step=token.state=1
step=challenge.state=0
step=challenge.state=1
step=finalize.state=0
step=finalize.state=1
step=download.state=0
step=download.state=1
step=(checked|proposal).state=1
D
# the vault alone, while the key is being made: its id is in the ledger
for after in 0.02 0.05 0.1 0.2; do
	before=$(keys)
	ctl cross order --key new --scope 12025550000+10000 >"$tmp/order" 2>&1 &
	pid=$!
	for _ in $(seq 500); do
		[ "$(sqlite3 "$state/var/lib/dca/vault/store.db" "SELECT count(*) FROM orders WHERE state = 'open'")" = 0 ] || break
		sleep 0.01
	done
	sleep $after
	kill -KILL "$(cat "$state/run/vault.pid")"
	kill "$pid" 2>/dev/null || true
	wait "$pid" 2>/dev/null || true
	restart_vault
	expect "the vault $after s after the act, and again" again
	expect "   one key" test "$(keys)" = $((before + 1))
	ctl cross drop "$(row '.orders[-1].id')" >"$tmp/out"
done
expect "an order that is waited for to the end" ctl cross order --key new --scope 12025550000+10000
last=$(row '.orders[-1].id')
expect "the command again" again
cp "$tmp/out" "$tmp/order"
expect "   is that order" test "$(row '.orders[-1].id')" = "$last"
expect "   and says what to do" grep -q "an admin activates it: dcactl cross activate $last" "$tmp/order"
expect "activated" ctl cross activate "$last" --yes
expect "   once" test "$(serials)" = $((crosses + 1))
cp "$state/var/lib/dca/vault/store.db"* "$tmp/"
expect "the ledger holds, resumed orders and all" "$bin/dca-verify" ledger --operators "$tmp/store.db"
[ $failures = 0 ]
