#!/usr/bin/env bash
# dca-verify and dca-sandbox as people use them: the lab chain under OpenSSL
# and GnuTLS, x5u servers that break one rule each, lists in all their forms.
# usage: verify.sh BUILD-DIRECTORY
set -euo pipefail
bin=$(cd "$1" && pwd)/bin
here=$(cd "$(dirname "$0")" && pwd)
for p in openssl certtool python3 jq; do
	command -v $p >/dev/null ||
		{ echo "*** SKIPPED, NOTHING WAS TESTED: install $p ***" >&2; exit 77; }
done
t=$(mktemp -d)
pid=
finish() {
	[ -z "$pid" ] || kill "$pid" 2>/dev/null || true
	rm -rf "$t"
}
trap finish EXIT
failures=0

# run CODE TEXT COMMAND...: exit code, and a text the output must have
run() {
	local want=$1 text=$2 rc=0
	shift 2
	"$@" >"$t/out" 2>&1 || rc=$?
	if [ $rc != "$want" ] || ! grep -qF -- "$text" "$t/out"; then
		echo "NOT OK: $* (exit $rc, wanted $want and \"$text\")"
		sed 's/^/    /' "$t/out"
		failures=$((failures + 1))
	fi
}

# --- sandbox ---
run 0 root.pem "$bin/dca-sandbox" init "$t/lab"
cp -r "$t/lab" "$t/before"
run 0 "nothing changed" "$bin/dca-sandbox" init "$t/lab"
diff -r "$t/lab" "$t/before"
mkdir "$t/part" && cp "$t/lab/root.pem" "$t/part"
run 1 "part of a lab CA" "$bin/dca-sandbox" init "$t/part"

# A request by openssl: +12125551000 and 999 more.
cat >"$t/csr.cnf" <<'END'
[req]
distinguished_name = dn
req_extensions = v3
prompt = no
[dn]
C = US
O = Example
CN = x
[v3]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign
1.3.6.1.5.5.7.1.26 = DER:3015a1133011160b3132313235353531303030020203e8
END
openssl ecparam -name prime256v1 -genkey -noout -out "$t/ca.key"
openssl req -new -key "$t/ca.key" -config "$t/csr.cnf" -out "$t/ca.csr"
openssl req -in "$t/ca.csr" -outform DER -out "$t/ca.der"
sign() { "$bin/dca-sandbox" sign "$t/lab" "$@"; }
run 0 "" sign --csr "$t/ca.der" --out "$t/chain.pem" --days 90
run 0 OK openssl verify -x509_strict -CAfile "$t/lab/root.pem" \
	-untrusted "$t/chain.pem" "$t/chain.pem"
run 0 "certificate is trusted" certtool --verify \
	--load-ca-certificate "$t/lab/root.pem" --infile "$t/chain.pem"
run 2 "needed" sign --csr "$t/ca.csr"
run 2 "no flaw" sign --csr "$t/ca.csr" --out "$t/x" --flaw crooked
run 2 "--days" sign --csr "$t/ca.csr" --out "$t/x" --days 0
run 1 "CERTIFICATE REQUEST" sign --csr "$t/lab/root.pem" --out "$t/x"
size=$(stat -c %s "$t/ca.der")
last=$(tail -c 1 "$t/ca.der" | od -An -tu1 | tr -d ' ')
cp "$t/ca.der" "$t/pop.der"
printf '%b' "\\x$(printf %02x $((last ^ 1)))" |
	dd of="$t/pop.der" bs=1 seek=$((size - 1)) conv=notrunc status=none
run 1 csr-pop sign --csr "$t/pop.der" --out "$t/x"
[ ! -e "$t/x" ] || { echo "NOT OK: a refused request left a file"; failures=1; }

# --- an end entity below it, by openssl ---
cat >"$t/ee.cnf" <<'END'
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
1.3.6.1.5.5.7.1.26 = DER:set by issue
END
openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
	-keyout "$t/ee.key" -subj "/C=US/O=Acme/CN=SHAKEN acme" -out "$t/ee.csr" 2>/dev/null
issue() {	# OUT LIST-HEX
	sed "s/DER:.*/DER:$2/" "$t/ee.cnf" >"$t/ee2.cnf"
	openssl x509 -req -in "$t/ee.csr" -CA "$t/chain.pem" -CAkey "$t/ca.key" \
		-extfile "$t/ee2.cnf" -days 10 -set_serial 0x4$RANDOM$RANDOM \
		-out "$t/leaf.pem" 2>/dev/null
	cat "$t/leaf.pem" "$t/chain.pem" >"$1"
}
issue "$t/right.pem" 3014a1123010160b3132313235353531353030020164
issue "$t/wide.pem" 3014a1123010160b3132313235353531393530020164
chain() { "$bin/dca-verify" chain --roots "$t/lab/root.pem" "$@"; }
run 0 "accepted" chain "$t/right.pem"
run 1 "12125552000" chain "$t/wide.pem"
run 1 "RFC 9060 4" chain "$t/wide.pem"
run 1 "chain-leaf" chain "$t/chain.pem"
run 1 "chain-time" chain --time 2020-01-01T00:00:00Z "$t/right.pem"
run 1 "chain-anchor" chain "$t/leaf.pem"
run 2 "--time" chain --time yesterday "$t/right.pem"
run 2 "either" chain
run 2 "trusted roots" "$bin/dca-verify" chain --roots "$t/none" "$t/right.pem"
chain --json "$t/wide.pem" >"$t/json" || true
[ "$(jq -r '[.verdict, .rule, .first, (.certificates | length)] | join(" ")' "$t/json")" \
	= "refused chain-scope 12125552000 3" ] ||
	{ echo "NOT OK: JSON"; cat "$t/json"; failures=$((failures + 1)); }

# --- lists ---
v=$bin/dca-verify
run 0 inside "$v" scope 12125551000+1000 12125551500+100,+12125551824
run 1 12125552000 "$v" scope 12125551000+1000 12125551900+101
run 0 inside "$v" scope 3015a1133011160b3132313235353531303030020203e8 \
	MCOhEjAQFgsxMjEyNTU1MTUwMAIBZKINFgsxMjEyNTU1MTgyNA
run 1 spc:709j "$v" scope spc:709J spc:709j
run 1 12125551950 "$v" scope 12125551000+10 "@$t/wide.pem"
run 0 MAigBhYEMTIzNA "$v" tn spc:1234
run 1 tn-der "$v" tn 30060a043132

# --- x5u (ATIS-1000074, -1000080) ---
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 \
	-keyout "$t/tls.key" -out "$t/tls.pem" -subj /CN=127.0.0.1 \
	-addext subjectAltName=IP:127.0.0.1 2>/dev/null
python3 "$here/chain-server.py" "$t/right.pem" "$t/tls.pem" "$t/tls.key" &
pid=$!
for _ in $(seq 50); do
	(: </dev/tcp/127.0.0.1/8443) 2>/dev/null && break
	sleep 0.1
done
x5u() { chain --tls-ca "$t/tls.pem" --url "$1"; }
base=https://127.0.0.1:8443
run 0 accepted x5u $base/right
run 2 "content type" x5u $base/type
run 2 "redirect 302" x5u $base/redirect
run 2 "status 404" x5u $base/missing
run 2 "262144 octets" x5u $base/big
run 2 "262144 octets" x5u $base/endless
run 2 "timed out" x5u $base/slow
run 2 "not https" x5u http://127.0.0.1:8443/right
run 2 "port" x5u https://127.0.0.1:8444/right
run 2 "query or fragment" x5u "$base/right?"
run 2 "query or fragment" x5u "$base/right#"
run 2 "user information" x5u https://u@127.0.0.1:8443/right
run 2 "character" x5u "$base/ri ght"
run 2 "certificate" chain --url $base/right	# TLS not trusted

[ $failures = 0 ] || { echo "$failures not ok"; exit 1; }
echo "all as it should be"
