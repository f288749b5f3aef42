#!/usr/bin/env bash
# The tools of people against a real vault and front (SoftHSM, loopback):
# every command, refusals with their exit codes, CSV errors by line, the pin,
# JSON for programs, and dca-enroll with repeats.
# usage: tools.sh BUILD-DIRECTORY
set -euo pipefail
bin=$(cd "$1" && pwd)/bin
for p in softhsm2-util jq openssl; do
	command -v $p >/dev/null || { echo "SKIPPED: no $p" >&2; exit 77; }
done
module=
for m in /usr/lib/softhsm/libsofthsm2.so /usr/lib/*/softhsm/libsofthsm2.so; do
	[ -e "$m" ] && { module=$m; break; }
done
[ -n "$module" ] || { echo "SKIPPED: no SoftHSM" >&2; exit 77; }

t=$(mktemp -d)
pids=()
finish() {
	local rc=$?
	for p in "${pids[@]}"; do kill "$p" 2>/dev/null || true; done
	wait 2>/dev/null || true
	[ $rc = 0 ] || tail -n 15 "$t"/*.log 2>/dev/null || true
	rm -rf "$t"
	exit $rc
}
trap finish EXIT
failures=0
ok() { echo "ok: $*"; }
bad() {
	echo "NOT OK: $*"
	failures=$((failures + 1))
	sed 's/^/    out: /' "$t/out" | head -n 20
	sed 's/^/    err: /' "$t/err" | head -n 20
}
# run CODE WHAT COMMAND...: its exit code; output in out and err
run() {
	local want=$1 what=$2 rc=0
	shift 2
	"$@" >"$t/out" 2>"$t/err" </dev/null || rc=$?
	if [ $rc = "$want" ]; then ok "$what"; else bad "$what: exit $rc, not $want"; fi
}
has() { # TEXT FILE WHAT
	if grep -qF -- "$1" "$t/$2"; then ok "$3"; else bad "$3: no \"$1\""; fi
}
json() { # FILTER WHAT: true of the JSON in out
	if jq -e "$1" "$t/out" >/dev/null 2>&1; then ok "$2"; else bad "$2: not $1"; fi
}

# --- an appliance ---
export SOFTHSM2_CONF=$t/softhsm2.conf
mkdir -p "$t"/{tokens,etc/dca,run/dca,var/lib/dca/vault,var/lib/dca/front}
printf 'directories.tokendir = %s/tokens\nobjectstore.backend = file\nlog.level = ERROR\n' "$t" >"$SOFTHSM2_CONF"
(umask 077; openssl rand -hex 8 | tr -d '\n' >"$t/pin"; openssl rand -hex 8 | tr -d '\n' >"$t/so-pin")
token=(--module "$module" --token 'pkcs11:token=tools;id=%01;object=dca' --pin-file "$t/pin")
{
	"$bin/dca-ceremony" init-token --module "$module" --label tools --so-pin-file "$t/so-pin" --pin-file "$t/pin"
	"$bin/dca-ceremony" keygen "${token[@]}"
	"$bin/dca-ceremony" csr "${token[@]}" --scope 12025550000+10000,spc:709J --country US --org "Tools Test" \
		--cn "SHAKEN tools" --out "$t/ca.csr"
	"$bin/dca-sandbox" init "$t/lab"
	"$bin/dca-sandbox" sign "$t/lab" --csr "$t/ca.csr" --out "$t/chain.pem"
} >"$t/ceremony.log" 2>&1
cat >"$t/etc/dca/vault.conf" <<C
[token]
module = $module
uri = pkcs11:token=tools;id=%01;object=dca
pin_file = $t/pin
paths = $t/tokens
[publish]
base_url = https://127.0.0.1:1/sti
C
port=$((20000 + RANDOM % 20000))
printf '[listen]\naddress = 127.0.0.1\nport = %s\n' "$port" >"$t/etc/dca/front.conf"
ready() { # FILE TEXT
	for _ in $(seq 150); do
		grep -q "$2" "$1" && return
		sleep 0.1
	done
	echo "$1 does not say $2" >&2
	return 1
}
"$bin/dca-vault" --prefix "$t" >"$t/vault.log" 2>&1 &
pids+=($!)
ready "$t/vault.log" ready
"$bin/dca-ceremony" install "${token[@]}" --csr "$t/ca.csr" --chain "$t/chain.pem" --roots "$t/lab/root.pem" \
	--prefix "$t" >>"$t/ceremony.log" 2>&1

echo "--- init"
run 0 "init server" "$bin/dcactl" init server --out "$t/var/lib/dca/front" --host localhost
pin=$(cat "$t/out")
want=sha256:$(openssl x509 -in "$t/var/lib/dca/front/server.pem" -noout -pubkey | openssl pkey -pubin -outform DER |
	openssl dgst -sha256 -r | cut -d' ' -f1)
if [ "$pin" = "$want" ]; then ok "prints the SPKI hash"; else bad "SPKI hash $pin, not $want"; fi
if [ "$(stat -c %a "$t/var/lib/dca/front/server.key")" = 600 ]; then ok "server.key is 0600"; else bad "mode of server.key"; fi
run 0 "init server again" "$bin/dcactl" init server --out "$t/var/lib/dca/front"
has "$pin" out "keeps the key"
"$bin/dca-front" --prefix "$t" >"$t/front.log" 2>&1 &
pids+=($!)
url=coaps://127.0.0.1:$port
alice=("$bin/dcactl" --profile "$t/alice")
run 2 "init operator without --url" "${alice[@]}" init operator alice
run 1 "init operator with a bad pin" "${alice[@]}" init operator alice --url "$url" --server sha256:00
run 1 "init operator with a bad id" "${alice[@]}" init operator "Not An Id" --url "$url" --server "$pin"
run 0 "init operator" "${alice[@]}" init operator alice --url "$url" --server "$pin"
if [ "$(stat -c %a "$t/alice/key.pem")" = 600 ]; then ok "key.pem is 0600"; else bad "mode of key.pem"; fi

echo "--- operators"
run 1 "status by an unknown key" "${alice[@]}" status
run 0 "status --local" "$bin/dcactl" --prefix "$t" --local --json status
json '.state == "operational"' "the vault is operational"
appliance=$(jq -r .appliance "$t/out")
run 0 "first operator over the admin socket" "${alice[@]}" --prefix "$t" operator add alice --role admin \
	--cert "$t/alice/cert.pem" --local
run 0 "the profile" cat "$t/alice/profile.ini"
has "$appliance" out "knows the appliance now"
run 1 "a second one over the admin socket" "$bin/dcactl" --prefix "$t" operator add mallory --role admin \
	--cert "$t/alice/cert.pem" --local
has auth-role err "names the rule"
run 0 "status" "${alice[@]}" --json status
json '.operator.id == "alice" and .operator.role == "admin"' "says who I am"
bob=("$bin/dcactl" --profile "$t/bob")
run 0 "init operator bob" "${bob[@]}" init operator bob --url "$url" --server "$pin"
run 1 "operator add with a bad role" "${alice[@]}" operator add bob --role king --cert "$t/bob/cert.pem"
run 0 "operator add (signed)" "${alice[@]}" operator add bob --role auditor --cert "$t/bob/cert.pem"
run 0 "operator list" "${alice[@]}" operator list
has auditor out "has bob"
run 0 "operator list --json" "${alice[@]}" operator list --json
json 'map(.id) | sort == ["alice", "bob"]' "is an array of two"
run 0 "bob reads" "${bob[@]}" customer list
run 1 "an auditor may not change" "${bob[@]}" customer add acme --name Acme --country US
has "appliance $appliance" err "a new profile learns the appliance"
has auth-role err "names the rule"

echo "--- another appliance, another server"
cp -r "$t/alice" "$t/other"
sed -i "s/^id = $appliance/id = 00112233445566778899aabbccddeeff/" "$t/other/profile.ini"
run 1 "act for another appliance" "$bin/dcactl" --profile "$t/other" customer add x --name X --country US
has auth-appliance err "names the rule"
cp -r "$t/alice" "$t/wrong"
sed -i "s/^key = .*/key = sha256:$(printf '00%.0s' {1..32})/" "$t/wrong/profile.ini"
run 1 "wrong pin" "$bin/dcactl" --profile "$t/wrong" status
has server-key err "names the rule"
sed -i "s/:$port/:1/" "$t/wrong/profile.ini"
run 2 "nobody listens" "$bin/dcactl" --profile "$t/wrong" status
run 2 "no profile" "$bin/dcactl" --profile "$t/nowhere" status
openssl s_server -dtls1_2 -listen -accept "127.0.0.1:$((port + 1))" -nocert -cipher 'ALL:aNULL:@SECLEVEL=0' -quiet \
	>"$t/anonymous.log" 2>&1 < <(sleep 60) &
pids+=($!)
sleep 0.5
sed "s/:$port/:$((port + 1))/" "$t/alice/profile.ini" >"$t/other/profile.ini"
run 1 "a server without a certificate" "$bin/dcactl" --profile "$t/other" status
has server-key err "names the rule"

echo "--- customers"
run 0 "customer add" "${alice[@]}" customer add acme --name "Acme GmbH & Söhne" --country US
run 1 "customer add twice" "${alice[@]}" customer add acme --name Acme --country US
has reg-exists err "names the rule"
run 1 "bad country" "${alice[@]}" customer add bad --name Bad --country USA
run 0 "customer add with passports" "${alice[@]}" customer add beta --name Beta --country US --cn "Beta SHAKEN" \
	--passports shaken
run 0 "customer list" "${alice[@]}" customer list
has "Söhne" out "shows UTF-8"
run 0 "customer list --json" "${alice[@]}" customer list --json
json 'length == 2 and (.[] | select(.id == "beta").passports) == "shaken"' "is right"
run 0 "customer suspend" "${alice[@]}" customer suspend beta
run 0 "customer show --json" "${alice[@]}" --json customer show beta
json '.customers[0].active == false' "is suspended"
run 0 "customer resume" "${alice[@]}" customer resume beta
run 1 "customer show of nobody" "${alice[@]}" customer show nobody
has reg-unknown err "names the rule"
openssl ecparam -name prime256v1 -genkey -noout -out "$t/pinned.pem" 2>/dev/null
run 0 "customer pin --key" "${alice[@]}" customer pin beta --key "$t/pinned.pem"
run 0 "customer show" "${alice[@]}" customer show beta
has yes out "shows the pinned key"
run 1 "the same key for another customer" "${alice[@]}" customer pin acme --key "$t/pinned.pem"
has csr-forbidden-key err "names the rule"
run 0 "customer unpin" "${alice[@]}" customer unpin beta --key "$t/pinned.pem"
openssl ecparam -name secp384r1 -genkey -noout -out "$t/p384.pem" 2>/dev/null
run 1 "a P-384 key" "${alice[@]}" customer pin beta --key "$t/p384.pem"
has csr-key err "names the rule"
run 2 "pin without a key" "${alice[@]}" customer pin beta

echo "--- imports"
cat >"$t/bad.csv" <<'C'
start,count,spc
+1202555,0,709J
12025550100,100,
x,1,709J
12025550100,,709J
1,2
9999,2,709J
C
run 1 "inventory with six bad lines" "${alice[@]}" --json inventory import "$t/bad.csv"
json '[.errors[].line] == [2, 3, 4, 5, 6, 7]' "all are listed by line"
has "bad.csv:7: " err "and for people"
printf 'start;count;spc\n1;2;3\n' >"$t/header.csv"
run 1 "another header" "${alice[@]}" inventory import "$t/header.csv"
printf 'start,count,spc\n' >"$t/empty.csv"
run 1 "no rows" "${alice[@]}" inventory import "$t/empty.csv"
run 0 "inventory list" "${alice[@]}" --json inventory list
json 'length == 0' "nothing was changed"
printf 'start,count,spc\n+12025560000,10000,709J\n' >"$t/inventory.csv"
run 0 "inventory import" "${alice[@]}" inventory import "$t/inventory.csv"
cat >"$t/bad-delegation.csv" <<'C'
customer,start,count,not_before,not_after,shared
acme,+12025550100,100,,,
Acme,12025550100,1,,,
acme,12025550100,1,2026-13-01T00:00:00Z,,
acme,12025550100,1,,2026-12-01,yes
acme,12025550100,1,2026-12-02T00:00:00Z,2026-12-01T00:00:00Z,true
acme,12025550100,1,,,maybe
C
run 1 "delegations with bad lines" "${alice[@]}" --json delegation import "$t/bad-delegation.csv"
json '[.errors[].line] == [3, 4, 5, 6, 7]' "all are listed by line"
cat >"$t/overlap.csv" <<'C'
customer,start,count,not_before,not_after,shared
acme,+12025550100,100,,,

beta,12025550150,1,,,
nobody,12025550900,1,,,
C
run 1 "delegations the vault refuses" "${alice[@]}" --json delegation import "$t/overlap.csv"
json '[.errors[] | [.line, .rule]] == [[4, "reg-overlap"], [5, "reg-unknown"]]' "rows are lines of the file"
run 0 "delegation list" "${alice[@]}" --json delegation list
json 'length == 0' "nothing was changed"
cat >"$t/delegations.csv" <<'C'
customer,start,count,not_before,not_after,shared
acme,+12025550100,100,,,
acme,+12025550500,1,,2099-01-01T00:00:00Z,no
beta,+12025551000,10,,,
C
run 0 "delegation import" "${alice[@]}" delegation import "$t/delegations.csv"
run 0 "delegation list --customer" "${alice[@]}" --json delegation list --customer acme
json '[.[].tn] == ["12025550100+100", "12025550500"]' "has the numbers"
{ echo customer,start,count,not_before,not_after,shared; seq -f 'acme,%.0f,1,,,' 12025560000 12025569999; } >"$t/large.csv"
run 0 "ten thousand rows in parts" "${alice[@]}" delegation import "$t/large.csv"
has "100 %" err "progress in lines without a terminal"
run 0 "delegation list, many pages" "${alice[@]}" --json delegation list --customer acme
json 'length == 10002' "has them all"
sed 's/^acme/beta/' "$t/large.csv" >"$t/large-bad.csv"
run 1 "a thousand errors" "${alice[@]}" --json --progress delegation import "$t/large-bad.csv"
json '[.errors[] | select(.rule == "reg-overlap").line] == [range(2; 1002)]' "all are listed by line"
has "[####" err "progress bar with --progress"

echo "--- codes"
run 1 "code for nobody" "${alice[@]}" code create --customer nobody
run 1 "bad ttl" "${alice[@]}" code create --customer acme --ttl soon
run 0 "code create" "${alice[@]}" code create --customer acme --ttl 1h
if grep -Eq "^$url id=[0-9a-f]+ code=[A-Za-z0-9_-]{22} server=$pin\$" "$t/out"; then ok "one line"; else bad "packet"; fi
cp "$t/out" "$t/revoked"
id=$(sed 's/.* id=\([^ ]*\) .*/\1/' "$t/out")
run 0 "code list" "${alice[@]}" code list
has "$id" out "has it"
if grep -q "$(sed 's/.* code=\([^ ]*\) .*/\1/' "$t/revoked")" "$t/out"; then bad "code list shows the secret"; else ok "without the secret"; fi
run 0 "code revoke" "${alice[@]}" code revoke "$id"
run 0 "code create --server-url --json" "${alice[@]}" --json code create --customer acme --server-url "coaps://localhost:$port"
json ".packet | startswith(\"coaps://localhost:$port id=\")" "has the other address"
jq -r .packet "$t/out" >"$t/packet"

echo "--- dca-enroll"
run 2 "without --dir" "$bin/dca-enroll" -
run 1 "half a packet" "$bin/dca-enroll" "$url id=x" --dir "$t/none"
run 1 "a revoked code" "$bin/dca-enroll" --packet-file "$t/revoked" --dir "$t/refused"
has auth-code err "names the rule"
sed "s/server=sha256:../server=sha256:ff/;s/localhost/127.0.0.1/" "$t/packet" >"$t/wrong-packet"
run 1 "wrong pin" "$bin/dca-enroll" --packet-file "$t/wrong-packet" --dir "$t/refused"
has server-key err "names the rule"
run 1 "a number that is not delegated" "$bin/dca-enroll" --packet-file "$t/packet" --dir "$t/refused" \
	--tn 12025550100+100,12025550201 --json
json '.error.rule == "scope-delegation" and .error.first == "12025550201"' "names the number"
run 0 "packet on stdin" bash -c "'$bin/dca-enroll' - --dir '$t/acme' --tn 12025550100+100,12025550500 <'$t/packet'"
has "12025550100+100,12025550500" out "shows the numbers"
for f in key.pem cert.pem chain.pem x5u; do [ -s "$t/acme/$f" ] || bad "no $f"; done
if [ "$(stat -L -c %a "$t/acme/key.pem")" = 600 ]; then ok "key.pem is 0600"; else bad "mode of key.pem"; fi
run 0 "the certificate verifies" openssl verify -x509_strict -CAfile "$t/lab/root.pem" -untrusted "$t/acme/chain.pem" \
	"$t/acme/cert.pem"
serial=$(openssl x509 -in "$t/acme/cert.pem" -noout -serial | cut -d= -f2 | tr A-F a-f)
if [ "$(cat "$t/acme/x5u")" = "$(grep -o 'https://.*' <<<"$(cat "$t/acme/x5u")")" ]; then ok "x5u is an https URL"; else bad x5u; fi
run 1 "the code is spent" "$bin/dca-enroll" --packet-file "$t/packet" --dir "$t/again"
has auth-code err "names the rule"
"${alice[@]}" code create --customer beta >"$t/packet" 2>/dev/null
run 0 "all numbers, Accept 287, packet in argv" "$bin/dca-enroll" "$(cat "$t/packet")" --dir "$t/beta" --accept 287 --json
has "every process" err "warns of argv"
json '.tn == "12025551000+10"' "has all delegated numbers"

echo "--- a lost answer"
"${alice[@]}" code create --customer beta >"$t/packet" 2>/dev/null
# The answer is lost when the directory cannot take it: cert.pem is in the way.
mkdir -p "$t/lost/sets/x/cert.pem"
ln -s sets/x "$t/lost/next"
run 2 "the certificate cannot be written" "$bin/dca-enroll" --packet-file "$t/packet" --dir "$t/lost"
before=$(sha256sum <"$t/lost/next/csr.der")
count=$("${alice[@]}" --json cert list --customer beta | jq length)
rmdir "$t/lost/next/cert.pem"
cp "$t/lost/next/csr.der" "$t/csr.copy"
run 0 "again with the same packet" "$bin/dca-enroll" --packet-file "$t/packet" --dir "$t/lost"
if [ "$before" = "$(sha256sum <"$t/csr.copy")" ] && [ ! -e "$t/lost/current/csr.der" ]; then ok "sent the same request"; else bad "request changed"; fi
run 0 "cert list --customer" "${alice[@]}" --json cert list --customer beta
json "length == $count" "no second certificate"

echo "--- claim constraints (RFC 9118)"
refuses() { # WHAT TEXT OPTION...: names it, and nothing changes
	local what=$1 text=$2
	shift 2
	run 1 "$what" "${alice[@]}" customer set beta "$@"
	has "$text" err "says why"
	has constraints err "names the rule"
}
refuses "iat excluded" "RFC 9118 3" --must-exclude iat
refuses "orig demanded" "always there" --must-include orig
refuses "in both" "must and must not" --must-include rcd --must-exclude rcd
refuses "permitted and excluded" "has permitted values" --permit crn=sale --must-exclude crn
refuses "rcdi without rcd" "should not be excluded" --must-exclude rcdi
refuses "a name that is none" "printable ASCII" --must-include 'r cd'
refuses "against its PASSporT types" "must and must not" --passports rcd --must-include attest
run 1 "--permit without a value" "${alice[@]}" customer set beta --permit rcd
run 1 "nobody" "${alice[@]}" customer set nobody --rcd-name X
run 1 "a country that is none" "${alice[@]}" customer set beta --country USA
openssl ecparam -name prime256v1 -genkey -noout -out "$t/cc.key" 2>/dev/null
openssl req -new -key "$t/cc.key" -subj / -out "$t/cc.csr" 2>/dev/null
run 0 "customer set: all PASSporT types" "${alice[@]}" customer set beta --passports shaken,div,rcd
issued() { "${alice[@]}" --json issue --customer beta --csr "$t/cc.csr" --out "$t/cc.pem" >"$t/cc.json" && jq -r .serial "$t/cc.json"; }
before=$(issued)
if [ "$before" = "$(issued)" ]; then ok "a repeat gets the same certificate"; else bad "repeat"; fi
"${alice[@]}" code create --customer beta >"$t/packet" 2>/dev/null
run 0 "enrolled before" "$bin/dca-enroll" --packet-file "$t/packet" --dir "$t/cc"
run 0 "customer set: a calling name" "${alice[@]}" customer set beta --rcd-name 'Beta "Best" Inc'
run 0 "customer show" "${alice[@]}" --json customer show beta
json '.customers[0].constraints == "mustInclude rcd; permittedValues rcd = {\"nam\":\"Beta \\\"Best\\\" Inc\"}"' "says them"
json '.customers[0].name == "Beta"' "the rest stays"
after=$(issued)
if [ -n "$after" ] && [ "$before" != "$after" ]; then ok "the repeat ends: a new certificate"; else bad "repeat: $before $after"; fi
openssl x509 -in "$t/cc.pem" -outform DER -out "$t/cc.der"
at=$(openssl asn1parse -inform DER -in "$t/cc.der" | grep -A1 1.3.6.1.5.5.7.1.33 | tail -n 1 | cut -d: -f1 | tr -d ' ')
run 0 "openssl reads the extension" openssl asn1parse -inform DER -in "$t/cc.der" -strparse "$at"
has "IA5STRING         :rcd" out "mustInclude rcd"
has 'UTF8STRING        :{"nam":"Beta \"Best\" Inc"}' out "permittedValues"
run 1 "a renewal with other constraints" "$bin/dca-enroll" renew --dir "$t/cc"
has renew-constraints err "names the rule"
run 0 "--no-constraints" "${alice[@]}" customer set beta --no-constraints
run 2 "and it is renewed; x5u is not served here" "$bin/dca-enroll" renew --dir "$t/cc"
has "rule   fetch" err "that is all"
run 0 "customer show" "${alice[@]}" --json customer show beta
json '.customers[0].constraints == null' "none any more"
run 0 "constraints at the beginning" "${alice[@]}" customer add gamma --name Gamma --country US --must-include rcd \
	--permit $'crn=sale\ncrn=service' --must-exclude attest,origid
run 0 "customer list" "${alice[@]}" customer list
has "permittedValues crn = sale | service; mustExclude attest,origid" out "shows them"

echo "--- the vault is away for a while"
"${alice[@]}" code create --customer beta >"$t/packet" 2>/dev/null
kill "${pids[0]}"
wait "${pids[0]}" 2>/dev/null || true
run 2 "status without a vault" "${alice[@]}" status
has vault-down err "names the rule"
run 2 "--local without a vault" "$bin/dcactl" --prefix "$t" --local status
has vault-down err "names the rule"
(sleep 2; exec "$bin/dca-vault" --prefix "$t" >"$t/vault2.log" 2>&1) &
pids[0]=$!
run 0 "dca-enroll waits and repeats" "$bin/dca-enroll" --packet-file "$t/packet" --dir "$t/waited"
has "again in" err "says so"

echo "--- certificates and verdicts"
run 0 "cert list" "${alice[@]}" cert list
has "$serial" out "has the certificate"
run 0 "cert show" "${alice[@]}" --json cert show "$serial" --out "$t/shown.pem"
json '.tn == ["12025550100+100", "12025550500"] and .customer == "acme"' "is right"
run 0 "the same certificate" cmp "$t/shown.pem" "$t/acme/cert.pem"
run 1 "cert show of nothing" "${alice[@]}" cert show 4000000000000000000000000000000000000000
run 1 "cert show of no serial" "${alice[@]}" cert show xyz
openssl ecparam -name prime256v1 -genkey -noout -out "$t/k.pem" 2>/dev/null
openssl req -new -key "$t/k.pem" -subj / -out "$t/all.csr" 2>/dev/null
tn() { # NUMBER: a request for one number
	local n h
	h=$(printf %s "$1" | od -An -v -tx1 | tr -d ' \n')
	n=${#1}
	printf '[req]\ndistinguished_name=d\nreq_extensions=e\nprompt=no\n[d]\n[e]\n1.3.6.1.5.5.7.1.26=DER:30%02xa2%02x16%02x%s\n' \
		$((n + 4)) $((n + 2)) "$n" "$h" >"$t/req.cnf"
	openssl req -new -key "$t/k.pem" -subj / -config "$t/req.cnf" -outform DER -out "$t/one.csr" 2>/dev/null
}
rows=$("${alice[@]}" --json ledger list | jq length)
tn 12025551003
run 0 "dry run: issue" "${alice[@]}" --json issue --customer beta --csr "$t/one.csr" --dry-run
json '.verdict == "issue" and .tn == ["12025551003"]' "says so"
tn 12025550101
run 1 "dry run: delegated to another" "${alice[@]}" --json issue --customer beta --csr "$t/one.csr" --dry-run
json '.verdict == "refuse" and .first == "12025550101"' "names the number"
tn 13035550101
run 1 "dry run: outside the cross-certificate" "${alice[@]}" issue --customer beta --csr "$t/one.csr" --dry-run
has 13035550101 out "names the number"
run 1 "dry run: P-384" "${alice[@]}" --json issue --customer beta --csr <(openssl req -new -key "$t/p384.pem" -subj / 2>/dev/null) --dry-run
json '.rule == "csr-key"' "names the rule"
run 0 "ledger list" "${alice[@]}" --json ledger list
json "length == $rows" "a dry run leaves no row"
tn 12025551003
run 0 "issue" "${alice[@]}" --json issue --customer beta --csr "$t/one.csr" --out "$t/issued.pem"
json '.tn == ["12025551003"]' "has the number"
run 0 "it verifies" openssl verify -x509_strict -CAfile "$t/lab/root.pem" -untrusted "$t/acme/chain.pem" "$t/issued.pem"
tn 12025550101
run 1 "issue of another's number" "${alice[@]}" --json issue --customer beta --csr "$t/one.csr"
json '.error.first == "12025550101"' "names the number"
run 1 "a file that is no request" "${alice[@]}" issue --customer beta --csr "$t/pin"
run 0 "scope" "${alice[@]}" --json scope --customer beta
json '.issuable == ["12025551000+10"] and .delegations == ["12025551000+10"]' "is right"
run 0 "scope for people" "${alice[@]}" scope --customer beta
has "12025551000+10" out "shows it"
run 0 "ledger list for people" "${alice[@]}" ledger list
has "operator:alice" out "names the actor"

echo "--- four eyes"
for who in carol dave; do
	run 0 "init operator $who" "$bin/dcactl" --profile "$t/$who" init operator $who --url "$url" --server "$pin"
done
carol=("$bin/dcactl" --profile "$t/carol")
dave=("$bin/dcactl" --profile "$t/dave")
run 0 "a second admin" "${alice[@]}" operator add carol --role admin --cert "$t/carol/cert.pem"
has "with one signature" out "says that nobody else could approve"
run 0 "a third admin" "${alice[@]}" operator add dave --role admin --cert "$t/dave/cert.pem"
has "another admin must run: dcactl approve" out "waits for another admin"
run 1 "dave is none yet" "${dave[@]}" status
run 0 "proposal list --json" "${alice[@]}" --json proposal list
json 'length == 1 and .[0].act == "operator.add" and .[0].state == "open"' "has it"
proposal=$(jq -r '.[0].id' "$t/out")
sha256=$(jq -r '.[0].sha256' "$t/out")
run 1 "approved by who proposed it" "${alice[@]}" approve "$proposal" --yes
has auth-four-eyes err "names the rule"
run 1 "approve without an answer" "${carol[@]}" approve "$proposal"
has "nothing was signed" err "signs nothing"
has "operator:alice" out "shows who proposed it"
has '"dave"' out "shows the arguments"
has "$sha256" out "shows the hash"
run 2 "approve --local" "$bin/dcactl" --prefix "$t" --local approve "$proposal"
run 2 "approve what is no number" "${carol[@]}" approve 1x
run 1 "approve what is no proposal" "${carol[@]}" approve 1
run 0 "approve" "${carol[@]}" approve "$proposal" --yes
has "approved and done" out "is done"
run 0 "dave is an admin now" "${dave[@]}" status
run 1 "approve again" "${carol[@]}" approve "$proposal" --yes
has reg-state err "names the rule"
run 0 "install with three admins" "$bin/dca-ceremony" install "${token[@]}" --csr "$t/ca.csr" --chain "$t/chain.pem" \
	--roots "$t/lab/root.pem" --prefix "$t"
run 0 "proposal list" "${alice[@]}" proposal list
has cross.activate out "the cross-certificate waits"
run 0 "its number" "${alice[@]}" --json proposal list
proposal=$(jq -r 'map(select(.state == "open"))[0].id' "$t/out")
run 0 "approve --json" "${dave[@]}" --json approve "$proposal"
run 0 "crosses" "${alice[@]}" --json status
json '.state == "operational" and .cross.id == 2' "is the active one"
run 0 "install once more" "$bin/dca-ceremony" install "${token[@]}" --csr "$t/ca.csr" --chain "$t/chain.pem" \
	--roots "$t/lab/root.pem" --prefix "$t"
run 0 "its number" "${alice[@]}" --json proposal list
proposal=$(jq -r 'map(select(.state == "open"))[0].id' "$t/out")
run 0 "proposal drop" "${carol[@]}" proposal drop "$proposal"
run 1 "approve what was dropped" "${dave[@]}" approve "$proposal" --yes
has reg-state err "names the rule"
run 0 "dca-verify ledger --operators" "$bin/dca-verify" ledger --operators "$t/var/lib/dca/vault/store.db"
has "operator carol admin: 1 acts, 0 proposed, 1 approved" out "counts what carol signed"
has "operator dave admin: 0 acts, 0 proposed, 1 approved" out "counts what dave signed"
run 0 "a copy" sqlite3 "$t/var/lib/dca/vault/store.db" "VACUUM INTO '$t/copy.db'"
run 0 "changed" sqlite3 "$t/copy.db" "DROP TRIGGER ledger_update; UPDATE ledger SET actor = 'operator:dave' WHERE
	actor = 'operator:carol' AND kind = 'act'"
run 1 "dca-verify of it" "$bin/dca-verify" ledger --operators "$t/copy.db"
has "refused: row" out "names the row"
if grep -q ^operator "$t/out"; then bad "counts what does not verify"; else ok "counts nobody"; fi

echo "--- the rest"
run 0 "operator remove" "${alice[@]}" operator remove bob
run 1 "bob reads no more" "${bob[@]}" status
run 0 "explain" "$bin/dcactl" explain scope-delegation
has "RFC 9060" out "cites the clause"
run 0 "explain all --json" "$bin/dcactl" explain --json
json 'all(.[]; .rule and .title and .coap) and length > 80' "is the whole table"
run 1 "explain nothing" "$bin/dcactl" explain no-such-rule
run 0 "--help" "$bin/dcactl" --help
has "customer add" out "lists the commands"
run 0 "code create --help" "$bin/dcactl" code create --help
has "--ttl" out "lists the options"
run 2 "unknown command" "$bin/dcactl" frobnicate
run 2 "unknown option" "$bin/dcactl" status --frobnicate
run 0 "dca-enroll --help" "$bin/dca-enroll" --help
has "--packet-file" out "lists the options"

echo
if [ $failures -gt 0 ]; then
	echo "$failures failed"
	exit 1
fi
echo "all passed"
