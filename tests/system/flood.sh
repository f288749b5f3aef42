#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# An honest client enrols every second while sources that never answer send
# ClientHellos, and other datagrams, from thousands of addresses of
# 127.0.0.0/8: all are served, nothing is remembered of the others, and no more
# octets go out than came in.
# usage: flood.sh BUILD-DIRECTORY; FLOOD_SECONDS (10) and FLOOD_RATE (2000 a
# second) of each flood
set -euo pipefail
build=$(cd "$1" && pwd)
top=$(cd "$(dirname "$0")/../.." && pwd)
bin=$build/bin
flood=$build/tests/flood
seconds=${FLOOD_SECONDS:-10} rate=${FLOOD_RATE:-2000}
for p in softhsm2-util openssl nginx curl coap-client-openssl; do
	PATH=$PATH:/usr/sbin command -v $p >/dev/null || { echo "SKIPPED: no $p" >&2; exit 77; }
done
tmp=$(mktemp -d)
state=$tmp/state
quick() { "$top/tools/quickstart" "$@" --state "$state" --build "$build" --no-install; }
finish() {
	local rc=$?
	[ $rc = 0 ] || tail -n 15 "$state"/log/*.log || true
	quick stop >/dev/null || true
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
	if "$@" >"$tmp/out" 2>&1; then ok "$what"; else bad "$what"; sed 's/^/    /' "$tmp/out"; fi
}
quick >"$tmp/quickstart.log" 2>&1 || { cat "$tmp/quickstart.log"; exit 1; }
front=$(cat "$state/run/front.pid")
# what a sanitizer keeps of freed memory is no leak
flat=16384
! grep -q sanitizer=yes "$state/log/front.log" || flat=131072
rss() { grep VmRSS "/proc/$front/status" | grep -o '[0-9]*'; }
milliseconds() { date +%s%3N; }

codes() { # N: packets in $tmp/packets, while it is quiet
	local i
	mkdir -p "$tmp/packets"
	for i in $(seq "$1"); do
		"$bin/dcactl" --profile "$state/operator" code create --customer acme >"$tmp/packets/$i" 2>/dev/null
	done
}
enrol() { # N: one enrolment, its milliseconds in times
	local start
	start=$(milliseconds)
	if timeout 20 "$bin/dca-enroll" --packet-file "$tmp/packets/$1" --dir "$tmp/honest/$1" >"$tmp/honest.$1" 2>&1; then
		echo $(($(milliseconds) - start)) >>"$tmp/times"
	else
		echo "enrolment $1 failed:" >>"$tmp/failed"
		cat "$tmp/honest.$1" >>"$tmp/failed"
	fi
}
under() { # KIND SECONDS
	local kind=$1 seconds=$2 before i pids=()
	echo "--- $kind: $rate a second for $seconds s"
	rm -rf "$tmp/honest" "$tmp/times" "$tmp/failed" "$tmp/packets"
	mkdir "$tmp/honest"
	touch "$tmp/times" "$tmp/failed"
	codes "$seconds"
	before=$(rss)
	"$flood" "$kind" 5684 "$rate" "$seconds" >"$tmp/totals" &
	local storm=$!
	for i in $(seq "$seconds"); do
		enrol "$i" &
		pids+=($!)
		sleep 1
	done
	wait "${pids[@]}"
	wait $storm || bad "the flood itself"
	local sent octets answers answered_octets failed
	# shellcheck disable=SC1090,SC1091
	. "$tmp/totals"
	echo "    $(cat "$tmp/totals")"
	echo "    enrolments: $(sort -n "$tmp/times" | awk '{a[NR] = $1}
		END {if (NR) printf "%d, median %d ms, slowest %d ms", NR, a[int((NR + 1) / 2)], a[NR]}')"
	expect "nine tenths of the flood were sent" test "$sent" -ge $((rate * seconds * 9 / 10))
	expect "each of $seconds honest clients is served" test "$(wc -l <"$tmp/times")" = "$seconds"
	sed 's/^/    /' "$tmp/failed"
	expect "$answered_octets octets came back for $octets" test "$answered_octets" -le "$octets"
	[ "$kind" != hello ] || expect "a cookie was offered to most of them" test "$answers" -gt $((sent / 2))
	echo "    RSS $before -> $(rss) KiB"
	expect "memory is flat" test $(($(rss) - before)) -lt "$flat"
	expect "the front is the same process" kill -0 "$front"
}

# The register allows a customer a hundred new keys a day.
[ "$seconds" -le 60 ] || { echo "FLOOD_SECONDS is at most 60" >&2; exit 2; }
under hello "$seconds"
under all $((seconds < 30 ? seconds : 30))

# --- clients that finish their handshake and then want too much ---
mkdir "$tmp/id"
for n in client other; do
	openssl ecparam -name prime256v1 -genkey -noout -out "$tmp/id/$n.key"
	openssl req -x509 -new -key "$tmp/id/$n.key" -subj "/CN=$n" -days 30 -out "$tmp/id/$n.pem"
done
kill "$front"
for _ in $(seq 100); do kill -0 "$front" 2>/dev/null || break; sleep 0.1; done
expect "counters say what was asked for a cookie" grep -q 'counters .*cookies_asked=[1-9]' "$state/log/front.log"
restart() { # the front again, with the [limits] of stdin
	[ -z "${mine:-}" ] || { kill "$mine"; wait "$mine" 2>/dev/null || true; }
	{ printf '[listen]\nport = 5684\n[limits]\n'; cat; } >"$tmp/front.conf"
	"$bin/dca-front" --prefix "$state" --config "$tmp/front.conf" >"$tmp/front.log" 2>&1 &
	mine=$! front=$!
	for _ in $(seq 100); do
		! grep -q lane=operators "$tmp/front.log" || return 0
		sleep 0.1
	done
	cat "$tmp/front.log"
	return 1
}
client() { # GROUP [ARGUMENT]
	echo "--- $1"
	"$build/tests/flood-client" 5684 "$tmp/id" "$@" >"$tmp/group" || failures=$((failures + 1))
	cat "$tmp/group"
}
port=5690
get() { # SOURCE-ADDRESS: discovery from there
	# a new port each time: with -a alone libcoap 4.3.4 binds to the server's
	# port, and from 127.0.0.1 would talk to itself
	port=$((port + 1))
	timeout 8 coap-client-openssl -B 6 -a "$1" -p $port -c "$tmp/id/client.pem" -j "$tmp/id/client.key" -R "$state/server.pem" \
		-m get coaps://127.0.0.1/.well-known/core 2>/dev/null | grep -q ace.est
}
much=$'requests = 100000\nburst = 200000\nkey_requests = 100000\nkey_burst = 200000'

restart <<<"$much"
before=$(rss)
client blocks
expect "RSS $before -> $(rss) KiB" test $(($(rss) - before)) -lt "$flat"
client lane "$(cat "$state/run/vault.pid")"

restart <<<"$much"$'\nsource_handshakes = 3'
echo "--- three unfinished handshakes of one address are its share"
"$build/tests/flood-client" 5684 "$tmp/id" halves >"$tmp/halves" &
halves=$!
for _ in $(seq 50); do ! grep -q ready "$tmp/halves" || break; sleep 0.1; done
if get 127.0.0.1; then bad "the fourth waits"; else ok "the fourth waits"; fi
expect "another address is served meanwhile" get 127.0.0.9
kill $halves
for _ in 1 2 3 4; do ! get 127.0.0.1 || break; done
expect "when they have ended the first address is, too" get 127.0.0.1

restart <<<"$much"$'\nsource_sessions = 2'
client sessions
restart <<<$'requests = 100000\nburst = 200000\nkey_requests = 2\nkey_burst = 10'
client key

echo "--- memory"
cap() { grep 'Max address space' "/proc/$front/limits" | awk '{print $4}'; }
expect "the kernel holds it to a bound" test "$(cap)" != unlimited
printf '[limits]\nmemory = 100000000\n' >"$tmp/small.conf"
expect "limits that do not fit into memory keep it from starting" bash -c \
	"! '$bin/dca-front' --prefix '$state' --config '$tmp/small.conf' 2>'$tmp/small' && grep -q 'may need' '$tmp/small'"
kill "$mine"
wait "$mine" || bad "exit $?"
[ $failures = 0 ]
