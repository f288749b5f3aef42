#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# dca-publisher with a real nginx on loopback and the vault's side of the
# socket: every rule for x5u, and everything that can go wrong on the way.
# usage: publisher.sh DCA-PUBLISHER PUBLISHER-VAULT NGINX.CONF.IN
set -u
publisher=$(realpath "$1") vault=$(realpath "$2") template=$(realpath "$3")
PATH=$PATH:/usr/sbin:/sbin
for tool in nginx curl openssl; do
	command -v $tool >/dev/null || { echo "SKIP: no $tool"; exit 77; }
done
dir=$(mktemp -d)
pids=()
cleanup() {
	for p in "${pids[@]}"; do kill "$p" 2>/dev/null; done
	wait 2>/dev/null
	rm -rf "$dir"
}
trap cleanup EXIT
fail() {
	echo "FAIL: $*"
	tail -n 8 "$dir"/*.log "$dir"/*.out 2>/dev/null
	exit 1
}
ok() { echo "ok: $*"; }
until_found() { # FILE PATTERN [COUNT]
	for _ in $(seq 300); do
		[ "$(grep -c -e "$2" "$1" 2>/dev/null)" -ge "${3:-1}" ] && return
		sleep 0.1
	done
	fail "no \"$2\" (x${3:-1}) in $1"
}
port=$((20000 + RANDOM % 20000))
sti=$dir/var/lib/dca/publisher/sti

# --- certificates: TLS, and an STI chain with real serials ---
cd "$dir" || exit 1
mkdir -p etc/dca run/dca ngx log leaf
ec=(-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes)
ca() { printf 'basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\nsubjectKeyIdentifier=hash\n'; }
openssl req -x509 "${ec[@]}" -days 2 -subj /CN=tls-ca -keyout tls-ca.key -out tls-ca.pem 2>/dev/null || fail tls
openssl req -x509 "${ec[@]}" -days 2 -subj /CN=other -keyout other.key -out other-ca.pem 2>/dev/null
openssl req "${ec[@]}" -subj /CN=127.0.0.1 -keyout tls.key -out tls.csr 2>/dev/null
openssl x509 -req -in tls.csr -CA tls-ca.pem -CAkey tls-ca.key -days 2 -extfile <(echo subjectAltName=IP:127.0.0.1) -out tls.pem 2>/dev/null
openssl req -x509 "${ec[@]}" -days 9 -subj /CN=root -keyout root.key -out root.pem 2>/dev/null
for pair in root:inter inter:cross; do
	parent=${pair%:*} child=${pair#*:}
	openssl req "${ec[@]}" -subj "/CN=$child" -keyout $child.key -out $child.csr 2>/dev/null
	openssl x509 -req -in $child.csr -CA $parent.pem -CAkey $parent.key -days 9 -extfile <(ca) -out $child.pem 2>/dev/null
done
for c in cross inter root; do openssl x509 -in $c.pem -outform DER; done >chain.der
openssl req "${ec[@]}" -subj /CN=leaf -keyout leaf.key -out leaf.csr 2>/dev/null
make_leaf() {
	local serial=4$(openssl rand -hex 20 | cut -c2-)
	openssl x509 -req -in leaf.csr -CA cross.pem -CAkey cross.key -days 1 -set_serial 0x$serial -outform DER -out "leaf/$serial" 2>/dev/null
}
for _ in $(seq 66); do make_leaf; done
mapfile -t leaves < <(ls -d "$dir"/leaf/*)
[ "${#leaves[@]}" -eq 66 ] || fail "66 leaves"

# --- nginx from the template ---
user=$([ "$(id -u)" = 0 ] && echo "user root;" || echo "#")
configure() { # sed script on top
	sed "s|@LISTEN@|127.0.0.1:$port|g;s|@DIRECTORY@|$sti|g;s|@TLS_CERTIFICATE@|$dir/tls.pem|g
		s|@TLS_KEY@|$dir/tls.key|g;s|@STATE@|$dir/ngx|g;s|@LOG@|$dir/log|g;s|^#@USER@|$user|;${1:-}" "$template" >ngx.conf
}
ngx() { nginx -e "$dir/log/start.log" -c "$dir/ngx.conf" -p "$dir/ngx" "$@" 2>>"$dir/log/ngx.out"; }
start_nginx() {
	nginx -e "$dir/log/start.log" -c "$dir/ngx.conf" -p "$dir/ngx" -g 'daemon off;' 2>>"$dir/log/ngx.out" &
	nginx_pid=$!
	pids+=($nginx_pid)
	for _ in $(seq 50); do curl -s --cacert tls-ca.pem -o probe "https://127.0.0.1:$port/" && return; sleep 0.1; done
	cat log/ngx.out log/start.log
	fail "nginx does not start"
}
reload() { # new connections must meet the new configuration
	configure "$1"
	ngx -s reload
	for _ in $(seq 50); do sleep 0.1; curl -s --cacert tls-ca.pem -o probe "https://127.0.0.1:$port/" && break; done
	sleep 0.5
}
start_vault() {
	"$vault" "$dir/run/dca/publisher.sock" chain.der "$@" >vault.out 2>vault.log &
	pids+=($!)
	vault_pid=$!
}
start_publisher() {
	"$publisher" --prefix "$dir" "$@" 2>>publisher.log &
	pids+=($!)
	publisher_pid=$!
}
stop() { kill "$1" && wait "$1"; }

cat >etc/dca/publisher.conf <<C
[readback]
base_url = https://127.0.0.1:$port/sti
tls_ca = $dir/tls-ca.pem
timeout = 5s
C
configure
start_nginx

# --- configuration is refused with file:line ---
echo "colour = red" >>etc/dca/publisher.conf
"$publisher" --prefix "$dir" 2>err.out
[ $? = 2 ] && grep -q 'publisher.conf:5: unknown key colour' err.out || fail "unknown key"
sed -i '$d' etc/dca/publisher.conf
sed 's/https:/http:/' etc/dca/publisher.conf >http.conf
"$publisher" --prefix "$dir" --config http.conf 2>err.out
[ $? = 2 ] && grep -q 'is not https' err.out || fail "http base_url"
"$publisher" --no-such 2>err.out
[ $? = 2 ] && grep -q -e '--help' err.out || fail "unknown option"
"$publisher" --help | grep -q -- --prefix || fail "--help"
ok "configuration and command line refused where wrong"

# --- the main way: 50 certificates, before and after the vault is there ---
start_publisher
until_found publisher.log "waiting for the vault"
begin=$(date +%s%N)
start_vault 11 "${leaves[@]:0:50}"
until_found vault.out ^PUBLISHED 50
end=$(date +%s%N)
grep -q '^FOLLOW 1$' vault.out || fail "first FOLLOW"
grep -q UNPUBLISHED vault.out && fail "unpublished"
ok "50 certificates published and read back (about $(((end - begin) / 1000000)) ms, with the wait for the next connect)"
name=$(basename "${leaves[0]}").pem
[ "$(stat -c %a "$sti")" = 755 ] && [ "$(stat -c %a "$sti/$name")" = 644 ] || fail modes
{ openssl x509 -inform DER -in "${leaves[0]}"; openssl x509 -in cross.pem; openssl x509 -in inter.pem; } >want.pem
cmp want.pem "$sti/$name" || fail "content"
[ "$(find "$sti" -name '.new-*' | wc -l)" = 0 ] || fail "temporary files left"
ok "leaf, cross-certificate, intermediate; no root; 0644 in 0755"
url=https://127.0.0.1:$port/sti/$name
curl -s --cacert tls-ca.pem -D head -o body "$url" && cmp body want.pem || fail "fetch"
openssl verify -CAfile root.pem -untrusted body body >/dev/null || fail "openssl verify"
grep -q '^HTTP/1.1 200' head && grep -qi '^content-type: application/pem-certificate-chain.$' head &&
	grep -qi '^cache-control: public, max-age=86400, immutable.$' head && grep -qi '^server: nginx.$' head || fail "headers: $(cat head)"
code() { curl -s --cacert tls-ca.pem -o /dev/null -w '%{http_code}' "$@"; }
[ "$(code -I "$url")" = 200 ] || fail HEAD
for m in POST PUT DELETE; do [ "$(code -X $m "$url")" = 405 ] || fail "$m"; done
for p in sti sti/ "" sti/.new-x sti/../position "sti/${name%.pem}" sti/00.pem; do
	[ "$(code --path-as-is "https://127.0.0.1:$port/$p")" = 404 ] || fail "path /$p"
done
ok "nginx: direct 200 with the headers; GET and HEAD only; no index, no redirect, no version"

# --- the position survives both ends ---
sleep 1.5
[ "$(cat var/lib/dca/publisher/position)" = 60 ] || fail "position"
stop $publisher_pid || fail "publisher did not end with 0"
start_publisher
until_found vault.out '^FOLLOW 61$'
stop $vault_pid
start_vault 11 "${leaves[@]:0:51}"
until_found vault.out "^PUBLISHED 61 $(basename "${leaves[50]}")"
[ "$(grep -c ^PUBLISHED vault.out)" = 1 ] || fail "published again"
ok "follows from the last position, after a restart of either side"

# --- another content under the same name ---
next=52
one_more() { # PATTERN: offers one more leaf; waits for the refusal
	stop $vault_pid
	start_vault 11 "${leaves[@]:0:$next}"
	until_found vault.out "^UNPUBLISHED $((10 + next)) .*$1"
}
and_then() {
	until_found vault.out "^PUBLISHED $((10 + next)) "
	next=$((next + 1))
	ok "$1: UNPUBLISHED, and PUBLISHED once it is right"
}
other=$sti/$(basename "${leaves[51]}").pem
cp "$sti/$name" "$other"
one_more "exists with another content"
cmp -s "$other" "$sti/$name" || fail "replaced"
rm "$other"
and_then "another content under the name"

# --- a web server that breaks the rules ---
broken() { # NAME PATTERN SED
	reload "$3"
	one_more "$2"
	reload ""
	and_then "$1"
}
broken "short max-age" "max-age below 86400" "s/max-age=86400/max-age=86399/"
broken "negative max-age" "max-age below 86400" "s/max-age=86400/max-age=-1/"
broken "a second, short max-age" "max-age below 86400" "s/max-age=86400/max-age=86400, max-age=0/"
broken "short, then long max-age" "max-age below 86400" "s/max-age=86400/max-age=0, max-age=86400/"
broken "private" "Cache-Control: private" "s/\"public, /\"private, /"
broken "wrong content type" "Content-Type is text/plain" "s|default_type application/pem-certificate-chain|default_type text/plain|"
broken "redirect" "answer is 302" "s|alias .*|return 302 https://127.0.0.1:$port/;|"
broken "not found" "answer is 404" "s|alias .*|return 404;|"
broken "other body" "not what was published" "s|alias .*|return 200 \"x\";|"

# --- no web server; a web server of somebody else ---
stop $nginx_pid
one_more "onnect"
start_nginx
and_then "no web server"
stop $publisher_pid
sed "s|tls_ca.*|tls_ca = $dir/other-ca.pem|" etc/dca/publisher.conf >other.conf
start_publisher --config "$dir/other.conf"
one_more "certificate"
stop $publisher_pid
start_publisher
and_then "TLS of another CA"

# --- a vault that is not one ---
stop $vault_pid
HOSTILE=1 start_vault 12 "${leaves[@]}"
until_found vault.out ^PUBLISHED 1
[ "$(grep -c ^CLOSED vault.out)" = 3 ] || fail "hostile messages closed $(grep -c ^CLOSED vault.out) connections"
kill -0 $publisher_pid || fail "publisher died"
ok "a wrong serial, a wrong type and rubbish close the connection, and nothing else"
stop $publisher_pid || fail "publisher did not end with 0"
grep -q 'ERROR: \|runtime error' publisher.log vault.log && fail "sanitizer"
echo "PASS"
