#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# dca-verify lint and the lists of dca-verify tn and scope, as people type
# them: the labelled certificates and lists cell by cell, files of every form,
# and octets that are none.
# usage: lint.sh BUILD-DIRECTORY [DATA]
set -euo pipefail
build=$(cd "$1" && pwd)
top=$(cd "$(dirname "$0")/../.." && pwd)
data=$(realpath -m "${2:-$top/../shared/data}")
verify=$build/bin/dca-verify
for p in openssl jq python3; do
	command -v $p >/dev/null || { echo "SKIPPED: no $p" >&2; exit 77; }
done
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
failures=0
ok() { echo "ok: $*"; }
bad() { echo "NOT OK: $*"; failures=$((failures + 1)); }
gives() { # EXIT-CODE TEXT COMMAND...: ends with it; what it said is in out, err
	local want=$1 what=$2 rc=0
	shift 2
	"$@" >"$tmp/out" 2>"$tmp/err" || rc=$?
	if [ $rc = "$want" ]; then ok "$what"; else bad "$what: exit $rc, not $want"; head -n 3 "$tmp/err"; fi
}
says() { if grep -q -- "$1" "$tmp/out" "$tmp/err"; then ok "   says: $1"; else bad "   does not say: $1"; fi; }

# --- a small lab: root, intermediate, cross-certificate, a leaf ---
"$build/bin/dca-sandbox" init "$tmp/lab" >/dev/null
cd "$tmp"
openssl ecparam -name prime256v1 -genkey -noout -out k.pem
cat >leaf.cnf <<'C'
[req]
distinguished_name = dn
prompt = no
[dn]
C = US
O = Example
CN = SHAKEN leaf
[bad]
basicConstraints = CA:FALSE
subjectKeyIdentifier = hash
extendedKeyUsage = serverAuth
1.3.6.1.5.5.7.1.26 = DER:3008a006160431323334
C
openssl req -new -x509 -key k.pem -config leaf.cnf -extensions bad -days 30 -out bad.pem
openssl x509 -in bad.pem -outform DER -out bad.der
openssl x509 -in lab/root.pem -outform DER -out root.der

gives 0 "the lab's CAs are clean" "$verify" lint lab/root.pem lab/intermediate.pem
says "2 certificates, 0 findings, 0 unreadable"
gives 1 "a certificate that breaks rules has findings" "$verify" lint bad.pem
says "bad.pem:1: error e_atis_ext_key_usage: "
says "(ATIS-1000080.v003 6.4.1);"
gives 1 "DER of several certificates" "$verify" lint <(cat root.der bad.der root.der)
says "3 certificates"
cat lab/root.pem <(echo text between) k.pem bad.pem lab/root.pem >bundle
gives 1 "PEM with text and other blocks between" "$verify" lint bundle
says "3 certificates"
gives 1 "stdin" "$verify" lint - <bad.pem
gives 1 "another pack" "$verify" lint --pack sti-sca bad.pem
gives 2 "a pack there is not" "$verify" lint --pack nonsense bad.pem
gives 2 "nothing to lint" "$verify" lint
gives 2 "--json or --verdicts" "$verify" lint --json --verdicts bad.pem
gives 2 "a policy that is no OID" "$verify" lint --policy x bad.pem
gives 2 "no such file" "$verify" lint nothere
says "nothere: unreadable"
gives 2 "a file without a certificate" "$verify" lint k.pem
says "no certificate in it, but other PEM blocks"
: >empty
gives 2 "an empty file" "$verify" lint empty
gives 2 "octets that are none" "$verify" lint <(printf 'abc')
gives 2 "a length of 4 GB" "$verify" lint <(printf '\x30\x84\xff\xff\xff\xff\x00')
says "at most 524288 are read"
gives 2 "the file ends inside" "$verify" lint <(head -c 200 bad.der)
says "ends inside a certificate"
gives 2 "what follows is none, what came before is linted" "$verify" lint <(cat bad.der && printf 'abc')
says "1 certificates"
gives 2 "a PEM block without end" "$verify" lint <(head -n 4 bad.pem)
says "no END line"
# how bundles come out of other hands: each certificate is seen
many() { # CERTIFICATES EXIT-CODE TEXT FILE
	gives "$2" "$3" "$verify" lint "$4"
	says "^$1 certificates"
}
many 2 1 "joined without a newline" <(head -c -1 lab/root.pem && cat bad.pem)
many 1 1 "a byte order mark" <(printf '\xef\xbb\xbf' && cat bad.pem)
many 1 1 "text before it that begins with 0" <(echo "0 s:CN=SHAKEN leaf" && cat bad.pem)
many 2 1 "CRLF, and text between" <(sed 's/$/\r/' bad.pem && printf 'x\r\n' && sed 's/$/\r/' bad.pem)
many 1 1 "indented" <(sed 's/^/  /' bad.pem)
many 1 1 "lines of 3 characters" <(sed '/--/!s/.../&\n/g' bad.pem)
many 1 1 "in one line" <(sed -n '/BEGIN/p' bad.pem && sed '/--/d' bad.pem | tr -d '\n' && echo && sed -n '/END/p' bad.pem)
many 2 2 "one cut short between two" <(cat bad.pem && head -n 4 bad.pem && cat bad.pem)
says "bad END\|no END line"
many 2 2 "one that is no base64 between two" <(cat bad.pem && sed 's/^MII/M*I/' bad.pem && cat bad.pem)
many 2 2 "one that is no certificate between two" <(cat bad.pem && sed '/--/!d' bad.pem && cat bad.pem)
mkdir -p d/e
cp bad.pem d/b.pem
cp lab/root.pem d/e/a.pem
ln -s . d/e/loop
gives 1 "a folder" "$verify" lint d
says "2 certificates"
gives 1 "JSON" "$verify" lint --json d
if jq -es 'length == 2 and .[0].kind == "EESELF" and (.[0].findings[0] | .rule and .clause and .advice) and .[1].findings == []' <"$tmp/out" >/dev/null
then ok "   an object per line"; else bad "   JSON"; head -n 2 "$tmp/out"; fi
gives 0 "the table" "$verify" lint --rules --pack published
if [ "$(grep -c '^[ew]_' "$tmp/out")" = 57 ]; then ok "   57 rules"; else bad "   not 57 rules"; fi
# longer than memory would be held: 20,000 certificates in one file
for _ in $(seq 200); do cat root.der; done >200
for _ in $(seq 100); do cat 200; done >20000
gives 0 "20,000 certificates in one file" "$verify" lint 20000
says "20000 certificates"

# --- one octet changed, 2,000 times: a verdict or a clean error ---
python3 - "$tmp" <<'P'
import random, sys
random.seed(8226)
for name in ("bad", "root"):
    der = open(f"{sys.argv[1]}/{name}.der", "rb").read()
    for i in range(1000):
        d = bytearray(der)
        d[random.randrange(len(d))] ^= 1 << random.randrange(8)
        if i % 10 == 0:
            d = d[:random.randrange(len(d))]
        open(f"{sys.argv[1]}/m-{name}-{i}", "wb").write(d)
P
mkdir mutated
mv m-* mutated/
rc=0
"$verify" lint mutated >"$tmp/out" 2>"$tmp/err" || rc=$?
if [ $rc = 2 ] && grep -q ' certificates, ' "$tmp/out"; then ok "2,000 broken ones: $(tail -n 1 "$tmp/out")"; else bad "broken ones: exit $rc"; tail -n 5 "$tmp/err"; fi

# --- lists ---
gives 0 "text" "$verify" tn 'spc:709J,12025550100+2,12025550050,*67'
says "range    12025550100 to 12025550101, 2 numbers of 11 digits"
says "literal  \*67"
gives 0 "base64url" "$verify" tn MAigBhYEMTIzNA
says "in a CA certificate only"
gives 0 "hex" "$verify" tn 300ba10930071602313002015a
says "issued     no: "
gives 0 "a file of DER" "$verify" tn @<(printf '\x30\x08\xa0\x06\x16\x041234')
gives 1 "no entry" "$verify" tn @<(printf '\x30\x00')
says tn-empty
gives 1 "no entry, in hex that has digits only" "$verify" tn 3000
says tn-empty
gives 1 "implicit tags, in hex that has digits only" "$verify" tn 3006800431323334
says tn-der
gives 0 "a number that could be hex" "$verify" tn +3000
says "one      3000"
gives 0 "a number of Greece" "$verify" tn 302101234567
says "one      302101234567"
gives 0 "hex as openssl prints it" "$verify" tn '30:08:A0:06:16:04:31:32:33:34'
says "spc      1234"
gives 0 "and with spaces" "$verify" tn '30 08 a0 06 16 04 31 32 33 34'
says "spc      1234"
gives 1 "octets that are no list, named as hex" "$verify" tn hex:0500
says tn-der
gives 1 "not hex" "$verify" tn hex:050
says "rule     input"
gives 1 "octets that are no list, named as base64url" "$verify" tn base64url:BQA
says tn-der
gives 0 "DER from the standard input" "$verify" tn - < <(printf '\x30\x08\xa0\x06\x16\x041234')
says "spc      1234"
gives 1 "nothing from the standard input" "$verify" tn - </dev/null
says tn-empty
gives 0 "text from the standard input" "$verify" scope 12025550100+10 - <<<12025550109
gives 0 "a file of hex in lines" "$verify" tn @<(printf '3008a006\n160431323334\n')
python3 - "$tmp" <<'P'
import sys
def tlv(t, v):
    n = len(v)
    head = [n] if n < 128 else [0x80 | 3, n >> 16, n >> 8 & 255, n & 255]
    return bytes([t] + head) + v
def one(n):
    return tlv(0xa2, tlv(0x16, b"%d" % n))
every = [one(12025550000 + 3 * i) for i in range(10000)]
for name, entries in (("sorted", every), ("reversed", every[::-1]), ("twice", every + every),
                      ("wider", every + [one(12025550001)])):
    open(f"{sys.argv[1]}/long-{name}", "wb").write(tlv(0x30, b"".join(entries)))
P
for list in reversed twice; do
	gives 0 "10,000 entries, $list" "$verify" scope @long-sorted "@long-$list"
	gives 0 "and the other way round" "$verify" scope "@long-$list" @long-sorted
done
gives 1 "one entry more" "$verify" scope @long-twice @long-wider
says "outside: 12025550001 "
gives 1 "outside" "$verify" scope 12025550100+10 12025550109+2
says "outside: 12025550110 "
gives 0 "inside" "$verify" scope spc:1234,12025550100+10 12025550100

if [ ! -d "$data/sti-certs" ]; then
	echo "SKIPPED: no labelled data at $data" >&2
	[ $failures = 0 ] && exit 77
	exit 1
fi
for set in sti-certs sti-certs-synthetic; do
	"$verify" lint --verdicts "$data/$set/certs.pem" >"$tmp/verdicts" || true
	if cmp "$tmp/verdicts" "$data/$set/verdicts.tsv"; then ok "$set: every cell"; else bad "$set"; fi
done
cases=$data/tn-and-csr-cases
python3 - "$cases" "$tmp" <<'P'
import json, sys
for c in json.load(open(sys.argv[1] + "/tnauthlist.json")):
    open(f"{sys.argv[2]}/list-{c['id']}", "wb").write(bytes.fromhex(c["der"]))
for c in json.load(open(sys.argv[1] + "/scope-pairs.json")):
    for side in ("parent", "child"):
        open(f"{sys.argv[2]}/{side}-{c['id']}", "wb").write(bytes.fromhex(c[side + "_der"]))
P
n=0
while read -r id expect; do
	rc=0
	"$verify" tn "@$tmp/list-$id" >/dev/null 2>"$tmp/err" || rc=$?
	n=$((n + 1))
	case $expect$rc in
	accept0 | reject1 | either[01]) ;;
	*) bad "list $id: $expect, exit $rc" ;;
	esac
done < <(jq -r '.[] | "\(.id) \(.expect)"' "$cases/tnauthlist.json")
ok "$n labelled lists"
n=0
pair() { # ID EXPECT [--strict]: a list that is none is inside nothing
	local id=$1 expect=$2
	shift 2
	"$verify" scope "$@" "@$tmp/parent-$id" "@$tmp/child-$id" >"$tmp/out" 2>"$tmp/err" || true
	n=$((n + 1))
	case $expect in
	inside) grep -qx inside "$tmp/out" || bad "pair $id $*" ;;
	*) grep -q '^outside: ' "$tmp/out" || grep -q '   rule     tn-' "$tmp/err" || bad "pair $id $*" ;;
	esac
}
while read -r id expect lenient; do
	pair "$id" "$expect" --strict
	pair "$id" "$lenient"
done < <(jq -r '.[] | "\(.id) \(.expected) \(.expected_lenient // .expected)"' "$cases/scope-pairs.json")
ok "$n labelled pairs"
[ $failures = 0 ]
