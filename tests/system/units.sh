#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The units as systemd judges them: valid, and exposed no more than 1.5; what
# mounts, partitions and wipes, once and shortly, no more than it must.
# usage: units.sh DIRECTORY-OF-UNITS
set -euo pipefail
units=$(cd "$1" && pwd)
most_of() {
	case $1 in
	dca-data.service) echo 4.7 ;; # in the mount namespace of the machine
	dca-provision.service | dca-reset.service) echo 3.0 ;;
	dca-operator.service) echo 1.7 ;; # one act over the admin socket, as root
	*) echo 1.5 ;;
	esac
}
if ! systemd-analyze security --help 2>/dev/null | grep -q -- --offline; then
	echo "SKIPPED: no systemd-analyze that knows --offline (systemd 250 or later)" >&2
	exit 77
fi
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
failures=0
mkdir -p "$tmp/etc/systemd/system"
for unit in "$units"/*.service; do
	name=${unit##*/}
	most=$(most_of "$name")
	sed 's|/usr/bin/dca[a-z]*-*[a-z]*|/bin/true|g;s|/usr/lib/dca/[a-z]*|/bin/true|' "$unit" >"$tmp/$name"
	score=$(systemd-analyze security --offline=true --no-pager "$unit" |
		sed -n 's/.*Overall exposure level for [^:]*: \([0-9.]*\).*/\1/p')
	if [ -n "$score" ] && awk "BEGIN { exit !($score <= $most) }"; then
		echo "ok: $name: $score"
	else
		echo "NOT OK: $name: exposure ${score:-unknown}, at most $most"
		failures=$((failures + 1))
	fi
done
# dca-vault asks how right the clock is and can set none
vault=$units/dca-vault.service
if [ -e "$vault" ]; then
	if grep -qx 'SystemCallFilter=clock_adjtime' "$vault" && ! grep -q '^ProtectClock=yes' "$vault" &&
		grep -qx 'CapabilityBoundingSet=' "$vault" && systemd-analyze syscall-filter @clock | grep -qw clock_adjtime; then
		echo "ok: dca-vault may ask for the clock, and has no capability to set it"
	else
		echo "NOT OK: dca-vault and the clock"
		failures=$((failures + 1))
	fi
fi
for unit in "$units"/*.timer "$units"/*.target; do
	[ ! -e "$unit" ] || cp "$unit" "$tmp/"
done
for unit in "$tmp"/*.service; do
	case $unit in *@.service) cp "$unit" "${unit%.service}x.service"; unit=${unit%.service}x.service ;; esac
	SYSTEMD_UNIT_PATH=$tmp: systemd-analyze verify --man=no --recursive-errors=no "$unit" >"$tmp/out" 2>&1 || true
	if [ -s "$tmp/out" ]; then
		echo "NOT OK: ${unit##*/}:"
		cat "$tmp/out"
		failures=$((failures + 1))
	else
		echo "ok: ${unit##*/} is valid"
	fi
done
# who mounts must be able to open disks: the limits on devices are the whole
# unit's, also where ExecStartPre=+ lifts all others
for unit in "$units"/dca-*.service; do
	script=$(sed -n 's|^ExecStart[A-Za-z]*=+\{0,1\}/usr/lib/dca/\([a-z]*\).*|\1|p' "$unit" | head -n 1)
	if [ -z "$script" ] || ! grep -q '^[^#]*\(mount -o\|stick_mount\)' "$units/../box/$script"; then continue; fi
	# these two use another part of it
	grep -q -- '--hand-out\|--operator' "$unit" && continue
	if grep -q '^\(DevicePolicy=\(closed\|strict\)\|PrivateDevices=yes\)' "$unit" && ! grep -q '^DeviceAllow=block-' "$unit"; then
		echo "NOT OK: ${unit##*/} mounts and may open no disk"
		failures=$((failures + 1))
	else
		echo "ok: ${unit##*/} may open what it mounts"
	fi
done
# the users, and the directories of the sockets, in a root of their own
if command -v systemd-sysusers >/dev/null && [ "$(id -u)" = 0 ]; then
	mkdir -p "$tmp/root/etc"
	systemd-sysusers --root="$tmp/root" "$units/dca.sysusers" >"$tmp/out" 2>&1 &&
		[ "$(grep -c '^dca-' "$tmp/root/etc/passwd")" = 5 ] &&
		systemd-tmpfiles --root="$tmp/root" --create "$units/dca.tmpfiles" >>"$tmp/out" 2>&1 ||
		{ echo "NOT OK: users and directories"; cat "$tmp/out"; failures=$((failures + 1)); }
	is=$(stat -c '%a %g' "$tmp/root/run/dca/board")
	if [ "$is" = "2750 0" ]; then
		echo "ok: /run/dca/board is for root"
	else
		echo "NOT OK: /run/dca/board: $is"
		failures=$((failures + 1))
	fi
	for role in front publisher upstream; do
		gid=$(sed -n "s/^dca-$role:[^:]*:\([0-9]*\):.*/\1/p" "$tmp/root/etc/group")
		uid=$(sed -n "s/^dca-vault:[^:]*:\([0-9]*\):.*/\1/p" "$tmp/root/etc/passwd")
		is=$(stat -c '%a %u %g' "$tmp/root/run/dca/$role")
		if [ "$is" = "2750 $uid $gid" ]; then
			echo "ok: /run/dca/$role is the vault's, and dca-$role may enter"
		else
			echo "NOT OK: /run/dca/$role: $is"
			failures=$((failures + 1))
		fi
	done
	is=$(stat -c '%a %u %g' "$tmp/root/run/dca/board")
	if [ "$is" = "2750 $uid 0" ]; then
		echo "ok: /run/dca/board is the vault's, and root may enter without a capability"
	else
		echo "NOT OK: /run/dca/board: $is"
		failures=$((failures + 1))
	fi
fi
[ $failures = 0 ] || { echo "$failures not ok"; exit 1; }
