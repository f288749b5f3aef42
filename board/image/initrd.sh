# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154,SC2016 # variables of tools/dca-image; inner shells
# The initrd: busybox, veritysetup, the modules that board.conf names, init.

# modules of the kernel that every board needs before its root is there
# or, like loop for RAUC, before somebody loads it for it
initrd_modules=(dm-verity squashfs vfat nls_ascii nls_cp437 ext4 efivarfs
	loop)
applets=(sh cat cp cut dd echo expr grep head insmod ln mkdir mount mv od rm
	sed sleep switch_root sync tr umount)

initrd_libraries() { # PROGRAM: what it is linked with, as the root has it
	chroot "$root" ldd "$1" | grep -oE '/[^ ]+\.so[^ ]*'
}

# In the order of loading, unpacked: no modprobe, no xz in there.
initrd_module_files() {
	local m
	for m in "${initrd_modules[@]}" $(board_get image initrd_modules); do
		chroot "$root" modprobe -S "$kernel" --show-depends "$m" 2>&3 ||
			die "kernel $kernel has no module '$m'" \
				"board/$board/board.conf, [image] initrd_modules names it"
	done | awk '$1 == "insmod" && !seen[$2]++ { print $2 }'
}

initrd_make() { # OUT
	local dir=$work/initrd f to
	rm -rf "$dir"
	mkdir -p "$dir"/{bin,dev,proc,sys,run,sysroot,lib,modules.d,usr}
	ln -s ../bin "$dir/usr/bin"
	ln -s ../lib "$dir/usr/lib"
	ln -s lib "$dir/lib64"
	cp "$root/usr/bin/busybox" "$root/usr/sbin/veritysetup" "$dir/bin/"
	for f in "${applets[@]}"; do ln -s busybox "$dir/bin/$f"; done
	initrd_libraries /usr/sbin/veritysetup | while read -r f; do
		# where the loader looks, whatever the architecture
		to=$dir/lib${f#*/lib}
		case $f in /lib64/*) to=$dir/lib/${f##*/} ;; esac
		mkdir -p "${to%/*}"
		cp -L "$root$f" "$to"
	done
	initrd_module_files >"$work/modules"
	while read -r f; do
		to=/modules.d/$(basename "${f%.xz}")
		case $f in
		*.xz) xz -dc "$root$f" >"$dir$to" ;;
		*) cp "$root$f" "$dir$to" ;;
		esac
		echo "$to"
	done <"$work/modules" >"$dir/modules"
	cp "$top/board/initrd/init" "$dir/init"
	chmod -R u=rwX,go=rX "$dir"
	find "$dir" -exec touch -h -d "@$epoch" {} +
	in_build sh -ec 'cd initrd
		find . -print0 | LC_ALL=C sort -z |
			cpio --null --create --format=newc --reproducible --owner=0:0 --quiet |
			zstd -q -19 -T1 >"/w/$1"' sh "$1"
}
