#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# From inside each jail the forbidden thing is tried and stopped; a stopped
# thing is heard of; and the daemons of the quickstart are really in theirs.
# usage: jail.sh BUILD-DIRECTORY JAIL-TRY
set -euo pipefail
build=$(cd "$1" && pwd) try=$2
top=$(cd "$(dirname "$0")/../.." && pwd)
tmp=$(mktemp -d)
state=$tmp/state
quick() { "$top/tools/quickstart" "$@" --state "$state" --build "$build" --no-install; }
finish() {
	local rc=$?
	quick stop >/dev/null 2>&1 || true
	rm -rf "$tmp"
	exit $rc
}
trap finish EXIT
failures=0
ok() { echo "ok: $*"; }
bad() { echo "NOT OK: $*"; failures=$((failures + 1)); }
expect() { # TEXT COMMAND...
	local what=$1
	shift
	if "$@" >"$tmp/said" 2>&1; then ok "$what"; else bad "$what"; sed 's/^/    /' "$tmp/said"; fi
}

echo "--- by a program that enters as the daemons do"
mkdir "$tmp"/{in,ro,out}
for d in in ro out; do echo "$d" >"$tmp/$d/file"; done
"$try" "$tmp" >"$tmp/tries" 2>"$tmp/try.log" || failures=$((failures + 1))
cat "$tmp/tries"
expect "nothing outside was changed" sh -c "[ \"\$(cat '$tmp/out/file')\" = out ] && [ \"\$(ls '$tmp/out')\" = file ]"
expect "a refused socket is in the log" grep -q 'alarm=jail refused=socket number=[0-9]* arguments=2,' "$tmp/try.log"
if [ ! -e /sys/kernel/security/landlock ] && grep -q 'no Landlock' "$tmp/try.log"; then
	echo "NOTE: this kernel has no Landlock: what it would stop was not tried"
fi

echo "--- the daemons"
quick >"$tmp/quickstart.log" 2>&1 || { cat "$tmp/quickstart.log"; exit 1; }
for d in vault front publisher upstream; do
	pid=$(cat "$state/run/$d.pid")
	for task in /proc/"$pid"/task/*; do
		expect "$d, thread ${task##*/}: seccomp filter" grep -qx 'Seccomp:	2' "$task/status"
		expect "$d, thread ${task##*/}: no new privileges" grep -qx 'NoNewPrivs:	1' "$task/status"
	done
	expect "$d: no core" grep -Eq '^Max core file size +0 +0' "/proc/$pid/limits"
	expect "$d says so" grep -q "jail=.*landlock=[1-9].* seccomp=yes" "$state/log/$d.log"
	expect "$d: nothing was refused" sh -c "! grep alarm=jail '$state/log/$d.log'"
done
expect "dcactl status shows it" sh -c "'$build/bin/dcactl' --profile '$state/operator' status | grep -q 'jail  *vault-local landlock='"
vault=$(cat "$state/run/vault.pid")
if [ "$(id -u)" = 0 ] && grep -q memory=locked "$state/log/vault.log" && ! grep -q sanitizer=yes "$state/log/vault.log"; then
	expect "the vault's memory is locked" sh -c "! grep -Eq '^VmLck:[[:space:]]+0 kB' /proc/$vault/status"
fi
sockets=$(ls -l "/proc/$vault/fd" | grep -o 'socket:\[[0-9]*\]' | tr -dc '0-9\n')
for table in tcp tcp6 udp udp6 raw netlink; do
	[ -r "/proc/$vault/net/$table" ] || continue
	expect "the vault has no $table socket" sh -c "! grep -wF '$sockets' '/proc/$vault/net/$table'"
done

echo "--- Landlock, seen from outside: what the vault's configuration does not name is closed to its module"
quick stop >/dev/null
sed -i "s|^paths = .*|paths = $tmp/in|" "$state/etc/dca/vault.conf"
SOFTHSM2_CONF=$state/softhsm2.conf "$build/bin/dca-vault" --prefix "$state" >"$tmp/closed.log" 2>&1 &
pid=$!
for _ in $(seq 100); do grep -q 'token' "$tmp/closed.log" && break; sleep 0.1; done
sleep 0.5
expect "no token without its directory in [token] paths" sh -c "grep -q 'vault: jail=' '$tmp/closed.log' && ! grep -q 'token up' '$tmp/closed.log'"
kill $pid
wait $pid || bad "dca-vault ended with $?"

[ $failures = 0 ] || { echo "$failures not ok"; exit 1; }
