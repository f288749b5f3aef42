# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# What Debian gives to the image, and to the chroot that builds it. The whole
# set with its versions is board/packages.lock.
# shellcheck disable=SC2034 # read by name

suite=trixie

# On the box. The kernel is the board's (board.conf, [image] kernel).
packages_root=(systemd systemd-sysv systemd-resolved systemd-cryptsetup udev
	dbus kmod iproute2 e2fsprogs dosfstools fdisk cryptsetup-bin
	busybox-static rauc rauc-service chrony nginx-light curl
	ca-certificates openssl softhsm2 tpm2-tools libtpm2-pkcs11-1
	libtss2-tcti-device0t64 libcoap3t64 libcbor0.10 libsqlite3-0
	libcurl4t64 libseccomp2 libjansson4 libp11-3t64 libgpiod3)

# The compiler and the image's tools: the same ones on every engineer's
# machine, whatever that one runs.
packages_build=(gcc libc6-dev cmake ninja-build pkg-config libssl-dev
	libcoap3-dev libcbor-dev libsqlite3-dev libcurl4-openssl-dev
	libseccomp-dev libp11-dev libp11-kit-dev libjansson-dev
	libmicrohttpd-dev libzstd-dev libexpat1-dev libblkid-dev libgpiod-dev
	squashfs-tools cryptsetup-bin mtools dosfstools fdisk zstd cpio kmod
	systemd-ukify systemd-boot-efi sbsigntool libengine-pkcs11-openssl
	softhsm2 rauc faketime bmap-tools openssl python3-virt-firmware jq)

# For a box of another architecture: a compiler that runs here, the libraries of
# the box, and what the unit tests need under qemu-user.
packages_cross=(gcc gcc-aarch64-linux-gnu libc6-dev cmake ninja-build pkgconf
	libp11-kit-dev qemu-user {libc6-dev,libssl-dev,libcoap3-dev}:arm64
	{libcbor-dev,libsqlite3-dev,libcurl4-openssl-dev,libseccomp-dev}:arm64
	{libp11-dev,libjansson-dev,libmicrohttpd-dev,libzstd-dev}:arm64
	{libexpat1-dev,libblkid-dev,libgpiod-dev,libcmocka-dev,softhsm2}:arm64)
