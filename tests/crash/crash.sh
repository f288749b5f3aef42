#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# SIGKILL of vault, front and publisher at random instants while clients
# enrol: what was answered is recorded and published, once. CRASH_KILLS of
# each (15), CRASH_SEED to choose the same again.
# usage: crash.sh BUILD-DIRECTORY
set -euo pipefail
build=$(cd "$1" && pwd)
top=$(cd "$(dirname "$0")/../.." && pwd)
bin=$build/bin
for p in softhsm2-util nginx curl openssl; do
	PATH=$PATH:/usr/sbin command -v $p >/dev/null || { echo "SKIPPED: no $p" >&2; exit 77; }
done
tmp=$(mktemp -d)
state=$tmp/state
quick() { "$top/tools/quickstart" "$@" --state "$state" --build "$build" --no-install; }
finish() {
	local rc=$?
	[ $rc = 0 ] || tail -n 8 "$state"/log/*.log
	quick stop >/dev/null || true
	rm -rf "$tmp"
	exit $rc
}
trap finish EXIT
fail() { echo "NOT OK: $*"; exit 1; }

quick >"$tmp/quickstart.log" 2>&1 || { cat "$tmp/quickstart.log"; exit 1; }
for d in publisher front vault; do # nginx stays
	pid=$(cat "$state/run/$d.pid")
	kill "$pid"
	while kill -0 "$pid" 2>/dev/null; do sleep 0.05; done
	rm "$state/run/$d.pid"
done
printf '[limits]\nrequests = 100000\nburst = 200000\n' >>"$state/etc/dca/front.conf"
printf '[issue]\nnew_keys_per_day = 100000\n' >"$tmp/budget"
if "$bin/dca-vault" --help-config | grep -q new_keys_per_day; then
	cat "$tmp/budget" >>"$state/etc/dca/vault.conf"
fi
# -shm and -wal are made by whoever reads the store
names() { (cd "$state" && find run var ! -path '*/sti/*' ! -type d ! -name 'store.db-*' | sort); }
names >"$tmp/before"
mkdir "$state/load" "$state/kept"
cp -a "$state/tokens" "$state/kept/"

SOFTHSM2_CONF=$state/softhsm2.conf "$build/tests/crash/crash" "$state" "$bin" 5684 "${CRASH_KILLS:-15}"

names >"$tmp/after"
cmp -s "$tmp/before" "$tmp/after" || { diff "$tmp/before" "$tmp/after" || true; fail "files came or went"; }
if grep -l 'AddressSanitizer\|runtime error' "$state"/log/*.log; then fail "sanitizer"; fi
"$bin/dca-verify" ledger "$state/var/lib/dca/vault/store.db"
n=0
for f in $(find "$state/var/lib/dca/publisher/sti" -type f | sort | head -n 20); do
	curl -sf --cacert "$state/tls-ca.pem" "https://127.0.0.1:8443/sti/${f##*/}" | cmp -s - "$f" || fail "${f##*/}"
	n=$((n + 1))
done
echo "fetched   $n of them by x5u"
# and people can go on where they were
quick >"$tmp/quickstart.log" 2>&1 || { cat "$tmp/quickstart.log"; fail "quickstart afterwards"; }
"$bin/dcactl" --profile "$state/operator" code create --customer acme >"$tmp/packet" 2>/dev/null || fail "a code afterwards"
echo PASS
