#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Constraints in all three forms: TNAuthList, RFC 5280 name constraints, and a
# configured extension with a list. Each narrows what is issued, is named in
# the refusal, and stands in dcactl scope; none is activated by policy when it
# is new.
# usage: upstream-limits.sh BUILD-DIRECTORY
set -euo pipefail
build=$(cd "$1" && pwd)
top=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tests/system/upstream-lab.sh
. "$top/tests/system/upstream-lab.sh"
oid=1.3.6.1.4.1.32473.9060

state_is() {
	for _ in $(seq 100); do [ "$(ctl --json status | jq -r .state)" != "$1" ] || return 0; sleep 0.1; done
	return 1
}
ordered() { # ORDER-OPTION...: and activated
	ctl cross order "$@" >"$tmp/order" 2>&1 || { cat "$tmp/order"; return 1; }
	ctl cross activate "$(row '.orders[-1].id')" --yes && state_is operational
}
scope() { # JQ WANTED [--customer ID]
	local got
	got=$(ctl --json scope "${@:3}" | jq -c "$1")
	[ "$got" = "$2" ] || { echo "$1 is $got, not $2"; return 1; }
}
check() { # CUSTOMER NUMBER: the dry run's verdict and rule
	[ -s "$tmp/check.key" ] || openssl ecparam -name prime256v1 -genkey -noout -out "$tmp/check.key"
	printf '%s\n' '[req]' prompt=no distinguished_name=dn req_extensions=ex '[dn]' CN=x '[ex]' \
		'1.3.6.1.5.5.7.1.26 = ASN1:SEQUENCE:tn' '[tn]' "one.1 = EXPLICIT:2,IA5STRING:$2" >"$tmp/check.conf"
	openssl req -new -config "$tmp/check.conf" -key "$tmp/check.key" -outform DER -out "$tmp/check.csr"
	ctl --json issue --dry-run --customer "$1" --csr "$tmp/check.csr" 2>&1 | jq -r '"\(.verdict // "") \(.rule // .error.rule // "")"'
}
verdict() { # CUSTOMER NUMBER WANTED; once the key of the active one is open
	local got
	for _ in $(seq 100); do
		got=$(check "$1" "$2" || true)
		[ "$got" = "refuse token-down" ] || break
		sleep 0.1
	done
	[ "$got" = "$3" ] || { echo "$2 for $1 is \"$got\", not \"$3\""; return 1; }
}

empty rfc --eab
conf rfc
"$bin/dca-upstream" run --config "$tmp/upstream.conf" --prefix "$state" >"$tmp/upstream.log" 2>&1 &
upstream=$!
expect "no limit but the list" ordered --scope 12025550000+10000
expect "the appliance" quick --lab-port 14001
kill "$(cat "$state/run/upstream.pid")"
expect "scope: one source" scope '.sources | map(.source)' '["TNAuthList of the cross-certificate"]'
expect "   which holds the list" scope '.sources[0].holds' '["12025550000+10000"]'
expect "   all of it may be issued" scope .issuable '["12025550000+10000"]'
acme=$(ctl --json scope --customer acme | jq -c .issuable)
first=$(jq -r '.[0] | sub("[+].*"; "")' <<<"$acme")
expect "the first number of acme's" verdict acme "$first" 'issue '
ctl customer add nord --name "Nord" --country CA >"$tmp/out"
printf '%s\n' customer,start,count,not_before,not_after,shared nord,12025559000,10,,, nord,13035550000,2,,, >"$tmp/d.csv"
ctl delegation import "$tmp/d.csv" >"$tmp/out"
expect "nord, of Canada" verdict nord 12025559000 'issue '

echo "--- name constraints: C=US"
sed -i '/^activate = /d; s/^\[cross\]/&\nactivate = policy/' "$state/etc/dca/vault.conf"
restart_vault
serve --eab --country US
expect "an order" ctl cross order --key new
expect "   policy does not activate it: a limit is new" test "$(row '.orders[-1].state')" = proposed
expect "   an admin does" ctl cross activate "$(row '.orders[-1].id')" --yes
expect "   operational" state_is operational
ctl cross chain --out "$tmp/chain.pem" >"$tmp/out"
expect "   the extension is there, critical" bash -c "openssl x509 -in '$tmp/chain.pem' -noout -ext nameConstraints | grep -q 'Name Constraints: critical'"
expect "acme, of the United States" verdict acme "$first" 'issue '
expect "   enrols" customer 1
expect "   openssl accepts it" openssl verify -x509_strict -CAfile "$state/root.pem" -untrusted "$tmp/c1/chain.pem" "$tmp/c1/cert.pem"
expect "   and dca-verify" "$bin/dca-verify" chain --roots "$state/root.pem" --tls-ca "$state/tls-ca.pem" --url "$(cat "$tmp/c1/x5u")"
expect "nord, of Canada, is refused" verdict nord 12025559000 'refuse scope-name'
expect "scope says what limits it" scope '.sources[1] | [.source, .holds, .bars]' \
	'["name constraints of the cross-certificate",["permitted C=US"],["12025559000+10"]]' --customer nord
expect "   nothing is left" scope .issuable '[]' --customer nord
expect "   all is left of acme's" scope .issuable "$acme" --customer acme
expect "   for people" bash -c "'$bin/dcactl' --profile '$state/operator' scope --customer nord | grep -q '^name constraints of the cross-certificate  *.*permitted C=US'"
n=$(row '.orders | length')
expect "the same limit again" ctl cross order --key new
expect "   policy activates it" test "$(row '.orders[-1] | "\(.state) \(.proposal)"')" = "done 0"
expect "   which was another order" test "$(row '.orders | length')" = $((n + 1))
expect "nord is still refused" verdict nord 12025559000 'refuse scope-name'

echo "--- a constraints extension"
serve --eab --limit 12025559000+5,13035550000+10
expect "not configured: an order" ordered --key keep
expect "   it says nothing" verdict nord 12025559009 'issue '
sed -i "s/^\[cross\]/&\nconstraints_oid = $oid/" "$state/etc/dca/vault.conf"
restart_vault
expect "configured: the active one has it" scope '.sources | map(.source)' \
	'["TNAuthList of the cross-certificate","constraints extension of the cross-certificate"]'
expect "   the intersection may be issued" scope .issuable '["12025559000+5"]'
expect "   and dcactl says what it takes" scope '.sources[1].bars' '["12025550000+9000","12025559005+995"]'
expect "   of a customer" scope '.sources[1].bars' '["12025559005+5"]' --customer nord
expect "inside it" verdict nord 12025559004 'issue '
expect "outside it" verdict nord 12025559005 'refuse scope-limit'
expect "   acme has nothing" verdict acme "$first" 'refuse scope-limit'
expect "an order with the same limit" ctl cross order --key new
expect "   policy activates it" test "$(row '.orders[-1].state')" = 'done'
serve --eab
expect "an order without" ctl cross order --key new
expect "   waits for an admin" test "$(row '.orders[-1].state')" = proposed
ctl cross activate "$(row '.orders[-1].id')" --yes >"$tmp/out"
expect "   and ends it" verdict acme "$first" 'issue '
sed -i "s/^constraints_oid = .*/constraints_oid = 1.3.6.1.x/" "$state/etc/dca/vault.conf"
expect "an OID that is none does not start" bash -c "! SOFTHSM2_CONF=$state/softhsm2.conf '$bin/dca-vault' --prefix '$state' 2>'$tmp/err' && grep -q 'constraints_oid is no OID' '$tmp/err'"

echo "--- an SPC, with the inventory that the operator imported"
sed -i "/^constraints_oid = /d" "$state/etc/dca/vault.conf"
restart_vault
expect "an order for the SPC" ordered --scope spc:709J
expect "scope: the inventory limits it" scope '.sources[0] | [.source, .holds, .bars]' \
	'["TNAuthList of the cross-certificate, inventory of its SPCs",["spc:709J"],["13035550000+2"]]' --customer nord
expect "   outside it" verdict nord 13035550001 'refuse scope-inventory'
[ $failures = 0 ]
