# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154 # variables of tools/dca-image
# A box of another architecture than the build chroot: the program is
# cross-built in a chroot that has both; what runs inside the box's root while
# it is made (Debian's packages, ours) runs under qemu-user.

foreign() { [ "$architecture" != amd64 ]; }

# The kernel is told, once until it is started again, who runs programs of that
# architecture, in a chroot, too (F: the interpreter is opened now).
foreign_ready() {
	local misc=/proc/sys/fs/binfmt_misc conf=/usr/lib/binfmt.d/qemu-aarch64.conf
	[ "$architecture" = arm64 ] || die "no way to run programs for $architecture here"
	[ -e $misc/register ] || mount -t binfmt_misc binfmt_misc $misc
	[ ! -e $misc/qemu-aarch64 ] || return 0
	[ -r $conf ] || die "no $conf" "install qemu-user-static"
	cat $conf >$misc/register
	say "binfmt_misc: qemu-aarch64 registered"
}

# The chroot with the cross compiler becomes build_root, /w/cross.cmake says
# where it is; $work must be there.
cross_unpack() {
	chroot_get "cross:$architecture" "amd64,$architecture" "${packages_cross[@]}"
	build_unpack "$REPLY"
	cat >"$work/cross.cmake" <<-'C'
		set(CMAKE_SYSTEM_NAME Linux)
		set(CMAKE_SYSTEM_PROCESSOR aarch64)
		set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
		set(CMAKE_CROSSCOMPILING_EMULATOR qemu-aarch64)
		set(ENV{PKG_CONFIG_LIBDIR} /usr/lib/aarch64-linux-gnu/pkgconfig:/usr/share/pkgconfig)
	C
}
