#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# board/box/data on a disk that is a file (real sfdisk, mkfs.ext4, blkid; mount
# and the kernel's view of partitions are scripts), and board/box/floor with a
# TPM that is a file. LUKS and a real boot: tests/image.
set -euo pipefail
top=$(cd "$(dirname "$0")/../.." && pwd)
box=$top/board/box
PATH=$PATH:/usr/sbin:/sbin
for t in sfdisk mkfs.ext4 blkid mkswap; do
	command -v $t >/dev/null || { echo "*** SKIPPED, NOTHING WAS TESTED: no $t ***" >&2; exit 77; }
done
p=$(mktemp -d)
trap 'rm -rf "$p"' EXIT
failures=0
expect() { # TEXT COMMAND...
	local what=$1
	shift
	if "$@" >"$p/out" 2>&1; then echo "ok: $what"; else
		echo "NOT OK: $what"
		sed 's/^/    /' "$p/out"
		failures=$((failures + 1))
	fi
}
says() { # WHAT TEXT COMMAND...
	local what=$1 text=$2
	shift 2
	if ! "$@" >"$p/out" 2>&1 && grep -qF -- "$text" "$p/out"; then echo "ok: $what"; else
		echo "NOT OK: $what"
		sed 's/^/    /' "$p/out"
		failures=$((failures + 1))
	fi
}
mkdir -p "$p"/{usr/bin,usr/lib/dca,dev/disk/by-partlabel,run/dca-board,efi/dca}
printf '[board]\nname = lab\ntpm = no\n' >"$p/usr/lib/dca/board.conf"
truncate -s 48M "$p/disk"
printf 'label: gpt\nname=esp, size=8M\nname=root-a, size=16M\nname=root-b, size=16M\n' | sfdisk -q "$p/disk"
truncate -s 160M "$p/disk"
for t in udevadm systemctl; do printf '#!/bin/sh\nexit 0\n' >"$p/usr/bin/$t"; done
printf '#!/bin/sh\necho "$*" >>%s/mounts\n' "$p" >"$p/usr/bin/mount"
cat >"$p/usr/bin/partx" <<S
#!/bin/sh
truncate -s 64M $p/part
ln -sf $p/part $p/dev/disk/by-partlabel/data
S
chmod +x "$p"/usr/bin/*
data() { "$box/data" --prefix "$p"; }
uuid() { blkid -p -s UUID -o value "$p/part"; }

says "not our disk" "no partition esp" data
ln -s "$p/disk" "$p/dev/disk/by-partlabel/esp"
expect "first boot" data
expect "a partition named data, to the end of the disk" sh -c "sfdisk --dump '$p/disk' | awk -F'[=,]' '/name=\"data\"/ { if (\$4 + 0 > 200000) found = 1 } END { exit !found }'"
expect "three partitions as they were" test "$(sfdisk --dump "$p/disk" | grep -c 'name="\(esp\|root-a\|root-b\)"')" = 3
expect "ext4" test "$(blkid -p -s TYPE -o value "$p/part")" = ext4
expect "plain, and it says so" grep -qx plain "$p/run/dca-board/data"
expect "what the table of board/README.md says" sh -c "for d in /etc/dca /var/lib/dca /var/lib/softhsm /var/log/journal; do grep -q -- \"--bind .* $p\$d\\\$\" '$p/mounts' || exit 1; done"
first=$(uuid)
expect "second boot" data
expect "nothing is formatted again" test "$first" = "$(uuid)"
echo reset >"$p/efi/dca/wipe"
echo tamper >"$p/efi/dca/frozen"
expect "after a reset" data
expect "it is another file system" test "$first" != "$(uuid)"
expect "all of the partition is written over, and no more" test "$(stat -c %s "$p/part")" = $((64 << 20))
expect "done once, and not frozen any more" test ! -e "$p/efi/dca/wipe" -a ! -e "$p/efi/dca/frozen"
truncate -s 0 "$p/part"
truncate -s 64M "$p/part"
echo tamper >"$p/efi/dca/frozen"
says "frozen, and its /data erased" "tampered with" data
rm "$p/efi/dca/frozen"
mkswap -q "$p/part"
says "what is not ours" "holds swap: not ours, left alone" data
expect "is left alone" test "$(blkid -p -s TYPE -o value "$p/part")" = swap

echo "--- floor"
floor() { "$box/floor" --prefix "$p" "$@"; }
for n in 64 -1 x '' 007; do says "floor \"$n\"" "0 to 63" floor "$n"; done
expect "to 3" floor 3
expect "in /data" test "$(cat "$p/data/board/floor") $(cat "$p/run/dca-board/floor")" = "3 3 data"
says "what cannot be kept" "" sh -c "chmod 500 '$p/data/board'; rm -f '$p/data/board/floor'; mkdir '$p/data/board/floor.new'; '$box/floor' --prefix '$p' 4 || { echo; exit 1; }"
rm -rf "$p/data/board"
mkdir "$p/data/board"
echo 5 >"$p/data/board/floor"
expect "to 4: stays 5" floor 4
expect "never lower" grep -qx "5 data" "$p/run/dca-board/floor"
sed -i 's/tpm = no/tpm = yes/' "$p/usr/lib/dca/board.conf"
: >"$p/dev/tpmrm0"
nv=$p/nv
printf '#!/bin/sh\n[ -e %s ]\n' "$nv" >"$p/usr/bin/tpm2_nvreadpublic"
printf '#!/bin/sh\n[ ! -e %s/broken ] && echo 0 >%s\n' "$p" "$nv" >"$p/usr/bin/tpm2_nvdefine"
cat >"$p/usr/bin/tpm2_nvsetbits" <<S
#!/bin/bash
while [ "\$1" != -i ]; do shift; done
echo \$((\$(cat $nv) | \$2)) >$nv
S
cat >"$p/usr/bin/tpm2_nvread" <<S
#!/bin/bash
printf "\$(printf %016x "\$(cat $nv)" | sed 's/../\\\\x&/g')"
S
chmod +x "$p"/usr/bin/tpm2_*
: >"$p/broken"
says "a TPM that does not" "the TPM does not define index" floor 1
rm "$p/broken"
for n in 0 1 9 63 2; do expect "TPM: to $n" floor $n; done
expect "TPM: never lower" grep -qx "63 tpm" "$p/run/dca-board/floor"
[ $failures = 0 ] || { echo "$failures not ok"; exit 1; }
