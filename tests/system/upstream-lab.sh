# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# What the tests of cross-certificates share: the lab's STI-PA and STI-CA, a
# dca-upstream of the test's own, and an appliance of the quickstart. Sourced,
# with build= and top= set.
bin=$build/bin
for p in softhsm2-util openssl nginx curl jq sqlite3 python3 p11tool coap-client-openssl; do
	PATH=$PATH:/usr/sbin command -v $p >/dev/null || { echo "SKIPPED: no $p" >&2; exit 77; }
done
tmp=$(mktemp -d)
state='' lab=''
quick() { "$top/tools/quickstart" "$@" --state "$state" --build "$build" --no-install; }
sandbox='' upstream=''
finish() {
	local rc=$?
	[ $rc = 0 ] || tail -n 20 "$tmp"/*.log "$state"/log/vault.log || true
	for p in $sandbox $upstream; do kill -KILL "$p" 2>/dev/null || true; done
	[ -z "$state" ] || quick stop >/dev/null || true
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
	if "$@" >"$tmp/out" 2>&1; then ok "$what"; else bad "$what"; sed 's/^/    /' "$tmp/out" | tail -n 12; fi
}
ctl() { "$bin/dcactl" --profile "$state/operator" "$@"; }
row() { ctl --json cross list | jq -r "$1"; }

# --- the other side, and ours ---
serve() { # OPTION...
	[ -z "$sandbox" ] || { kill "$sandbox"; wait "$sandbox" 2>/dev/null || true; }
	"$bin/dca-sandbox" serve "$lab" --port 14000 --scope '12025550000+10000,spc:709J,13125550100' "$@" >"$tmp/sandbox.log" 2>&1 &
	sandbox=$!
	for _ in $(seq 100); do ! grep -qx ready "$tmp/sandbox.log" || return 0; sleep 0.1; done
	return 1
}
conf() { # DIALECT [QUIRKS]
	cat >"$tmp/upstream.conf" <<C
[sti-pa]
base_url = https://localhost:14000
user = lab
password_file = $lab/password
participant = LAB1
root = $lab/pa-root.pem
crl_url = https://localhost:14000/download/v1/crl
crl_signer_url = https://localhost:14000/download/v1/certificate/certificateId_2.crt
crl_every = 2s
[sti-ca]
directory = https://localhost:14000/acme/directory
dialect = $1
quirks = ${2:-}
eab_kid = $(cat "$lab/eab.kid")
eab_key_file = $lab/eab.key
[http]
tls_ca = $lab/tls-ca.pem
timeout = 5s
retry = 1s
[state]
directory = $tmp/upstream
C
}
once() { timeout 60 "$bin/dca-upstream" run --once --config "$tmp/upstream.conf" --prefix "$state" >>"$tmp/upstream.log" 2>&1; }
order() { # OPTION...: placed, not followed
	ctl --json cross order "$@" >"$tmp/order" 2>&1 &
	local pid=$! i
	for i in $(seq 100); do
		[ "$(row '[.orders[] | select(.state == "open")] | length')" = 0 ] || break
		sleep 0.1
	done
	for i in $(seq 100); do
		[ "$(sqlite3 "$state/var/lib/dca/vault/store.db" "SELECT length(csr) FROM orders WHERE state = 'open'")" = 0 ] || break
		sleep 0.1
	done
	kill $pid 2>/dev/null || true
	wait $pid 2>/dev/null || true
}
open_order() { row '[.orders[] | select(.state == "open")][0].id'; }
last_step() { ctl --json status >/dev/null; grep "order=$1 " "$state/log/vault.log" | tail -n 1; }
keys() { # private ones in the token
	GNUTLS_PIN=$(cat "$state/secret/pin") SOFTHSM2_CONF=$state/softhsm2.conf p11tool --batch --login \
		--provider=/usr/lib/softhsm/libsofthsm2.so --list-privkeys 'pkcs11:token=quickstart' 2>/dev/null | grep -c '^Object'
}
serials() { sqlite3 "$state/var/lib/dca/vault/store.db" 'SELECT count(*) FROM crosses'; }

code() { # N: an enrolment code; an act of the operator's, so one at a time
	ctl code create --customer acme >"$tmp/packet.$1" 2>/dev/null
}
enrol() { # N
	timeout "${patience:-100}" "$bin/dca-enroll" --packet-file "$tmp/packet.$1" --dir "$tmp/c$1" >"$tmp/enrol.$1" 2>&1
}
customer() { code "$1" && enrol "$1"; }
restart_vault() { # by SIGKILL
	local vault
	vault=$(cat "$state/run/vault.pid")
	kill -KILL "$vault" 2>/dev/null || true # a test may have done so
	for _ in $(seq 100); do kill -0 "$vault" 2>/dev/null || break; sleep 0.1; done
	SOFTHSM2_CONF=$state/softhsm2.conf "$bin/dca-vault" --prefix "$state" >>"$state/log/vault.log" 2>&1 &
	echo $! >"$state/run/vault.pid"
	for _ in $(seq 100); do ! ctl status >/dev/null 2>&1 || return 0; sleep 0.1; done
	return 1
}
# An appliance without a cross-certificate: a quickstart that gets no further
# than to the lab's port, which ours has.
empty() { # NAME SERVE-OPTION...
	[ -z "$state" ] || quick stop >/dev/null
	state=$tmp/$1 lab=$tmp/$1/lab
	mkdir "$state"
	"$bin/dca-sandbox" init "$lab" >/dev/null
	shift
	rm -rf "$tmp/upstream"
	serve "$@"
	! quick >"$tmp/quickstart.log" 2>&1 || return 1
	grep -q 'port 14000 on 127.0.0.1 is taken by another program; stop it or give --lab-port' "$tmp/quickstart.log"
}

