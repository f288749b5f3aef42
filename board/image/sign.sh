# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154,SC2016 # variables of tools/dca-image; inner shells
# Everything that is signed, by keys that stay in a token: the boot loader and
# the UKI for Secure Boot, the bundle and the sums for whoever installs them.
# The clock of a signature is the release's, so that RSA signs the same twice.

# The folder with what reaches the token: bound at /lab in the build chroot.
sign_env() {
	build_env=(SOFTHSM2_CONF=/lab/softhsm2.conf PKCS11_MODULE_PATH="$module")
	build_env+=(RAUC_PKCS11_MODULE="$module")
}

# Throw-away keys for labs and tests, made once in a SoftHSM token in DIR. The
# certificates are good for ten years from the first of the year of release.
lab_make() { # DIR
	[ -s "$1/release.pem" ] && return
	mkdir -p "$1/tokens"
	chmod 700 "$1"
	printf 'directories.tokendir = /lab/tokens\nobjectstore.backend = file\nlog.level = ERROR\n' \
		>"$1/softhsm2.conf"
	openssl rand -hex 8 | tr -d '\n' >"$1/pin"
	in_build sh -ec '
		umask 077
		pin=$(cat /lab/pin)
		softhsm2-util --init-token --free --label dca-lab --pin "$pin" --so-pin "$pin"
		n=0
		for name in PK KEK db release; do
			n=$((n + 1))
			openssl genpkey -quiet -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out /tmp/key
			softhsm2-util --import /tmp/key --token dca-lab --label $name --id 0$n --pin "$pin"
			faketime -f "@$(date -u -d "@$SOURCE_DATE_EPOCH" +%Y)-01-01 00:00:00" \
				openssl req -x509 -new -key /tmp/key -sha256 -days 3650 \
				-subj "/O=LAB, NOT FOR PRODUCTION/CN=dca lab $name" -out /lab/$name.pem
			rm -f /tmp/key
		done' >&3
}

# Variables of the firmware that QEMU has, with the lab's keys in them and no
# others, and Secure Boot on.
lab_firmware() { # TEMPLATE OUT
	[ -r "$1" ] && [ ! -s "$2" ] || return 0
	cp "$1" "$work/template.fd"
	in_build sh -ec '
		guid=0dca0000-0000-4000-8000-00000000005b
		virt-fw-vars --input template.fd --output vars.fd --secure-boot \
			--delete PK --delete KEK --delete db --delete dbx \
			--set-pk $guid /lab/PK.pem --add-kek $guid /lab/KEK.pem \
			--add-db $guid /lab/db.pem' >&3
	cp "$work/vars.fd" "$2"
}

# A clock that stands still: FAT has times in its folders, CMS has one, too.
at_release() { # COMMAND...: in the build chroot, at the time of the release
	in_build faketime -f "$(date -u -d "@$epoch" '+%F %T')" "$@"
}

# A PE file, for Secure Boot.
sign_efi() { # IN OUT
	at_release sbsign --engine pkcs11 --key "$sb_key;pin-source=file:/lab/pin" \
		--cert db.pem --output "$2" "$1" >&3
	in_build sbverify --cert db.pem "$2" >&3
}

# A detached CMS signature, DER, as tools/dca-flash wants it.
sign_sums() { # FILE OUT
	at_release openssl cms -sign -binary -outform DER -nosmimecap \
		-signer release.pem -engine pkcs11 -keyform engine \
		-inkey "$release_key;pin-source=file:/lab/pin" \
		-in "$1" -out "$2" >&3
}
