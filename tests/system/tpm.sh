#!/usr/bin/env bash
# The key ceremony in a TPM 2.0: tpm2-pkcs11 over a resource manager, as the
# kernel is one on a box, over a TPM in software. What tpm2-pkcs11 does otherwise
# than SoftHSM: VERIFY and ENCRYPT of the public key are bits of the private one,
# and attributes can be changed, with no effect on what the TPM gives out.
# usage: tpm.sh BUILD-DIRECTORY
set -euo pipefail
bin=$(cd "$1" && pwd)/bin
PATH=$PATH:/usr/sbin
module=
for so in /usr/lib/*/pkcs11/libtpm2_pkcs11.so /usr/lib/*/libtpm2_pkcs11.so.1; do
	[ -r "$so" ] && module=$so && break
done
for p in swtpm tpm2-abrmd dbus-run-session openssl; do
	command -v $p >/dev/null || module=
done
[ -n "$module" ] ||
	{ echo "*** SKIPPED, NOTHING WAS TESTED: install libtpm2-pkcs11-1 swtpm tpm2-abrmd dbus-daemon ***" >&2; exit 77; }
# a bus of its own, for the resource manager
[ -n "${DCA_BUS:-}" ] || DCA_BUS=1 exec dbus-run-session -- "$0" "$@"

tmp=$(mktemp -d)
swtpm='' manager=''
# shellcheck disable=SC2317 # by trap
finish() {
	for p in $manager $swtpm; do kill "$p" 2>/dev/null || true; done
	rm -rf "$tmp"
}
trap finish EXIT
umask 077
mkdir "$tmp/state" "$tmp/store"
swtpm socket --tpm2 --tpmstate dir="$tmp/state" --server type=unixio,path="$tmp/tpm" \
	--ctrl type=unixio,path="$tmp/tpm.ctrl" --flags not-need-init,startup-clear >"$tmp/swtpm.log" 2>&1 &
swtpm=$!
for _ in $(seq 100); do [ ! -S "$tmp/tpm.ctrl" ] || break; sleep 0.1; done
tpm2-abrmd --session --allow-root --tcti "swtpm:path=$tmp/tpm" >"$tmp/manager.log" 2>&1 &
manager=$!
for _ in $(seq 100); do
	! dbus-send --session --print-reply --dest=org.freedesktop.DBus / org.freedesktop.DBus.ListNames 2>/dev/null |
		grep -q com.intel.tss2.Tabrmd || break
	sleep 0.1
done
export TPM2_PKCS11_STORE=$tmp/store TPM2_PKCS11_TCTI=tabrmd:bus_type=session
export ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0" # tpm2-pkcs11 has one at C_Sign
od -An -N8 -tx1 /dev/urandom | tr -d ' ' >"$tmp/pin"
od -An -N8 -tx1 /dev/urandom | tr -d ' ' >"$tmp/so-pin"
token=(--module "$module" --token 'pkcs11:token=dca;id=%01;object=dca' --pin-file "$tmp/pin")

failures=0
expect() { # TEXT COMMAND...
	local what=$1
	shift
	if "$@" >"$tmp/out" 2>&1; then echo "ok: $what"; else
		echo "NOT OK: $what"
		sed 's/^/    /' "$tmp/out" "$tmp/manager.log" | tail -n 30
		failures=$((failures + 1))
	fi
}
reads() { # LINE...: the last command printed each, blanks squeezed
	for line in "$@"; do
		expect "   $line" grep -qx "$line" <(tr -s ' ' <"$tmp/last")
	done
}
expect "init-token" "$bin/dca-ceremony" init-token --module "$module" --label dca \
	--so-pin-file "$tmp/so-pin" --pin-file "$tmp/pin"
expect "keygen" "$bin/dca-ceremony" keygen "${token[@]}"
cp "$tmp/out" "$tmp/last"
reads "SENSITIVE true" "ALWAYS_SENSITIVE true" "NEVER_EXTRACTABLE true" "LOCAL true" \
	"EXTRACTABLE false" "VALUE readable false" "result done"
expect "csr" "$bin/dca-ceremony" csr "${token[@]}" --country US --org Example --cn "SHAKEN Example" \
	--scope spc:709J --out "$tmp/ca.csr"
expect "signed by that key, says OpenSSL" openssl req -in "$tmp/ca.csr" -verify -noout
expect "its key is the one that was read back" test \
	"$(openssl req -in "$tmp/ca.csr" -noout -pubkey | openssl pkey -pubin -outform DER | sha256sum | cut -c 1-64)" = \
	"$(awk '/key SPKI/ { print $NF }' "$tmp/last")"
expect "status" "$bin/dca-ceremony" status "${token[@]}"
rc=0
"$bin/dca-ceremony" keygen "${token[@]}" >"$tmp/out" 2>&1 || rc=$?
expect "one key, not two" test "$rc $(grep -c 'rule:   reg-exists' "$tmp/out")" = "1 1"
[ $failures = 0 ] || { echo "$failures failed"; exit 1; }
