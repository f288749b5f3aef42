#!/usr/bin/env bash
# The main job as its users see it: quickstart, then what other people's
# programs say of the result, then every refusal over the network.
# usage: main-job.sh BUILD-DIRECTORY
set -euo pipefail
build=$(cd "$1" && pwd)
top=$(cd "$(dirname "$0")/../.." && pwd)
bin=$build/bin
tmp=$(mktemp -d)
state=$tmp/state
quick() { "$top/tools/quickstart" "$@" --state "$state" --build "$build" --no-install; }
finish() {
	local rc=$?
	[ $rc = 0 ] || tail -n 15 "$state"/log/*.log
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
cert=$state/customer/cert.pem
x5u=$(cat "$state/customer/x5u")
ctl() { "$bin/dcactl" --profile "$state/operator" "$@"; }
store() { sqlite3 -readonly "file:$state/var/lib/dca/vault/store.db?mode=ro" "$1"; }

# --- DER by hand, from RFC 8226 9 ---
hex() { od -An -v -tx1 | tr -d ' \n'; }
tlv() { # TAG HEX
	local n=$((${#2} / 2))
	if [ $n -lt 128 ]; then printf '%s%02x%s' "$1" $n "$2"
	elif [ $n -lt 256 ]; then printf '%s81%02x%s' "$1" $n "$2"
	else printf '%s82%04x%s' "$1" $n "$2"; fi
}
one() { tlv a2 "$(tlv 16 "$(printf %s "$1" | hex)")"; }
range() { # START COUNT (below 128)
	tlv a1 "$(tlv 30 "$(tlv 16 "$(printf %s "$1" | hex)")0201$(printf %02x "$2")")"
}
list() { tlv 30 "$(printf %s "$@")"; }

echo "--- the certificate, as others see it"
expect "openssl verify -x509_strict" openssl verify -x509_strict -CAfile "$state/root.pem" \
	-untrusted "$state/chain.pem" "$cert"
cat "$cert" "$state/chain.pem" "$state/root.pem" >"$tmp/whole.pem"
expect "GnuTLS certtool --verify" certtool --verify --load-ca-certificate "$state/root.pem" \
	--infile "$tmp/whole.pem"
cat "$cert" "$state/chain.pem" >"$tmp/chain.pem"
expect "dca-verify chain" "$bin/dca-verify" chain --roots "$state/root.pem" "$tmp/chain.pem"
want=$(list "$(range 12025550100 100)" "$(one 12025550500)")
got=$(openssl x509 -in "$cert" -outform DER | hex)
expect "exactly the delegated numbers" grep -q "06082b0601050507011a04$(printf %02x $((${#want} / 2)))$want" <<<"$got"

echo "--- x5u"
curl -s --cacert "$state/tls-ca.pem" -D "$tmp/head" -o "$tmp/x5u.pem" "$x5u"
expect "200, no redirect" grep -q '^HTTP/[0-9.]* 200' "$tmp/head"
expect "application/pem-certificate-chain" grep -qi '^content-type: application/pem-certificate-chain' "$tmp/head"
age=$(grep -i '^cache-control:' "$tmp/head" | grep -o 'max-age=[0-9]*' | cut -d= -f2)
expect "cached for at least a day" test "${age:-0}" -ge 86400
expect "neither private nor no-cache nor no-store" sh -c "! grep -iE '^cache-control:.*(private|no-cache|no-store)' '$tmp/head'"
expect "leaf, then cross-certificate and intermediate" cmp "$tmp/x5u.pem" "$tmp/chain.pem"

echo "--- again is harmless"
before=$(openssl x509 -in "$cert" -noout -serial)
expect "quickstart a second time" quick
expect "the same certificate" test "$before" = "$(openssl x509 -in "$cert" -noout -serial)"

echo "--- enrolling with Debian's tools, typed as the README says"
mkdir "$tmp/readme"
ctl code create --customer acme >"$tmp/readme/packet" 2>/dev/null
awk '/^## /{on = /Debian.s tools/} on && /^    /{print substr($0, 5)}' "$top/README.md" |
	sed "s|<<<'[^']*'.*|<packet|" >"$tmp/readme/commands"
expect "every command" sh -c "cd '$tmp/readme' && bash -e ./commands"
expect "a certificate for the number that was asked" sh -c \
	"openssl x509 -in '$tmp/readme/cert.pem' -outform DER | od -An -v -tx1 | tr -d ' \n' | grep -q '$(list "$(one 12025550100)")'"

echo "--- the PIN"
pin=$(cat "$state/secret/pin") vault=$(cat "$state/run/vault.pid")
for p in vault front publisher upstream nginx; do
	pid=$(cat "$state/run/$p.pid")
	expect "$p: PIN not in argv or environment" sh -c "! cat /proc/$pid/cmdline /proc/$pid/environ | grep -aq '$pin'"
done
expect "PIN not in logs, ceremony record or store" sh -c "! grep -raq '$pin' '$state/log' '$state/ceremony.txt' '$state/var'"
expect "no core: limit 0" grep -Eq '^Max core file size +0 +0' "/proc/$vault/limits"
expect "PIN not in the vault's memory" python3 "$top/tests/system/memory.py" "$vault" "$state/secret/pin"

echo "--- refusals over CoAPs: code, rule, first uncovered number; nothing signed"
key=$tmp/pinned.key
openssl ecparam -name prime256v1 -genkey -noout -out "$key"
openssl req -x509 -new -key "$key" -subj "/CN=device" -days 2 -out "$tmp/pinned.pem"
ctl customer pin acme --key "$key" >/dev/null
ctl customer add beta --name "Beta" --country US >/dev/null
cat >"$tmp/d.csv" <<'C'
customer,start,count,not_before,not_after,shared
beta,12025550700,10,,,
acme,12035550000,10,,,
C
expect "a delegation outside the cross-certificate is stored" ctl delegation import "$tmp/d.csv"
cp "$tmp/out" "$tmp/warning"
expect "with a warning" grep -qi warn "$tmp/warning"

csr() { # KEY OUT TNAUTHLIST-HEX [EXTENSION-LINE...]
	local k=$1 out=$2 tn=$3
	shift 3
	{
		printf '[req]\ndistinguished_name=dn\nprompt=no\nreq_extensions=e\n[dn]\n[e]\n'
		[ -z "$tn" ] || printf '1.3.6.1.5.5.7.1.26=DER:%s\n' "$tn"
		[ $# -eq 0 ] || printf '%s\n' "$@"
	} >"$tmp/req.cnf"
	openssl req -new -sha256 -key "$k" -subj / -config "$tmp/req.cnf" -outform DER -out "$out"
}
post() { # CSR PATH CONTENT-FORMAT [OPTION...]; answer in $tmp/answer, what went wrong in $tmp/coap
	local body=$1 path=$2 format=$3
	shift 3
	rm -f "$tmp/answer"
	timeout 30 coap-client-openssl -c "$tmp/pinned.pem" -j "$key" -m post -t "$format" -B 20 \
		-f "$body" -o "$tmp/answer" "$@" "coaps://127.0.0.1/$path" >"$tmp/coap" 2>&1 || true
	touch "$tmp/answer"
}
# 0: issued rows in the ledger
issued() { store "select count(*) from ledger where kind = 'issue'"; }
refuse() { # CODE RULE FIRST WHAT; after post
	local n
	n=$(issued)
	if ! grep -aq "$1" "$tmp/coap"; then bad "$4: not $1"; head -c 300 "$tmp/coap"
	elif ! cat "$tmp/coap" "$tmp/answer" | grep -aq "$2"; then bad "$4: not $2"
	elif [ -n "$3" ] && ! cat "$tmp/coap" "$tmp/answer" | grep -aq "$3"; then bad "$4: $3 not named"
	elif [ "$n" != "$signed" ]; then bad "$4: something was signed"
	else ok "$4: $1 $2 $3"; fi
}
signed=$(issued)
est=.well-known/est/sen
csr "$key" "$tmp/c" "$(list "$(one 12025550600)")"; post "$tmp/c" $est 286
refuse 4.03 scope-delegation 12025550600 "number not delegated"
csr "$key" "$tmp/c" "$(list "$(range 12025550190 20)")"; post "$tmp/c" $est 286
refuse 4.03 scope-delegation 12025550200 "range that runs over"
csr "$key" "$tmp/c" "$(list "$(one 12035550001)")"; post "$tmp/c" $est 286
refuse 4.03 scope-cross 12035550001 "number outside the cross-certificate"
csr "$key" "$tmp/c" "$(list "$(one 12025550701)")"; post "$tmp/c" $est 286
refuse 4.03 scope-other 12025550701 "number delegated to another"
csr "$key" "$tmp/c" "$(list "$(tlv a0 "$(tlv 16 "$(printf 709J | hex)")")")"; post "$tmp/c" $est 286
refuse 4.03 tn-spc-ee '' "an SPC"
csr "$key" "$tmp/good" "$(list "$(one 12025550101)")"
python3 "$top/tests/system/der.py" flip "$tmp/good" "$tmp/c"; post "$tmp/c" $est 286
refuse 4.00 csr-pop '' "bad proof of possession"
openssl ecparam -name secp384r1 -genkey -noout -out "$tmp/p384.key"
csr "$tmp/p384.key" "$tmp/c" "$(list "$(one 12025550101)")"; post "$tmp/c" $est 286
refuse 4.00 csr-key '' "P-384"
openssl genrsa -out "$tmp/rsa.key" 2048 2>/dev/null
csr "$tmp/rsa.key" "$tmp/c" "$(list "$(one 12025550101)")"; post "$tmp/c" $est 286
refuse 4.00 csr-key '' "RSA"
csr "$key" "$tmp/c" "$(list "$(one 12025550101)")" basicConstraints=critical,CA:TRUE; post "$tmp/c" $est 286
refuse 4.00 csr-ca '' "CA:TRUE"
{ cat "$tmp/good"; printf '\0'; } >"$tmp/c"; post "$tmp/c" $est 286
refuse 4.00 csr-der '' "trailing bytes"
python3 "$top/tests/system/der.py" second "$key" "$(list "$(one 12025550101)")" "$tmp/c"; post "$tmp/c" $est 286
refuse 4.00 csr-duplicate '' "a second extensionRequest"
head -c 16385 /dev/zero >"$tmp/c"; post "$tmp/c" $est 286
refuse 4.13 csr-size '' "16 KiB + 1"
post "$tmp/good" $est 42
refuse 4.15 format '' "wrong Content-Format"
post "$tmp/good" $est 286 -A 42
refuse 4.06 accept '' "wrong Accept"
post "$tmp/good" .well-known/est/nothing 286
refuse 4.04 path '' "unknown path"
openssl ecparam -name prime256v1 -genkey -noout -out "$tmp/stranger.key"
csr "$tmp/stranger.key" "$tmp/c" "$(list "$(one 12025550101)")"; post "$tmp/c" $est 286
refuse 4.01 auth-proof '' "a key that nothing binds to a customer"
printf '\060\003\002\001' >"$tmp/c"; post "$tmp/c" $est 286
refuse 4.00 csr-der '' "not a CSR"

echo "--- numbers: 1, 100, as many as fit; none asked"
post "$tmp/good" $est 286 -A 287
expect "one number" openssl x509 -inform DER -in "$tmp/answer" -noout
hundred=$(for i in $(seq 0 99); do range $((12025553002 + 3 * i)) 2; done)
{
	echo customer,start,count,not_before,not_after,shared
	for i in $(seq 0 2456); do echo "big,$((12025552000 + 3 * i)),2,,,"; done
} >"$tmp/big.csv"
ctl customer add big --name "Big" --country US >/dev/null
expect "2457 delegations imported" ctl delegation import "$tmp/big.csv"
key=$tmp/big.key
openssl ecparam -name prime256v1 -genkey -noout -out "$key"
openssl req -x509 -new -key "$key" -subj "/CN=device" -days 2 -out "$tmp/pinned.pem"
ctl customer pin big --key "$key" >/dev/null
csr "$key" "$tmp/c" "$(tlv 30 "$hundred")"; post "$tmp/c" $est 286 -A 287
expect "100 ranges" openssl x509 -inform DER -in "$tmp/answer" -noout
csr "$key" "$tmp/c" ""; post "$tmp/c" $est 286 -A 287
expect "2457 ranges, none asked: all valid delegations" openssl x509 -inform DER -in "$tmp/answer" -noout
expect "its list is 49144 octets" sh -c "openssl asn1parse -inform DER -in '$tmp/answer' | grep -A1 1.3.6.1.5.5.7.1.26 | grep -q 'l=49144 '"
printf 'customer,start,count,not_before,not_after,shared\nbig,12025559990,2,,,\n' >"$tmp/more.csv"
ctl delegation import "$tmp/more.csv" >/dev/null
signed=$(issued)
csr "$key" "$tmp/c" ""; post "$tmp/c" $est 286 -A 287
refuse 4.03 tn-list-size '' "one range more"
expect "and the limit is named" grep -aq 49152 "$tmp/coap" "$tmp/answer"

echo "--- the ledger"
db=$state/var/lib/dca/vault/store.db
expect "dca-verify ledger on the live store" "$bin/dca-verify" ledger "$db"
store "vacuum into '$tmp/copy.db'"
expect "dca-verify ledger on a copy" "$bin/dca-verify" ledger "$tmp/copy.db"
row=$(store "select seq from ledger where kind = 'issue' limit 1")
for change in "seq = 100000" "time = time + 1" "kind = 'issuf'" "actor = actor || 'x'" \
	"body = cast(substr(body, 1, length(body) - 1) || x'7f' as blob)" \
	"prev = zeroblob(32)" "hash = zeroblob(32)"; do
	cp "$tmp/copy.db" "$tmp/edit.db"
	sqlite3 "$tmp/edit.db" "select 'drop trigger ' || name || ';' from sqlite_master where type = 'trigger'" |
		sqlite3 "$tmp/edit.db"
	sqlite3 "$tmp/edit.db" "update ledger set $change where seq = $row"
	if "$bin/dca-verify" ledger "$tmp/edit.db" >"$tmp/out" 2>&1; then
		bad "ledger with $change accepted"
	elif grep -q "$row" "$tmp/out"; then ok "row $row named: $change"
	else bad "row $row not named: $change"; cat "$tmp/out"; fi
done

[ $failures = 0 ] || { echo "$failures not ok"; exit 1; }
