#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The ACME client against Debian's pebble, strict, which refuses three of ten
# good nonces: with the external account binding that it demands; without one,
# with a wrong key and with an unknown kid. And one that refuses every nonce.
# usage: pebble.sh BUILD-DIRECTORY PEBBLE-CLIENT
set -euo pipefail
client=$2
for p in pebble openssl curl; do
	command -v $p >/dev/null || { echo "SKIPPED: no $p" >&2; exit 77; }
done
tmp=$(mktemp -d)
server=''
finish() {
	local rc=$?
	[ $rc = 0 ] || tail -n 20 "$tmp/pebble.log" || true
	[ -z "$server" ] || kill -KILL "$server" 2>/dev/null || true
	rm -rf "$tmp"
	exit $rc
}
trap finish EXIT
failures=0
ok() { echo "ok: $*"; }
bad() { echo "NOT OK: $*"; failures=$((failures + 1)); }

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost \
	-addext subjectAltName=DNS:localhost -keyout "$tmp/tls.key" -out "$tmp/tls.pem" 2>/dev/null
key=$(openssl rand 32 | base64 -w 0 | tr '+/' '-_' | tr -d '=')
other=$(openssl rand 32 | base64 -w 0 | tr '+/' '-_' | tr -d '=')
cat >"$tmp/pebble.json" <<C
{ "pebble": { "listenAddress": "127.0.0.1:14100", "managementListenAddress": "127.0.0.1:14101",
  "certificate": "$tmp/tls.pem", "privateKey": "$tmp/tls.key", "httpPort": 5002, "tlsPort": 5001,
  "externalAccountBindingRequired": true, "externalAccountMACKeys": { "lab": "$key" } } }
C
url=https://localhost:14100/dir
serve() { # PERCENT-OF-NONCES-REFUSED
	[ -z "$server" ] || { kill "$server"; wait "$server" 2>/dev/null || true; }
	PEBBLE_WFE_NONCEREJECT=$1 PEBBLE_VA_ALWAYS_VALID=1 PEBBLE_VA_NOSLEEP=1 \
		pebble -strict -config "$tmp/pebble.json" >"$tmp/pebble.log" 2>&1 &
	server=$!
	for _ in $(seq 100); do
		! curl -s --cacert "$tmp/tls.pem" -o "$tmp/probe" "$url" || return 0
		sleep 0.1
	done
	return 1
}

serve 30
run() { "$client" "$url" "$tmp/tls.pem" "$@" >"$tmp/out" 2>&1; }
if run lab "$key"; then
	cat "$tmp/out"
else
	bad "pebble -strict, nonces refused, account bound"
	cat "$tmp/out"
fi
refuse() { # TEXT WHAT-IT-SAYS KID KEY
	local rc=0
	run "$3" "$4" || rc=$?
	if [ $rc = 3 ] && grep -q "^refused: upstream-ca: .*$2" "$tmp/out"; then
		ok "$1: $(grep '^refused' "$tmp/out")"
	else
		bad "$1"
		cat "$tmp/out"
	fi
}
refuse "no binding" 'set eab_kid and eab_key_file' '' ''
refuse "a wrong key" 'the STI-CA answers HTTP status 40[0-9]: ' lab "$other"
refuse "an unknown kid" 'the STI-CA answers HTTP status 40[0-9]: ' nobody "$key"
serve 100
refuse "no nonce is good" 'badNonce: ' lab "$key"
tries=$(grep -c 'POST /sign-me-up' "$tmp/pebble.log")
if [ "$tries" = 10 ]; then ok "   after 10 tries, each with the nonce sent along"; else bad "   $tries tries, not 10"; fi
if [ "$(grep -c 'HEAD /nonce-plz' "$tmp/pebble.log")" = 1 ]; then ok "   of which one was asked for"; else bad "   newNonce more than once"; fi
[ $failures = 0 ]
