# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154,SC2016 # variables of tools/dca-image; inner shells
# UKI, ESP and disk, as board/README.md has them; no loop device, no mount.

esp_mib=128 root_mib=160 verity_mib=8

case $architecture in
amd64) efi_name=BOOTX64.EFI efi_arch=x64 root_type=4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709 verity_type=2C7357ED-EBD2-46D9-AEC1-23D437EC2BF5 ;;
arm64) efi_name=BOOTAA64.EFI efi_arch=aa64 root_type=B921B045-1DF0-41C3-AF44-4C6F280D3FAE verity_type=DF3300CE-D69F-4C92-978C-9BFB0F38D820 ;;
esac

# What the kernel is told, and nobody can change: it is in the signed UKI.
# No credentials from the firmware's tables, no units made up by generators.
command_line() {
	echo "console=$(board_get image console) quiet loglevel=4 panic=10" \
		"systemd.gpt_auto=no systemd.getty_auto=no systemd.import_credentials=no" \
		"dca.verity=$verity dca.security=$security dca.board=$board" \
		"dca.tpm=$(board_get board tpm)" ${debug_shell:+"systemd.debug_shell=$debug_shell"} ${append:+"$append"}
}

uki_make() { # dca.efi, signed; unsigned.efi beside it
	cp "$root/usr/lib/os-release" "$work/os-release"
	in_build ukify build --linux=vmlinuz --initrd=initrd.img \
		--stub="efi/linux$efi_arch.efi.stub" --os-release=@os-release \
		--uname="$kernel" --cmdline="$(command_line)" --efi-arch="$efi_arch" \
		--output=unsigned.efi >&3
	sign_efi unsigned.efi dca.efi
}

esp_make() { # esp.img
	sign_efi "efi/systemd-boot$efi_arch.efi" "$efi_name"
	# a key on a serial line would open the menu, which waits for ever, and some
	# keys in it are kept in the firmware's variables
	printf 'timeout menu-disabled\nconsole-mode keep\neditor no\nauto-firmware no\nauto-entries no\nsecure-boot-enroll off\n' \
		>"$work/loader.conf"
	touch -d "@$epoch" "$work"/{dca.efi,"$efi_name",loader.conf}
	rm -f "$work/esp.img"
	truncate -s ${esp_mib}M "$work/esp.img"
	# mtools write the present time into folders
	at_release sh -ec '
		mkfs.vfat --invariant -i 0dca0001 -n ESP -F 32 esp.img
		mmd -i esp.img ::EFI ::EFI/BOOT ::EFI/Linux ::loader ::dca
		mcopy -m -i esp.img "$1" ::EFI/BOOT/
		mcopy -m -i esp.img dca.efi ::EFI/Linux/dca-a+3.efi
		mcopy -m -i esp.img loader.conf ::loader/' sh "$efi_name" >&3
}

# The disk up to the empty slot b; the box adds `data` behind it.
disk_make() { # disk.img
	local root_size=$((root_mib << 11)) verity_size=$((verity_mib << 11)) at=2048
	local esp_size=$((esp_mib << 11)) disk=$work/disk.img
	rm -f "$disk"
	truncate -s $((1 + esp_mib + 2 * (root_mib + verity_mib) + 1))M "$disk"
	part() { # LABEL SIZE TYPE NUMBER
		printf 'start=%d,size=%d,type=%s,name=%s,uuid=0DCA0000-0000-4000-8000-00000000000%d\n' \
			"$at" "$2" "$3" "$1" "$4"
		at=$((at + $2))
	}
	{
		printf 'label: gpt\nlabel-id: 0DCA0000-0000-4000-8000-000000000000\n'
		part esp $esp_size C12A7328-F81F-11D2-BA4B-00A0C93EC93B 1
		part root-a $root_size "$root_type" 2
		part verity-a $verity_size "$verity_type" 3
		part root-b $root_size "$root_type" 4
		part verity-b $verity_size "$verity_type" 5
	} | in_build sfdisk -q disk.img >&3
	put() { # FILE MIB
		[ "$(stat -c %s "$work/$1")" -le $(($3 << 20)) ] ||
			die "$1 is larger than its partition, $3 MiB"
		dd if="$work/$1" of="$disk" bs=1M seek="$2" conv=notrunc,sparse status=none
	}
	put esp.img 1 $esp_mib
	put root.img $((1 + esp_mib)) $root_mib
	put verity.img $((1 + esp_mib + root_mib)) $verity_mib
}
