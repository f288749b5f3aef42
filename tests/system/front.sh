#!/usr/bin/env bash
# dca-front as clients meet it: alone (every refusal of its own, DTLS, limits),
# then before a real vault with a SoftHSM key: one certificate for one packet
# sent four times, a certificate list above 40 KiB, and an enrolment with
# Debian's openssl and coap-client only.
# usage: front.sh BUILD-DIRECTORY [alone]
set -euo pipefail
build=$(cd "$1" && pwd)
bin=$build/bin
only=${2:-}
for p in openssl coap-client-openssl od; do
	command -v $p >/dev/null || { echo "SKIPPED: no $p" >&2; exit 77; }
done
client=$(find "$build/tests" -name front-client -type f -perm -u+x | head -n 1)
[ -n "$client" ] || { echo "front-client is not built" >&2; exit 1; }
t=$(mktemp -d)
pids=()
finish() {
	local rc=$?
	for p in "${pids[@]}"; do kill "$p" 2>/dev/null || true; done
	wait 2>/dev/null || true
	[ $rc = 0 ] || tail -n 12 "$t"/*.log "$t"/*/*.log 2>/dev/null || true
	rm -rf "$t"
	exit $rc
}
trap finish EXIT
failures=0
ok() { echo "ok: $*"; }
bad() { echo "NOT OK: $*"; failures=$((failures + 1)); }
expect() { # TEXT COMMAND...
	local what=$1
	shift
	if "$@" >"$t/out" 2>&1; then ok "$what"; else bad "$what"; sed 's/^/    /' "$t/out"; fi
}
group() { # NAME [ARGUMENT]
	echo "--- $1"
	"$client" "$port" "$t/id" "$@" >"$t/group" || failures=$((failures + 1))
	cat "$t/group"
}
ready() { # FILE TEXT
	for _ in $(seq 150); do
		grep -q "$2" "$1" && return
		sleep 0.1
	done
	echo "$1 does not say $2" >&2
	return 1
}
front() { # PREFIX: with the [limits] of stdin
	port=$((20000 + RANDOM % 20000))
	{ printf '[listen]\nport = %s\n' "$port"; cat; } >"$1/etc/dca/front.conf"
	"$bin/dca-front" --prefix "$1" >"$1/front.log" 2>&1 &
	front=$!
	pids+=("$front")
	ready "$1/front.log" listening=
}
stop() { # PID: and it must say no harm was done
	local rc=0
	kill "$1"
	wait "$1" || rc=$?
	if [ $rc = 0 ]; then ok "ends by SIGTERM"; else bad "exit $rc"; fi
}

# --- who is who ---
key() { openssl ecparam -name prime256v1 -genkey -noout -out "$1"; }
mkdir -p "$t/id" "$t/a"/{etc/dca,run/dca,var/lib/dca/front}
for n in client expired issued; do key "$t/id/$n.key"; done
key "$t/a/var/lib/dca/front/server.key"
self() { openssl req -x509 -new -key "$1" -subj "/CN=$3" -days 30 -out "$2"; }
self "$t/a/var/lib/dca/front/server.key" "$t/a/var/lib/dca/front/server.pem" front
self "$t/id/client.key" "$t/id/client.pem" client
{
	openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=rsa -days 30 -keyout "$t/id/rsa.key" -out "$t/id/rsa.pem"
	openssl req -new -key "$t/id/expired.key" -subj /CN=expired |
		openssl x509 -req -signkey "$t/id/expired.key" -days 0 -out "$t/id/expired.pem"
	openssl req -new -key "$t/id/issued.key" -subj /CN=issued |
		openssl x509 -req -CA "$t/id/client.pem" -CAkey "$t/id/client.key" -CAcreateserial -days 30 \
			-out "$t/id/issued.pem"
} 2>/dev/null

echo "--- configuration"
refused() { # WHAT TEXT: the front must not start with the configuration of stdin
	local rc=0
	cat >"$t/bad.conf"
	timeout 20 "$bin/dca-front" --prefix "$t/a" --config "$t/bad.conf" >"$t/out" 2>&1 || rc=$?
	if [ $rc != 0 ] && [ $rc != 124 ] && grep -q "$2" "$t/out"; then ok "$1"; else bad "$1"; cat "$t/out"; fi
}
refused "unknown key" 'bad.conf:2:' <<<$'[limits]\nsession = 1'
refused "no such address" 'is not an IP address' <<<$'[listen]\naddress = localhost'
refused "an RSA key" 'not EC P-256' <<<"[identity]
key = $t/id/rsa.key
certificate = $t/id/rsa.pem"
refused "a certificate of another key" 'is not the certificate of' <<<"[identity]
certificate = $t/id/client.pem"
refused "no key" "$t/none" <<<"[identity]
key = $t/none"
openssl pkcs8 -topk8 -in "$t/id/client.key" -passout pass:word -out "$t/id/encrypted.key"
refused "an encrypted key" 'no private key in unencrypted PEM' <<<"[identity]
key = $t/id/encrypted.key"
refused "a limit of nothing" 'limits start at 1' <<<$'[limits]\nsessions = 0'

front "$t/a" <<<$'[limits]\nrequests = 100000\nburst = 200000'
for g in refusals alone links blocks repeats dtls; do group $g; done
rss() { grep VmHWM "/proc/$front/status" | grep -o '[0-9]*'; }
# the sanitizer's quarantine is part of it; a gigabyte is not
expect "peak memory below 512 MiB after a Size1 of 1 GiB" test "$(rss)" -lt 524288
group hellos
group stalled
stop "$front"
expect "unfinished handshakes were ended" grep -q 'handshakes_expired=[1-9]' "$t/a/front.log"
expect "counters are logged" grep -q 'counters .*refused=[1-9]' "$t/a/front.log"

front "$t/a" <<<$'[limits]\nrequests = 5\nburst = 10'
group rate
stop "$front"
front "$t/a" <<<$'[limits]\nrequests = 100000\nburst = 200000\nsessions = 4\nbody = 97280'
group full
stop "$front"
if [ "$only" = alone ]; then
	[ $failures = 0 ]
	exit
fi

# --- before a real vault ---
module=
for m in /usr/lib/softhsm/libsofthsm2.so /usr/lib/*/softhsm/libsofthsm2.so; do
	[ -e "$m" ] && { module=$m; break; }
done
[ -n "$module" ] || { echo "SKIPPED: no SoftHSM" >&2; exit 77; }
echo "--- a vault, with a cross-certificate of 900 single numbers below a large intermediate"
v=$t/v
export SOFTHSM2_CONF=$v/softhsm2.conf
mkdir -p "$v"/{tokens,etc/dca,run/dca,var/lib/dca/vault,var/lib/dca/front}
printf 'directories.tokendir = %s/tokens\nobjectstore.backend = file\nlog.level = ERROR\n' "$v" >"$SOFTHSM2_CONF"
(umask 077; openssl rand -hex 8 | tr -d '\n' >"$v/pin"; openssl rand -hex 8 | tr -d '\n' >"$v/so-pin")
token=(--module "$module" --token 'pkcs11:token=front;id=%01;object=dca' --pin-file "$v/pin")
scope=$(seq -s, 12025550100 2 12025551898)
{
	"$bin/dca-ceremony" init-token --module "$module" --label front --so-pin-file "$v/so-pin" --pin-file "$v/pin"
	"$bin/dca-ceremony" keygen "${token[@]}"
	"$bin/dca-ceremony" csr "${token[@]}" --scope "$scope" --country US --org "Front Test" --cn "SHAKEN front" \
		--out "$v/ca.csr"
	"$bin/dca-sandbox" init "$v/lab"
	# the lab's intermediate again, with a comment that makes the list long
	openssl req -new -key "$v/lab/intermediate.key" -subj "/C=US/O=Lab STI-CA/CN=SHAKEN Lab Intermediate CA 1" |
		openssl x509 -req -CA "$v/lab/root.pem" -CAkey "$v/lab/root.key" -days 300 -out "$v/lab/intermediate.pem" \
			-extfile <(printf '%s\n' basicConstraints=critical,CA:TRUE,pathlen:1 keyUsage=critical,keyCertSign \
				subjectKeyIdentifier=hash authorityKeyIdentifier=keyid \
				certificatePolicies=2.16.840.1.114569.1.1.4 "nsComment=$(head -c 30000 /dev/zero | tr '\0' x)")
	"$bin/dca-sandbox" sign "$v/lab" --csr "$v/ca.csr" --out "$v/chain.pem"
} >"$v/ceremony.log" 2>&1
printf '[token]\nmodule = %s\nuri = pkcs11:token=front;id=%%01;object=dca\npin_file = %s/pin\npaths = %s/tokens\n[publish]\nbase_url = https://127.0.0.1:1/sti\n' \
	"$module" "$v" "$v" >"$v/etc/dca/vault.conf"
"$bin/dca-vault" --prefix "$v" >"$v/vault.log" 2>&1 &
vault=$!
pids+=("$vault")
ready "$v/vault.log" ready
"$bin/dca-ceremony" install "${token[@]}" --csr "$v/ca.csr" --chain "$v/chain.pem" --roots "$v/lab/root.pem" \
	--prefix "$v" >>"$v/ceremony.log" 2>&1
"$bin/dcactl" init server --out "$v/var/lib/dca/front" --host localhost >"$v/init.log" 2>&1
front "$v" <<<$'[limits]\nrequests = 100000\nburst = 200000'
hash() { # of the public key in PEM certificate $1
	openssl x509 -in "$1" -noout -pubkey | openssl pkey -pubin -outform DER | openssl dgst -sha256 -r | cut -d' ' -f1
}
ctl=("$bin/dcactl" --profile "$v/operator")
{
	"${ctl[@]}" init operator alice --url "coaps://127.0.0.1:$port" \
		--server "sha256:$(hash "$v/var/lib/dca/front/server.pem")"
	"${ctl[@]}" --prefix "$v" operator add alice --role admin --cert "$v/operator/cert.pem" --local
	"${ctl[@]}" customer add acme --name "Acme" --country US
	printf 'customer,start,count,not_before,not_after,shared\nacme,12025550100,1,,,\n' >"$v/delegations.csv"
	"${ctl[@]}" delegation import "$v/delegations.csv"
} >"$v/operator.log" 2>&1

# What a customer does with Debian's openssl and coap-client alone: README.md.
enrol_by_hand() { # PACKET DIRECTORY NUMBER
	local url id code server
	read -r url id code server <<<"$1"
	cd "$2"
	openssl ecparam -name prime256v1 -genkey -noout -out key.pem
	secret=$(printf '%s==' "${code#code=}" | tr '_-' '/+' | base64 -d | od -An -v -tx1 | tr -d ' \n')
	proof=$(openssl pkey -in key.pem -pubout -outform DER |
		openssl dgst -sha256 -mac HMAC -macopt "hexkey:$secret" -binary | base64 | tr '/+' '_-' | tr -d '=')
	cat >csr.conf <<C
[req]
prompt = no
string_mask = utf8only
distinguished_name = nobody
attributes = proof
req_extensions = wanted
[nobody]
CN = the register names me
[proof]
challengePassword = ${id#id=}:$proof
[wanted]
1.3.6.1.5.5.7.1.26 = ASN1:SEQUENCE:numbers
[numbers]
one.1 = EXPLICIT:2,IA5STRING:$3
C
	openssl req -new -config csr.conf -key key.pem -outform DER -out csr.der
	openssl req -x509 -new -key key.pem -subj /CN=enrol -days 2 -out self.pem
	host=${url#coaps://}
	openssl s_client -dtls1_2 -mtu 1200 -connect "$host" -cert self.pem -key key.pem </dev/null 2>/dev/null |
		openssl x509 -out server.pem
	[ "${server#server=sha256:}" = "$(openssl x509 -in server.pem -noout -pubkey |
		openssl pkey -pubin -outform DER | openssl dgst -sha256 -r | cut -d' ' -f1)" ] || return 1
	coap-client-openssl -m post -t 286 -A 287 -f csr.der -o cert.der -c self.pem -j key.pem -R server.pem \
		"$url/.well-known/est/sen"
	openssl x509 -inform DER -in cert.der -out cert.pem
}
echo "--- Debian's tools"
mkdir "$t/hand"
"${ctl[@]}" code create --customer acme >"$t/hand/packet"
if (enrol_by_hand "$(grep -o 'coaps://.*' "$t/hand/packet")" "$t/hand" 12025550100) >"$t/hand/hand.log" 2>&1; then
	ok "openssl and coap-client enrol"
else
	bad "openssl and coap-client enrol"
	cat "$t/hand/hand.log"
fi
openssl pkey -in "$t/hand/key.pem" -pubout -out "$t/hand/pub.pem"
expect "the certificate is for the key made" sh -c "openssl x509 -in $t/hand/cert.pem -noout -pubkey |
	cmp - $t/hand/pub.pem"
expect "it verifies" openssl verify -x509_strict -CAfile "$v/lab/root.pem" -untrusted "$v/chain.pem" "$t/hand/cert.pem"
for accept in 281 ''; do
	(cd "$t/hand" && coap-client-openssl -m post -t 286 ${accept:+-A $accept} -f csr.der -o "p7$accept" -c self.pem \
		-j key.pem -R server.pem "coaps://127.0.0.1:$port/est/sen") >>"$t/hand/hand.log" 2>&1
	expect "repeated with Accept ${accept:-none}: certs-only of the same certificate" sh -c \
		"openssl pkcs7 -inform DER -in $t/hand/p7$accept -print_certs | openssl x509 -outform DER | cmp - $t/hand/cert.der"
done

# One packet four times: the same request, so that its code counts once.
issued() { "${ctl[@]}" --json status | grep -o '"certificates": *[0-9]*' | grep -o '[0-9]*$'; }
before=$(issued)
cp "$t/hand/key.pem" "$t/id/client.key"
cp "$t/hand/cert.pem" "$t/id/client.pem"
openssl req -new -subj / -key "$t/hand/key.pem" -outform DER -out "$t/again.der"
group issue "$t/again.der"
expect "exactly one certificate more" test "$(issued)" = $((before + 1))
serial=$(grep -o 'serial [0-9a-f]*' "$t/group" | cut -d' ' -f2)
expect "its customer reads it at the place it was told" sh -c \
	"coap-client-openssl -m get -o $t/read -c $t/hand/cert.pem -j $t/hand/key.pem -R $t/hand/server.pem \
		coaps://127.0.0.1:$port/dca/certs/$serial && grep -aq $serial $t/read"
group crts "$t/crts.p7"
expect "it is the chain that was installed, in its order" sh -c "openssl pkcs7 -inform DER -in $t/crts.p7 -print_certs |
	grep -v -e ^subject -e ^issuer -e '^\$' >$t/crts.pem; cat $v/chain.pem $v/lab/root.pem | awk '/BEGIN/,/END/' |
	head -n \$(wc -l <$t/crts.pem) | cmp - $t/crts.pem"
coap-client-openssl -m get -o "$t/crts.coap" -c "$t/hand/self.pem" -j "$t/hand/key.pem" -R "$t/hand/server.pem" \
	"coaps://127.0.0.1:$port/.well-known/est/crts" >"$t/out" 2>&1
expect "coap-client gets the same list" cmp "$t/crts.p7" "$t/crts.coap"

# A vault that sleeps two seconds: an empty ACK, then a separate response.
cp "$t/hand/self.pem" "$t/id/client.pem"
kill -STOP $vault
(sleep 2; kill -CONT $vault) &
group slow

echo "--- the vault goes and comes"
kill -STOP $vault
(sleep 1; kill -KILL $vault) &
group dies
wait $vault || true
code() { coap-client-openssl -m get -c "$t/hand/self.pem" -j "$t/hand/key.pem" -R "$t/hand/server.pem" \
	"coaps://127.0.0.1:$port/est/att" 2>&1 | head -c 4; }
expect "5.03 while it is away" test "$(code)" = 5.03
"$bin/dca-vault" --prefix "$v" >"$v/vault2.log" 2>&1 &
pids+=($!)
ready "$v/vault2.log" ready
sleep 6
expect "and then it answers again" test "$(code)" != 5.03
stop "$front"
[ $failures = 0 ]
