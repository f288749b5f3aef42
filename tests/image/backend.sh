#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The box's boot backend, pre-install and post-install on a folder that stands
# for the ESP: what RAUC asks, what systemd-boot would then take, and every
# refusal. usage: backend.sh
set -euo pipefail
lib=$(cd "$(dirname "$0")/../../board/overlay/usr/lib/dca" && pwd)
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
export DCA_EFI=$tmp/efi DCA_RUN=$tmp/run
linux=$DCA_EFI/EFI/Linux
failures=0
is() { # WHAT WANTED GOT
	if [ "$2" = "$3" ]; then echo "ok: $1"; else
		echo "NOT OK: $1: '$3', not '$2'"
		failures=$((failures + 1))
	fi
}
b() { dash "$lib/boot-backend" "$@"; }
esp() { # NAME=VERSION...
	local e
	rm -rf "$DCA_EFI"
	mkdir -p "$linux" "$DCA_RUN"
	for e in "$@"; do
		printf 'MZ\0\1binary\nIMAGE_ID=dca\nIMAGE_VERSION=%s\n\0more\n' "${e#*=}" >"$linux/${e%%=*}"
	done
}
names() { (cd "$linux" && echo -- *) | sed 's/^-- //'; }

esp dca-a+3.efi=1.0.0
is "one slot: it is the primary" a "$(b get-primary)"
is "an empty slot is bad" bad "$(b get-state b)"
b set-state b bad
b set-primary a
is "an empty slot stays empty" "dca-a+3.efi" "$(names)"
b set-primary b
is "the primary before post-install: the only slot stays good" "dca-a+3.efi" "$(names)"

esp dca-a+3.efi=1.9.0 dca-b+3.efi=1.10.0
is "versions are numbers" b "$(b get-primary)"
b set-state b bad
is "bad is the counter at 0" "dca-a+3.efi dca-b+0.efi" "$(names)"
is "and a is the primary" a "$(b get-primary)"
is "and b is bad" bad "$(b get-state b)"
b set-state b good
is "good is the counter at 3" "dca-a+3.efi dca-b+3.efi" "$(names)"

esp dca-a+3.efi=1.0.0 dca-b+2-1.efi=1.1.0
is "a slot on trial is not bad" good "$(b get-state b)"
b set-state b good
is "good takes the tries back" "dca-a+3.efi dca-b+3.efi" "$(names)"

esp dca-a+3.efi=1.0.0 dca-b+0-3.efi=1.1.0
is "a slot that used up its tries is bad" bad "$(b get-state b)"
is "the older one is the primary then" a "$(b get-primary)"

esp dca-a+3.efi=1.0.0 dca-b+3.efi=1.1.0
b set-primary a
is "back to the older one: the newer is bad" "dca-a+3.efi dca-b+0.efi" "$(names)"

esp dca-a+3.efi=1.1.0 dca-b+2-1.efi=1.1.0
b set-primary a
is "of the same version b comes first, unless it is bad" a "$(b get-primary)"

echo b >"$DCA_RUN/slot"
is "current is what the initrd saw" b "$(b get-current)"
rc=0
b set-state a odd 2>"$tmp/err" || rc=$?
is "an unknown state is refused" "2 boot-backend: state 'odd'" "$rc $(cat "$tmp/err")"
rc=0
b nonsense 2>"$tmp/err" || rc=$?
is "an unknown word is refused" 2 "$rc"

pre() { dash "$lib/pre-install" 2>"$tmp/err"; }
echo "3 data" >"$DCA_RUN/floor"
rc=0; RAUC_META_DCA_SECURITY=2 pre || rc=$?
is "a bundle below the floor" "1 pre-install: security version 2 is older than the floor, 3" "$rc $(cat "$tmp/err")"
rc=0; pre || rc=$?
is "a bundle that does not say" 1 "$rc"
rc=0; RAUC_META_DCA_SECURITY=3x pre || rc=$?
is "a bundle that says no number" 1 "$rc"
rc=0; RAUC_META_DCA_SECURITY=3 pre || rc=$?
is "a bundle at the floor" 0 "$rc"

# post-install, with a hash tree by veritysetup when that is here
export PATH=$PATH:/usr/sbin:/sbin
post() {
	RAUC_TARGET_SLOTS="1 2" RAUC_SLOT_NAME_1=rootfs.1 RAUC_SLOT_DEVICE_1=$tmp/root RAUC_SLOT_BOOTNAME_1=b \
		RAUC_SLOT_NAME_2=verity.1 RAUC_SLOT_DEVICE_2=$tmp/hash RAUC_BUNDLE_MOUNT_POINT=$tmp/bundle \
		dash "$lib/post-install" >"$tmp/out" 2>"$tmp/err"
}
if ! command -v veritysetup >/dev/null || [ ! -w /proc/sys/vm/drop_caches ]; then
	echo "*** post-install SKIPPED: it needs veritysetup (cryptsetup-bin) and root ***" >&2
else
	mkdir -p "$tmp/bundle"
	printf 'MZ new\nIMAGE_VERSION=1.1.0\n' >"$tmp/bundle/dca.efi"
	head -c 1048576 /dev/urandom >"$tmp/root"
	RAUC_META_DCA_VERITY=$(veritysetup format "$tmp/root" "$tmp/hash" | awk '/^Root hash/ { print $3 }')
	export RAUC_META_DCA_VERITY
	esp dca-a+3.efi=1.0.0 dca-b+0.efi=0.9.0
	rc=0; post || rc=$?
	is "post-install" "0 dca-a+3.efi dca-b+3.efi" "$rc $(names)"
	cmp "$tmp/bundle/dca.efi" "$linux/dca-b+3.efi"
	esp dca-a+3.efi=1.0.0 dca-b+0.efi=0.9.0
	printf 'X' | dd of="$tmp/root" bs=1 seek=500000 conv=notrunc status=none
	rc=0; post || rc=$?
	is "a byte that reads back wrong" "1 dca-a+3.efi dca-b+0.efi" "$rc $(names)"
	rc=0; RAUC_META_DCA_VERITY='' post || rc=$?
	is "a bundle without root hash" "1 post-install: the bundle does not say its root hash" "$rc $(cat "$tmp/err")"
fi
[ $failures = 0 ]
