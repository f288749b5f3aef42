#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The life of a cross-certificate: activated by policy when list and issuer are
# those of before and only then, renewed by the timer at two thirds of its
# life, how many days customers have left, expired.
# usage: upstream-life.sh BUILD-DIRECTORY
set -euo pipefail
build=$(cd "$1" && pwd)
top=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tests/system/upstream-lab.sh
. "$top/tests/system/upstream-lab.sh"

set_cross() { # KEY VALUE: of [cross], from the next start on
	sed -i "/^$1 = /d; s/^\[cross\]/&\n$1 = $2/" "$state/etc/dca/vault.conf"
}
status() { ctl --json status | jq -r "$1"; }
until_is() { # JQ-OF-STATUS VALUE
	for _ in $(seq 400); do [ "$(status "$1" 2>/dev/null)" != "$2" ] || return 0; sleep 0.2; done
	echo "$1 is $(status "$1"), not $2"
	return 1
}
until_order() { # JQ-OF-THE-LAST-ORDER VALUE
	for _ in $(seq 400); do [ "$(row ".orders[-1] | $1" 2>/dev/null)" != "$2" ] || return 0; sleep 0.2; done
	echo "$1 is $(row ".orders[-1] | $1"), not $2"
	return 1
}
aged() { # one that has 20 of its 80 days left, active
	echo aged >"$lab/flaws"
	ctl cross order --key keep >"$tmp/order" || { cat "$tmp/order"; return 1; }
	: >"$lab/flaws"
	[ "$(row '.orders[-1].state')" = 'done' ] || ctl cross activate "$(row '.orders[-1].id')" --yes
	until_is .cross.days_left 20
}
orders() { row '.orders | length'; }

empty rfc --eab
conf rfc
"$bin/dca-upstream" run --config "$tmp/upstream.conf" --prefix "$state" >"$tmp/upstream.log" 2>&1 &
upstream=$!
expect "an order and its activation" bash -c "'$bin/dcactl' --profile '$state/operator' cross order --scope 12025550000+10000 &&
	'$bin/dcactl' --profile '$state/operator' cross activate \$('$bin/dcactl' --profile '$state/operator' --json cross list | jq '.orders[-1].id') --yes"
expect "the appliance" quick --lab-port 14001
kill "$(cat "$state/run/upstream.pid")"
expect "status: days until customers break, of 365" test "$(status .cross.days_left)" = 364
expect "   for people" bash -c "'$bin/dcactl' --profile '$state/operator' status | grep -q 'days_left *364'"
expect "a customer" customer 0

echo "--- by policy"
set_cross activate policy
restart_vault
expect "same list, same issuer, another key" ctl cross order --key new
cp "$tmp/out" "$tmp/order"
expect "   active, and nobody has signed for it" test "$(row '.orders[-1] | "\(.state) \(.proposal)"')" = "done 0"
expect "   the line says so" grep -q '^activate  *done .*active by policy' "$tmp/order"
expect "   operational" until_is .state operational
expect "   the next customer" customer 1
active=$(row '.crosses[] | select(.active) | .id')
expect "another list waits for an admin" ctl cross order --scope 12025550000+9999
expect "   proposed" until_order .state proposed
echo other-issuer >"$lab/flaws"
expect "another issuer does too" ctl cross order --key keep
: >"$lab/flaws"
expect "   proposed" until_order .state proposed
expect "   what is active is what was" test "$(row '.crosses[] | select(.active) | .id')" = "$active"

ctl cross drop "$(row '.orders[-1].id')" >"$tmp/out" # or the next one would be this one

echo "--- the timer, at two thirds of the life"
expect "20 of 80 days left" aged
n=$(orders) before=$(row '.crosses[] | select(.active) | .id')
restart_vault # it looks once a minute, and when it starts
expect "the vault orders by itself" until_order .actor vault
expect "   and by policy it is active" until_is .cross.days_left 364
expect "   once" test "$(orders)" = $((n + 1))
expect "   another one" test "$(row '.crosses[] | select(.active) | .id')" != "$before"
expect "   with a key of its own" test "$(row '.orders[-1].key | length')" = 32
expect "   a customer of it" customer 2
set_cross activate operator
restart_vault
expect "20 of 80 days left, and an admin decides" aged
n=$(orders)
restart_vault
expect "the vault orders by itself" until_order .actor vault
expect "   it is proposed" until_order .state proposed
expect "   the log says when customers break" grep -q 'cross-certificate ends .*: customers break in 20 days' "$state/log/vault.log"
restart_vault
expect "   once, whatever starts anew" bash -c "sleep 2; [ $(orders) = $((n + 1)) ]"
ctl cross activate "$(row '.orders[-1].id')" --yes >"$tmp/out"
expect "   active" until_is .cross.days_left 364
set_cross renew no
restart_vault
expect "20 of 80 days left, and no timer" aged
n=$(orders)
: >"$state/log/vault.log"
restart_vault
expect "nothing is ordered" bash -c "sleep 2; [ $(orders) = $n ]"
expect "   the log says when customers break" grep -q 'cross-certificate ends .*: customers break in 20 days' "$state/log/vault.log"

echo "--- expired"
expect "a customer before" customer 3
echo brief >"$lab/flaws"
expect "one that ends in 20 seconds" ctl cross order --key keep
: >"$lab/flaws"
ctl cross activate "$(row '.orders[-1].id')" --yes >"$tmp/out"
expect "issuing stops" until_is .state cross-expired
restart_vault
expect "   it is an alarm" until_is '[.alarms[] | .body.alarm // .alarm] | index("cross-expired") != null' true
expect "   days left: none" test "$(status .cross.days_left)" = 0
if patience=10 customer 4; then bad "   somebody enrolled"; else ok "   nobody enrols"; fi
expect "   and the customer is told why" grep -q 'cross-certificate is valid from .* to ' "$tmp/enrol.4"
expect "everything else goes on: the register" ctl customer list
expect "   what is published is served, and holds" "$bin/dca-verify" chain --roots "$state/root.pem" \
	--tls-ca "$state/tls-ca.pem" --url "$(cat "$tmp/c3/x5u")"
expect "another one ends it" ctl cross order --key new
ctl cross activate "$(row '.orders[-1].id')" --yes >"$tmp/out"
expect "   operational" until_is .state operational
expect "   a customer of it" customer 5
for i in 0 1 2 3 5; do
	expect "customer $i: verified by its x5u" "$bin/dca-verify" chain --roots "$state/root.pem" --tls-ca "$state/tls-ca.pem" --url "$(cat "$tmp/c$i/x5u")"
done
cp "$state/var/lib/dca/vault/store.db"* "$tmp/"
expect "the ledger holds" "$bin/dca-verify" ledger --operators "$tmp/store.db"
[ $failures = 0 ]
