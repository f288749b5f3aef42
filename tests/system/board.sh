#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A box from first boot to factory reset: the real dca-board, vault and front
# and the scripts of board/box in a prefix; LED, tamper contact, watchdog, RAUC,
# systemctl and mount are scripts and files. Every state and refusal is
# provoked.
# usage: board.sh BUILD-DIRECTORY
set -euo pipefail
bin=$(cd "$1" && pwd)/bin
top=$(cd "$(dirname "$0")/../.." && pwd)
box=$top/board/box
module=
for so in /usr/lib/softhsm/libsofthsm2.so /usr/lib/*/softhsm/libsofthsm2.so; do
	[ -r "$so" ] && module=$so && break
done
[ -n "$module" ] || { echo "*** SKIPPED, NOTHING WAS TESTED: install softhsm2 ***" >&2; exit 77; }
p=$(mktemp -d)
export PATH=$bin:$PATH SOFTHSM2_CONF=$p/softhsm2.conf
failures=0
ok() { echo "ok: $*"; }
bad() { echo "NOT OK: $*"; failures=$((failures + 1)); }
expect() { # TEXT COMMAND...
	local what=$1
	shift
	if "$@" >"$p/out" 2>&1; then ok "$what"; else bad "$what"; sed 's/^/    /' "$p/out"; fi
}
says() { # WHAT TEXT COMMAND...: fails, and says TEXT
	local what=$1 text=$2
	shift 2
	if "$@" >"$p/out" 2>&1; then
		bad "$what: was done"
	elif grep -qF -- "$text" "$p/out"; then
		ok "$what"
	else
		bad "$what: does not say \"$text\""
		sed 's/^/    /' "$p/out"
	fi
}
alive() { [ -s "$p/$1.pid" ] && kill -0 "$(cat "$p/$1.pid")" 2>/dev/null; }
start() { # NAME COMMAND...
	local name=$1
	shift
	"$@" >>"$p/$name.log" 2>&1 </dev/null &
	echo $! >"$p/$name.pid"
}
stop() {
	local pid
	alive "$1" || return 0
	pid=$(cat "$p/$1.pid")
	kill "$pid"
	wait "$pid" 2>/dev/null || true
	rm -f "$p/$1.pid"
}
finish() {
	local rc=$?
	for d in board front vault https; do
		alive $d || continue
		kill -CONT "$(cat "$p/$d.pid")" 2>/dev/null || true
		stop $d
	done
	[ $rc = 0 ] || tail -n 20 "$p"/*.log
	rm -rf "$p"
	exit $rc
}
trap finish EXIT
until_true() { # SECONDS COMMAND...
	local i n=$(($1 * 10))
	shift
	for ((i = 0; i < n; i++)); do
		"$@" >/dev/null 2>&1 && return
		sleep 0.1
	done
	return 1
}
console() { grep -qF -- "$1" "$p/board.log"; }
shown() { # TEXT: on the console since it was emptied
	if until_true 30 console "$1"; then ok "console: $1"; else bad "console does not say \"$1\""; tail -n 5 "$p/board.log"; fi
}
clear_console() { : >"$p/board.log"; }

# --- the box ---
mkdir -p "$p"/{usr/bin,usr/lib/dca,usr/share/dca,etc,dev/disk/by-label,dev/disk/by-partlabel,efi/dca,tokens-away} \
	"$p"/run/dca/{front,publisher,upstream,board} "$p"/run/dca-board "$p"/data/{etc/dca,dca/front,dca/vault,softhsm/tokens,board,update} \
	"$p"/var/lib "$p"/sys/firmware/efi/efivars
ln -s ../data/etc/dca "$p/etc/dca"
ln -s ../../data/dca "$p/var/lib/dca"
ln -s ../../data/softhsm "$p/var/lib/softhsm"
cp "$top/firmware/publisher/nginx.conf.in" "$p/usr/share/dca/"
printf 'directories.tokendir = %s/var/lib/softhsm/tokens\nobjectstore.backend = file\n' "$p" >"$SOFTHSM2_CONF"
cat >"$p/usr/lib/dca/board.conf" <<C
[board]
name = lab
architecture = amd64
token = softhsm
module = $module
[watchdog]
device = /dev/watchdog0
[led]
backend = fake
[tamper]
backend = fake
[health]
patience = 15s
C
printf 'IMAGE_ID=dca\nIMAGE_VERSION=1.0.0\n' >"$p/usr/lib/os-release"
echo a >"$p/run/dca-board/slot"
echo 1 >"$p/run/dca-board/security"
echo "0 data" >"$p/run/dca-board/floor"
echo plain >"$p/run/dca-board/data"
echo "verity-corrupt root-b" >"$p/run/dca-board/events"
echo 0 >"$p/run/dca-board/tamper"
printf 'x\0\0\0path' >"$p/sys/firmware/efi/efivars/LoaderBootCountPath-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f"
: >"$p/dev/watchdog0"

cat >"$p/usr/bin/systemctl" <<'S'
#!/bin/bash
p=$(cd "$(dirname "$0")/../.." && pwd)
echo "systemctl $*" >>"$p/calls"
case "$*" in
"start dca-fetch.service")
	"$BOX/fetch" --prefix "$p" --stick && "$BOX/fetch" --prefix "$p"
	exit $? ;;
"start dca-floor@"*) n=${2#*@}; exec "$BOX/floor" --prefix "$p" "${n%.service}" ;;
"start dca-reset.service") exec "$BOX/reset" --prefix "$p" ;;
"stop dca-vault.service") kill "$(cat "$p/vault.pid")"; while kill -0 "$(cat "$p/vault.pid")" 2>/dev/null; do sleep 0.1; done ;;
esac
S
cat >"$p/usr/bin/rauc" <<'S'
#!/bin/bash
p=$(cd "$(dirname "$0")/../.." && pwd)
echo "rauc $*" >>"$p/calls"
case "$1 ${2-}" in
"status --detailed") printf "RAUC_SLOT_BOOTNAME_1='a'\nRAUC_SLOT_BOOT_STATUS_1='good'\nRAUC_SLOT_BOOTNAME_2='b'\nRAUC_SLOT_BOOT_STATUS_2='bad'\n" ;;
"info "*) cat "$3" ;;
"install "*) echo ' 50% Copying'; grep -q bad-compatible "$2" && { echo "LastError: compatible"; exit 1; }; echo '100% Installing done' ;;
esac
exit 0
S
# a device is a directory; mounted it is a link
cat >"$p/usr/bin/mount" <<'S'
#!/bin/bash
rmdir "${@: -1}" && ln -s "${@: -2:1}" "${@: -1}"
S
cat >"$p/usr/bin/umount" <<'S'
#!/bin/bash
[ -L "${@: -1}" ] && rm "${@: -1}" && mkdir "${@: -1}"
S
cat >"$p/usr/bin/curl" <<S
#!/bin/bash
exec /usr/bin/curl --cacert "$p/tls.pem" "\$@"
S
chmod +x "$p"/usr/bin/*
export BOX=$box
plug() { mkdir -p "$p/stick"; ln -sfn "$p/stick" "$p/dev/disk/by-label/DCA"; }
unplug() { rm -f "$p/dev/disk/by-label/DCA"; }
board() { start board "$bin/dca-board" run --prefix "$p"; }
status() { "$bin/dca-board" status --prefix "$p" "$@"; }
health() { "$bin/dca-board" health --prefix "$p"; }
led() { [ "$(cat "$p/run/dca-board/led/$1")" = "$2" ]; }
fed() { # does it get anything in 4 s?
	local n
	n=$(stat -c %s "$p/dev/watchdog0")
	sleep 4
	[ "$(stat -c %s "$p/dev/watchdog0")" -gt "$n" ]
}
hungry() { ! fed; }

echo "--- unprovisioned"
says "status without dca-board" "status" status
board
shown "state unprovisioned version 1.0.0 slot a"
expect "LED blinks slowly" until_true 5 led delay_on 1000
expect "the watchdog is fed" fed
expect "health: an unprovisioned box is healthy" health
expect "marked good: there is nothing that could be ill" grep -q "rauc status mark-good booted" "$p/calls"
expect "the floor is raised to 1" grep -qx "1 data" "$p/run/dca-board/floor"
expect "status --json" sh -c "'$bin/dca-board' status --json --prefix '$p' | jq -e '.report.state == \"unprovisioned\" and .report.floor == 1 and .report.token == \"softhsm: NOT FOR PRODUCTION\"'"

echo "--- provision.ini: what is refused, and nothing is changed"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=localhost \
	-addext subjectAltName=DNS:localhost,IP:127.0.0.1 -keyout "$p/tls.key" -out "$p/tls.pem" 2>/dev/null
"$bin/dcactl" --profile "$p/operator" init operator alice --url coaps://localhost:5684 \
	--server "sha256:$(printf '%064d' 0)" >/dev/null
esp=$p/efi/dca
cp "$p/tls.key" "$p/tls.pem" "$esp/"
cp "$p/tls.pem" "$esp/web-ca.pem"
cp "$p/operator/cert.pem" "$esp/alice.pem"
good='[publish]
base_url = https://sti-cr.example.net:8443/sti
tls_ca = web-ca.pem
[token]
create = yes
'
provision() { "$box/provision" --prefix "$p"; }
refused() { # WHAT TEXT INI
	printf '%s' "$3" >"$esp/provision.ini"
	says "$1" "$2" provision
	grep -q "nothing was changed" "$p/out" || bad "$1: does not say that nothing was changed"
	if [ -n "$(ls -A "$p/data/etc/dca")" ] || [ ! -s "$esp/provision.ini" ]; then
		bad "$1: something was changed"
	fi
}
expect "no provision.ini: said, no error" sh -c "'$box/provision' --prefix '$p' | grep -q 'not provisioned'"
refused "unknown section" "provision.ini:1: unknown section [nope]" '[nope]'
refused "unknown key" "provision.ini:2: unknown key colour in [network]" $'[network]\ncolour = red\n'
refused "a key before any section" "provision.ini:1: a key before any [section]" 'dhcp = yes'
refused "neither key nor section" "provision.ini:2: neither [section]" $'[network]\nhello\n'
refused "a key that is none" "is not a key" $'[network]\nA B = 1\n'
refused "a key twice" "provision.ini:3: key dhcp of [network] twice" $'[network]\ndhcp = yes\ndhcp = no\n'
refused "yes or no" "is not yes or no" $'[network]\ndhcp = maybe\n'
refused "address" "is not ADDRESS/BITS" $'[network]\naddress = 192.0.2.7\n'
refused "gateway" "is not an address" $'[network]\ngateway = here\n'
refused "dns" "is not a list of addresses" $'[network]\ndns = 192.0.2.1, x\n'
refused "servers" "is not a list of hosts" $'[time]\nservers = a;b\n'
refused "trust" "is not kernel or rtc" $'[time]\ntrust = me\n'
refused "base_url" "is not an https URL" $'[publish]\nbase_url = http://x/\n'
refused "base_url that would be more than a URL" "is not an https URL" $'[publish]\nbase_url = https://x/ y\n'
refused "no file" "is not a file beside" $'[publish]\ntls_key = gone.key\n'
refused "a file outside" "is not a file beside" $'[publish]\ntls_key = ../../tls.key\n'
refused "token uri" "not a pkcs11: URI" $'[token]\nuri = x\n'
refused "token module" "not an absolute path" $'[token]\nmodule = x.so\n'
refused "sha256" "not 64 lower-case hex digits" $'[token]\nsha256 = 12\n'
refused "operator id" "is not an identifier" $'[operator]\nid = Alice!\n'
refused "country" "is not a country" $'[cross]\nsubject_c = USA\n'
refused "cn too long" "longer than 64" $'[cross]\nsubject_cn = '"$(printf '%070d' 0)"$'\n'
refused "upstream key" "unknown key x in [upstream]" $'[upstream]\nx = 1\n'
refused "upstream file" "is not a file beside" $'[upstream]\nroot = gone.pem\n'
refused "no base_url" "base_url is missing" $'[token]\ncreate = yes\n'
refused "no CA of the web server" "tls_ca is missing" $'[publish]\nbase_url = https://x/sti\n[token]\ncreate = yes\n'
refused "key without certificate" "go together" "${good/\[token\]/tls_key = tls.key
[token]}"
refused "operator without certificate" "go together" "$good"$'[operator]\nid = alice\n'
refused "dhcp and address" "one of them" "$good"$'[network]\ndhcp = yes\naddress = 192.0.2.7/24\n'
refused "no dhcp and no address" "give address" "$good"$'[network]\ndhcp = no\ndns = 192.0.2.1\n'
refused "servers and rtc" "one of them" "$good"$'[time]\nservers = a.example\ntrust = rtc\n'
refused "no token" "create = yes is missing" $'[publish]\nbase_url = https://x/sti\ntls_ca = web-ca.pem\n'
refused "a module's fields on softhsm" "this board's token is softhsm" "$good"$'uri = pkcs11:token=x;id=%01\n'
refused "upstream without login" "[upstream] base_url is missing" "$good"$'[upstream]\nuser = x\n'
refused "a control character" "a control character" "$good"$'[cross]\nsubject_o = a\x01b\n'
mkdir "$p/data/softhsm/tokens/old"
refused "tokens that are there already" "there are tokens" "$good"
rmdir "$p/data/softhsm/tokens/old"
printf '#!/bin/sh\necho broken; exit 2\n' >"$p/usr/bin/dca-ceremony"
chmod +x "$p/usr/bin/dca-ceremony"
refused "a token that cannot be made" "the token was not made: broken" "$good"
rm "$p/usr/bin/dca-ceremony"
expect "no token is left behind" test -z "$(ls -A "$p/data/softhsm/tokens")"

echo "--- provisioned from a stick"
plug
rm "$esp"/*
cp "$p/tls.key" "$p/tls.pem" "$p/stick/"
cp "$p/tls.pem" "$p/stick/web-ca.pem"
cp "$p/operator/cert.pem" "$p/stick/alice.pem"
printf 'secret\n' >"$p/stick/pw"
printf '%s' "${good}[network]
address = 192.0.2.7/24
gateway = 192.0.2.1
dns = 192.0.2.53, 192.0.2.54
[time]
servers = ntp.example.net
[operator]
id = alice
certificate = alice.pem
[cross]
subject_c = US
subject_o = Lab
subject_cn = SHAKEN lab
[upstream]
base_url = https://pa.example.net
user = lab
password_file = pw
participant = LAB1
root = tls.pem
directory = https://ca.example.net/acme
" | sed 's/$/\r/' >"$p/stick/provision.ini"
sed -i 's|^base_url = https://sti-cr.example.net:8443/sti|&\ntls_certificate = tls.pem\r\ntls_key = tls.key|' "$p/stick/provision.ini"
expect "provision.ini with CR LF is applied" provision
expect "nothing of it is left on the stick" test -z "$(ls -A "$p/stick")"
expect "network" grep -qx "Address=192.0.2.7/24" "$p/data/etc/dca/box/network"
expect "time with NTS" grep -qx "server ntp.example.net iburst nts" "$p/data/etc/dca/box/time.sources"
expect "the password is its group's only" test "$(stat -c %a "$p/data/etc/dca/upstream/password_file")" = 640
expect "the PIN is root's" test "$(stat -c %a "$p/data/etc/dca/pin")" = 600
expect "upstream.conf" grep -qx "directory = https://ca.example.net/acme" "$p/data/etc/dca/upstream.conf"
expect "nginx.conf" grep -q "listen 8443 ssl" "$p/data/etc/dca/nginx.conf"
expect "handed out to networkd and chrony" "$box/data" --prefix "$p" --hand-out
expect "where they look" test -s "$p/run/systemd/network/10-dca.network" -a -s "$p/run/chrony-dhcp/dca.sources"
cp "$p/tls.pem" "$p/stick/provision.ini"
says "a second time" "a factory reset comes first" provision
rm "$p/stick/provision.ini"
unplug

echo "--- locked"
expect "issuing waits for the kernel's clock" grep -qx "trust = kernel" "$p/data/etc/dca/vault.conf"
# which this machine's need not be
sed -i 's/^trust = kernel/trust = any/' "$p/data/etc/dca/vault.conf"
clear_console
start vault "$bin/dca-vault" --prefix "$p"
(cd "$p/data/dca/front" && "$bin/dcactl" init server --out . --host localhost >/dev/null)
start front "$bin/dca-front" --prefix "$p"
start publisher "$bin/dca-publisher" --prefix "$p"
shown "state locked version 1.0.0 slot a"
expect "the publisher takes its configuration" until_true 10 grep -q "following the ledger" "$p/publisher.log"
shown "server sha256:"
expect "LED flashes" until_true 5 led delay_on 100
expect "dca-board says why" until_true 10 sh -c "'$bin/dca-board' health --prefix '$p' | grep -q no-cross-certificate"
expect "the first operator, from provision.ini" "$box/provision" --prefix "$p" --operator
pin=$(openssl x509 -in "$p/data/dca/front/server.pem" -noout -pubkey | openssl pkey -pubin -outform DER | openssl dgst -sha256 -r | cut -d' ' -f1)
expect "the console has the front's fingerprint" grep -q "server sha256:$pin" "$p/board.log"
rm -rf "$p/profile"
cp -r "$p/operator" "$p/profile"
sed -i "s/sha256:0*/sha256:$pin/" "$p"/profile/*.ini
ctl() { "$bin/dcactl" --profile "$p/profile" "$@"; }

echo "--- operational"
lab=$p/lab
token=(--module "$module" --token 'pkcs11:token=dca;id=%01;object=dca' --pin-file "$p/data/etc/dca/pin")
"$bin/dca-sandbox" init "$lab" >/dev/null
"$bin/dca-ceremony" csr "${token[@]}" --scope 12025550000+1000 --country US --org Lab --cn "SHAKEN lab" --out "$p/ca.csr" >/dev/null
"$bin/dca-sandbox" sign "$lab" --csr "$p/ca.csr" --out "$p/chain.pem" >/dev/null
"$bin/dca-ceremony" install "${token[@]}" --csr "$p/ca.csr" --chain "$p/chain.pem" --roots "$lab/root.pem" --prefix "$p" >/dev/null
shown "state operational version 1.0.0 slot a"
expect "LED is on" until_true 5 led trigger none
expect "health" health
expect "the vault shows the report" until_true 15 sh -c "'$bin/dcactl' --profile '$p/profile' --json status | jq -e '.board.state == \"operational\" and .board.watchdog'"
in_ledger() { # NAME TEXT
	sqlite3 -readonly "file:$p/data/dca/vault/store.db?mode=ro" \
		"select hex(body) from ledger where kind = 'board'" | grep -qi "$(printf %s "$2" | od -An -v -tx1 | tr -d ' \n')"
}
for e in "version 1.0.0 slot a" "root-b" "from /run/dca-board/stick"; do
	expect "in the ledger: $e" until_true 15 in_ledger board "$e"
done
"$bin/dca-board" event lab-event "from a script" --prefix "$p"
expect "in the ledger: what a script says" until_true 15 in_ledger board "from a script"
says "an event with a wrong name" "1 to 32 of a-z" "$bin/dca-board" event 'No/' x --prefix "$p"

echo "--- wedged"
for d in front vault; do
	clear_console
	kill -STOP "$(cat "$p/$d.pid")"
	shown "state failed"
	expect "the watchdog starves: $d" hungry
	says "health says so: $d" "the $d does not answer" health
	kill -CONT "$(cat "$p/$d.pid")"
	shown "state operational"
	expect "the watchdog is fed again: $d" fed
done

echo "--- updates"
mkdir "$p/www"
bundle() { printf "RAUC_MF_VERSION='%s'\nRAUC_META_DCA_SECURITY='%s'\n" "$1" "$2"; }
bundle 1.1.0 1 >"$p/www/good.raucb"
bundle 0.9.0 0 >"$p/www/old.raucb"
{ bundle 1.1.0 1; echo bad-compatible; } >"$p/www/other.raucb"
: >"$p/www/empty.raucb"
cat >"$p/www.py" <<'S'
import http.server, os, ssl, sys
os.chdir(sys.argv[1])
class H(http.server.SimpleHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/plain":
            self.send_response(302)
            self.send_header("Location", "http://127.0.0.1:4430/good.raucb")
            self.end_headers()
        elif self.path == "/huge":
            self.send_response(200)
            self.send_header("Content-Length", str(1 << 40))
            self.end_headers()
        else:
            super().do_GET()
s = http.server.ThreadingHTTPServer(("127.0.0.1", 4430), H)
c = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
c.load_cert_chain(sys.argv[2], sys.argv[3])
s.socket = c.wrap_socket(s.socket, server_side=True)
s.serve_forever()
S
start https python3 "$p/www.py" "$p/www" "$p/tls.pem" "$p/tls.key"
until_true 10 curl -s --cacert "$p/tls.pem" -o "$p/probe" https://localhost:4430/good.raucb
update() { # TEXT-ON-CONSOLE ARGUMENTS...
	local want=$1
	shift
	clear_console
	ctl update "$@" >"$p/out" 2>&1 || { bad "update $*"; sed 's/^/    /' "$p/out"; return; }
	shown "$want"
}
u=https://localhost:4430
update "update-failed: fetch: " install $u/gone.raucb
update "update-failed: fetch: " install $u/plain
update "update-failed: fetch: " install $u/huge
update "update-failed: fetch: nothing in it" install $u/empty.raucb
update "update-failed: fetch: its sha256 is" install $u/good.raucb --sha256 "$(printf '%064d' 0)"
update "security version 0 is older than the floor, 1" install $u/old.raucb
update "rauc install: compatible" install $u/other.raucb
update "update-failed: fetch: no stick" install usb:good.raucb
update "update-refused: commit: nothing is on trial" commit
update "update-refused: rollback: the other slot has no good system" rollback
plug
update "update-failed: fetch: good.raucb: not on the stick" install usb:good.raucb
cp "$p/www/good.raucb" "$p/stick/"
: >"$p/calls"
update "update installed 1.1.0 in slot b" install usb:good.raucb
shown "reboot: update installed"
expect "systemctl reboot" until_true 10 grep -qx "systemctl reboot" "$p/calls"
expect "not fed while it shuts down" hungry
expect "in the ledger: installed" until_true 15 in_ledger board "1.1.0 in slot b"

unplug

echo "--- the new system's first boot"
boot() { # SLOT VERSION
	stop board
	rm -f "$p"/run/dca-board/{boot-id,started,status}
	echo "$1" >"$p/run/dca-board/slot"
	printf 'IMAGE_ID=dca\nIMAGE_VERSION=%s\n' "$2" >"$p/usr/lib/os-release"
	: >"$p/calls"
	: >"$p/dev/watchdog0"
	clear_console
	board
}
boot b 1.1.0
shown "update trial 1.1.0"
shown "update-good: 1.1.0 in slot b"
expect "marked good by RAUC" grep -q "rauc status mark-good booted" "$p/calls"
update "update installed" install $u/good.raucb --sha256 "$(sha256sum "$p/www/good.raucb" | cut -d' ' -f1)"
kill -STOP "$(cat "$p/front.pid")"
boot a 1.2.0
shown "update trial 1.2.0"
shown "update-failed: 1.2.0 in slot a is not healthy: the front does not answer"
shown "reboot: not healthy"
expect "not marked good" sh -c "! grep -q mark-good '$p/calls'"
boot b 1.1.0
shown "fallback: 1.1.0 in slot a did not become good"
kill -CONT "$(cat "$p/front.pid")"
shown "state operational version 1.1.0 slot b"

echo "--- factory reset"
clear_console
ctl box reset >"$p/out" 2>&1 || { bad "box reset"; cat "$p/out"; }
shown "reset: refused: the ledger is not exported"
expect "nothing was destroyed" test -s "$p/data/etc/dca/pin" -a -s "$p/data/dca/front/server.key"

echo "--- tamper"
start vault "$bin/dca-vault" --prefix "$p"
expect "operational again" until_true 30 sh -c "'$bin/dcactl' --profile '$p/profile' --json status | jq -e '.board.state == \"operational\"'"
clear_console
echo 1 >"$p/run/dca-board/tamper"
shown "tamper: contact is open"
shown "state frozen"
expect "LED" until_true 5 led delay_on 1900
expect "zeroised" until_true 20 test -s "$p/data/board/zeroised"
expect "PIN, device key and token are gone" sh -c "! find '$p/data/etc/dca/pin' '$p/data/dca/front/server.key' '$p/data/softhsm/tokens' -type f 2>/dev/null | grep ."
expect "the ESP remembers" test -s "$p/efi/dca/frozen"
expect "in the ledger" until_true 15 in_ledger board "contact is open"
expect "a frozen box is fed: it stays to say so" fed
says "health" "frozen" health
echo 0 >"$p/run/dca-board/tamper"
boot b 1.1.0
shown "state frozen"

echo "--- factory reset with the ledger on a stick"
plug
rows=$(sqlite3 -readonly "file:$p/data/dca/vault/store.db?mode=ro" "select max(seq) from ledger")
echo plain >"$p/run/dca-board/reset"
expect "reset" "$box/reset" --prefix "$p"
copy=$(find "$p/stick" -name store.db)
expect "the copy verifies" "$bin/dca-verify" ledger "$copy"
[ "$(sqlite3 -readonly "file:$copy?mode=ro&immutable=1" "select max(seq) from ledger")" -ge "$rows" ] || bad "rows are missing in the copy"
expect "the next start wipes" test -s "$p/efi/dca/wipe"
for how in '' word; do
	printf '%s' "$how" >"$p/run/dca-board/reset"
	says "reset \"$how\"" "reset" "$box/reset" --prefix "$p"
done
[ $failures = 0 ] || { echo "$failures not ok"; exit 1; }
