#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# libdca-verify as its users get it: installed, found by pkg-config, linked by
# a plain cc, and with nothing in its interface but what the header names.
# usage: libdca-verify.sh BUILD-DIRECTORY [SANITIZERS]
set -euo pipefail
build=$(cd "$1" && pwd)
sanitize=(${2:+"-fsanitize=$2"})
here=$(cd "$(dirname "$0")" && pwd)
for p in cc pkg-config cmake nm openssl; do
	command -v $p >/dev/null ||
		{ echo "*** SKIPPED, NOTHING WAS TESTED: install $p ***" >&2; exit 77; }
done
t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT
failures=0
bad() { echo "NOT OK: $*"; failures=$((failures + 1)); }

cmake --install "$build" --prefix "$t/prefix" --component libdca-verify >"$t/log" ||
	{ cat "$t/log"; exit 1; }
so=$(find "$t/prefix" -name libdca-verify.so.0)
[ -n "$so" ] || { bad "no libdca-verify.so.0"; exit 1; }

# The interface: each function of the header, nothing of the core.
nm -D --defined-only "$so" | sed -n 's/.* T \([a-z_]*\)@@.*/\1/p' | sort >"$t/exported"
grep -oE '\bdca_verif[a-z_]+\(' "$t/prefix/include/dca/verify.h" | tr -d '(' | sort -u >"$t/named"
diff "$t/named" "$t/exported" || bad "exported is not what the header names"
[ "$(nm -D --defined-only "$so" | grep -vcE ' (T dca_verif|A DCA_VERIFY_0)')" = 0 ] ||
	bad "more than functions of the interface is exported"
readelf -d "$so" | grep -q 'SONAME.*libdca-verify\.so\.0\]' || bad "soname"
[ ${#sanitize[@]} != 0 ] || ! readelf -d "$so" | grep NEEDED | grep -vE 'lib(crypto|c)\.so' ||
	bad "it needs more than libcrypto"

# The example, by pkg-config alone.
PKG_CONFIG_PATH=$(dirname "$(find "$t/prefix" -name libdca-verify.pc)")
export PKG_CONFIG_PATH
read -ra flags <<<"$(pkg-config --cflags --libs libdca-verify)"
cc -std=c99 -Wall -Wextra -Werror "${sanitize[@]}" "$here/../../firmware/verify/example.c" \
	"${flags[@]}" -o "$t/example"
LD_LIBRARY_PATH=$(dirname "$so")
export LD_LIBRARY_PATH

# A chain of openssl's: root, CA for +12125551000 and 999 more, leaf for 100.
key() { openssl ecparam -name prime256v1 -genkey -noout -out "$1"; }
for k in root ca leaf; do
	key "$t/$k.key"
	openssl req -new -key "$t/$k.key" -subj "/C=US/O=Lab/CN=SHAKEN $k" -out "$t/$k.csr"
done
ids='subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid'
echo "basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign
subjectKeyIdentifier = hash" >"$t/root.cnf"
echo "basicConstraints = critical,CA:TRUE,pathlen:0
keyUsage = critical,keyCertSign
$ids
1.3.6.1.5.5.7.1.26 = DER:3015a1133011160b3132313235353531303030020203e8" >"$t/ca.cnf"
echo "basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
$ids
1.3.6.1.5.5.7.1.26 = DER:3014a1123010160b3132313235353531353030020164" >"$t/leaf.cnf"
sign() { openssl x509 -req -in "$t/$1.csr" -extfile "$t/$1.cnf" -days 3 "${@:2}" -out "$t/$1.pem" 2>/dev/null; }
sign root -signkey "$t/root.key"
sign ca -CA "$t/root.pem" -CAkey "$t/root.key" -set_serial 2
sign leaf -CA "$t/ca.pem" -CAkey "$t/ca.key" -set_serial 3
cat "$t/leaf.pem" "$t/ca.pem" >"$t/chain.pem"

run() {	# CODE TEXT ARGUMENT...
	local rc=0
	"$t/example" "${@:3}" >"$t/out" 2>&1 || rc=$?
	if [ $rc != "$1" ] || ! grep -qF -- "$2" "$t/out"; then
		bad "example ${*:3}: exit $rc, wanted $1 and \"$2\""
		cat "$t/out"
	fi
}
run 0 accepted "$t/root.pem" "$t/chain.pem" 12125551500
run 1 "not in its list" "$t/root.pem" "$t/chain.pem" 12125551600
run 1 "RFC 9060" "$t/root.pem" "$t/leaf.pem" 12125551500
run 1 "is a CA certificate" "$t/root.pem" "$t/ca.pem" 12125551500

[ $failures = 0 ] || exit 1
echo "$(wc -l <"$t/exported") functions, as the header names them; the example works"
