# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154,SC2016 # variables of tools/dca-image; inner shells
# Debian roots by mmdebstrap: exactly the versions of the lock file, made once
# and kept as tar files in the cache; and how a command runs inside one.

# Anything here that changes what a root holds must change this number.
chroot_format=2

lock_of() { # SET: "package version architecture" lines of the lock file
	sed -n "s/^$1 //p" "$lock"
}

chroot_key() { # SET PACKAGE...: names the root in the cache
	local set=$1
	shift
	{
		printf '%s\n' "$chroot_format" "$set" "$mirror" "$@"
		if [ -n "$nolock" ]; then date -u +%F; else lock_of "$set"; fi
	} | sha256sum | cut -c 1-16
}

# Versions of the lock file before all others; it is compared afterwards too,
# since apt takes another one where that is gone.
lock_preferences() { # SET FILE
	[ -z "$nolock" ] || return 0
	lock_of "$1" | while read -r package version architecture; do
		printf 'Package: %s:%s\nPin: version %s\nPin-Priority: 1001\n\n' \
			"$package" "$architecture" "$version"
	done >"$2"
}

lock_compare() { # SET MANIFEST
	[ -z "$nolock" ] || return 0
	local differ
	differ=$(diff <(lock_of "$1" | LC_ALL=C sort) <(LC_ALL=C sort "$2") | grep '^[<>]' || true)
	[ -n "$differ" ] || return 0
	echo "$differ" >&3
	die "the mirror gives other packages than board/packages.lock ($(grep -c '^>' <<<"$differ") differ)" \
		"$(head -n 6 <<<"$differ")" \
		"'tools/dca-image $board --update-lock' takes the new ones into the lock file, for a review;" \
		"--no-lock builds with them without asking, which is not a release"
}

# chroot_make SET ARCHITECTURE TAR PACKAGE...: TAR, and beside it TAR.manifest
chroot_make() {
	local set=$1 arch=$2 tar=$3 hooks
	shift 3
	hooks=$(mktemp -d "$work/mm.XXXXXX")
	: >"$hooks/preferences"
	lock_preferences "$set" "$hooks/preferences"
	# how this machine reaches its mirror, and whether by a snapshot of it (the
	# lock file has the versions, whatever its age); nothing else of its apt
	apt-config dump | grep -E '^Acquire::(https?|Retries|ForceIPv[46]|Check-(Valid-Until|Date))' \
		>"$hooks/acquire" || true
	# INITRD: the kernel's package makes none, which nobody would read
	SOURCE_DATE_EPOCH=0 INITRD=No mmdebstrap --mode=root --variant=minbase --format=tar \
		--architectures="$arch" \
		--aptopt='APT::Install-Recommends "false"' \
		--aptopt='Acquire::Languages "none"' \
		--dpkgopt='path-exclude=/usr/share/man/*' \
		--dpkgopt='path-exclude=/usr/share/info/*' \
		--dpkgopt='path-exclude=/usr/share/locale/*' \
		--dpkgopt='path-exclude=/usr/share/lintian/*' \
		--dpkgopt='path-exclude=/usr/share/doc/*' \
		--dpkgopt='path-include=/usr/share/doc/*/copyright' \
		--dpkgopt=force-unsafe-io \
		--setup-hook="cp $hooks/acquire \"\$1\"/etc/apt/apt.conf.d/50dca-image" \
		--setup-hook="cp $hooks/preferences \"\$1\"/etc/apt/preferences" \
		--customize-hook="chroot \"\$1\" dpkg-query -W -f '\${Package} \${Version} \${Architecture}\n' >$hooks/manifest" \
		--customize-hook="chroot \"\$1\" dpkg-query -W -f '\${Package}\t\${Version}\t\${Architecture}\t\${source:Package}\t\${source:Version}\t\${Homepage}\n' >$hooks/sbom" \
		--customize-hook="rm -f \"\$1\"/etc/apt/preferences \"\$1\"/etc/apt/apt.conf.d/50dca-image" \
		--include="$(IFS=,; echo "$*")" \
		"$suite" "$tar.new" \
		"deb $mirror $suite main" "deb $mirror $suite-updates main" \
		"deb $mirror_security $suite-security main" >&3 2>&3
	lock_compare "$set" "$hooks/manifest"
	LC_ALL=C sort "$hooks/manifest" >"$tar.manifest"
	LC_ALL=C sort "$hooks/sbom" >"$tar.sbom"
	mv "$tar.new" "$tar"
}

# chroot_get SET ARCHITECTURE PACKAGE...: sets REPLY to the tar in the cache
chroot_get() {
	local set=$1 arch=$2 tar
	shift 2
	tar=$cache/${set/:/-}-$(chroot_key "$set" "$@").tar
	[ -s "$tar" ] || (flock 9; [ -s "$tar" ] || chroot_make "$set" "$arch" "$tar" "$@") 9>"$tar.lock"
	REPLY=$tar
}

# The build chroot lies unpacked in the cache and is never written to: work
# goes to /w, which is $work, and /src is this checkout.
build_unpack() { # TAR
	build_root=${1%.tar}
	[ -e "$build_root/.ready" ] && return
	rm -rf --one-file-system "${build_root:?}"
	mkdir -p "$build_root"
	tar -C "$build_root" -xf "$1"
	mkdir -p "$build_root/w" "$build_root/src" "$build_root/lab"
	touch "$build_root/.ready"
}

# in_build COMMAND...: in namespaces of its own, so that no mount and no
# process outlives it; as at the time of the release (faketime is for what
# has no SOURCE_DATE_EPOCH).
in_build() {
	env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/w LC_ALL=C.UTF-8 \
		SOURCE_DATE_EPOCH="$epoch" TZ=UTC MTOOLS_SKIP_CHECK=1 \
		"${build_env[@]}" \
		unshare --mount --pid --fork --kill-child sh -ec '
			root=$1 work=$2 src=$3 lab=$4
			shift 4
			mount --bind "$root" "$root"
			mount -o remount,bind,ro "$root"
			mount -t proc proc "$root/proc"
			mount --rbind /dev "$root/dev"
			mount -t tmpfs tmpfs "$root/tmp"
			mount --bind "$work" "$root/w"
			mount --bind "$src" "$root/src"
			mount -o remount,bind,ro "$root/src"
			[ -z "$lab" ] || mount --bind "$lab" "$root/lab"
			cd "$root"
			exec chroot . sh -ec "cd /w && exec \"\$@\"" sh "$@"' \
		sh "$build_root" "$work" "$top" "$lab" "$@" 2>&3
}
