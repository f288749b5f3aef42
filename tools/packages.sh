# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# The Debian packages this project needs (bookworm and trixie), in one place;
# sourced by quickstart and test.

PACKAGES_BUILD=(gcc libc6-dev cmake ninja-build pkg-config libssl-dev
	libcoap3-dev libcbor-dev libsqlite3-dev libcurl4-openssl-dev
	libseccomp-dev libp11-dev libp11-kit-dev libcmocka-dev libjansson-dev
	libmicrohttpd-dev libzstd-dev libexpat1-dev libblkid-dev)
PACKAGES_RUN=(softhsm2 nginx-light openssl curl ca-certificates libcoap3-bin
	procps)
PACKAGES_TEST=(clang clang-tidy cppcheck valgrind gnutls-bin jq sqlite3
	iproute2 systemd python3 libclang-rt-dev mandoc bmap-tools zstd fdisk
	cryptsetup-bin e2fsprogs strace bsdutils pebble
	# a TPM in software; the -dev ones bring what has another name in trixie
	swtpm libtpm2-pkcs11-1 tpm2-abrmd dbus-daemon libtss2-dev libtss2-tcti-tabrmd-dev)
# tools/dca-image itself, and tests/image (QEMU, Secure Boot, a TPM)
# shellcheck disable=SC2034
PACKAGES_IMAGE=(mmdebstrap debian-archive-keyring util-linux kmod xz-utils git
	openssl)
# shellcheck disable=SC2034
PACKAGES_IMAGE_FOREIGN=(qemu-user-static) # an image for another architecture
# shellcheck disable=SC2034
PACKAGES_IMAGE_TEST=(qemu-system-x86 ovmf qemu-system-arm qemu-efi-aarch64
	qemu-user-static mtools dosfstools python3 coreutils)

as_root() {
	if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

# Install what is missing, and only that; no service is started by it.
install_packages() {
	local missing=() p
	[ -r /etc/debian_version ] || {
		echo "not Debian: install the like of: $*" >&2
		return 0
	}
	for p in "$@"; do
		dpkg-query -W -f='${db:Status-Status}\n' "$p" 2>/dev/null |
			grep -qx installed || missing+=("$p")
	done
	[ ${#missing[@]} -gt 0 ] || return 0
	echo "installing: ${missing[*]}"
	local policy=/usr/sbin/policy-rc.d made='' rc=0
	if [ ! -e $policy ]; then
		printf '#!/bin/sh\nexit 101\n' | as_root tee $policy >/dev/null
		as_root chmod 755 $policy
		made=1
	fi
	as_root env DEBIAN_FRONTEND=noninteractive sh -c \
		'apt-get update -q && apt-get install -qy --no-install-recommends "$@"' \
		sh "${missing[@]}" >"${PACKAGES_LOG:=$(mktemp)}" 2>&1 || rc=$?
	[ -z "$made" ] || as_root rm -f $policy
	[ $rc = 0 ] || {
		tail -n 15 "$PACKAGES_LOG" >&2
		echo "apt-get failed; its whole output is in $PACKAGES_LOG" >&2
		return 1
	}
}
