# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154,SC2016 # variables of tools/dca-image; inner shells
# What goes out: the disk compressed with its map, the bundle, the papers, and
# the sums over all of it with a signature.

bundle_make() { # FILE
	local in=$work/bundle
	rm -rf "$in" "${work:?}/$1"
	mkdir -p "$in"
	ln "$work/root.img" "$work/verity.img" "$work/dca.efi" "$in/"
	cat >"$in/manifest.raucm" <<-M
		[update]
		compatible=$(board_get image compatible)
		version=$version
		[bundle]
		format=verity
		[meta.dca]
		security=$security
		verity=$verity
		[image.rootfs]
		filename=root.img
		[image.verity]
		filename=verity.img
	M
	find "$in" -exec touch -d "@$epoch" {} +
	at_release sh -ec 'RAUC_PKCS11_PIN=$(cat /lab/pin) exec rauc "$@"' sh bundle --cert=release.pem --key="$release_key" \
		--keyring=release.pem \
		--mksquashfs-args="-comp zstd -Xcompression-level 1 -all-root -no-xattrs" \
		bundle "$1" >&3
}

image_pack() { # NAME: NAME.zst, and the map of the disk as it is unpacked
	# holes where there are zeros, wherever the file system had put them
	cp --sparse=always "$work/disk.img" "$work/$1"
	in_build bmaptool -q create -o "${1%.img}.img.bmap" "$1" >&3
	in_build zstd -q -f -T2 -12 "$1" -o "$1.zst"
}

# SPDX 2.3: every Debian package with its version, and the program itself.
sbom_make() { # FILE
	in_build jq -Rn --arg name "dca-$board-$version" --arg version "$version" \
		--arg created "$(date -u -d "@$epoch" +%FT%TZ)" --arg commit "$commit" '
		def id: gsub("[^A-Za-z0-9.-]"; "-");
		[inputs | split("\t")] as $rows |
		{ spdxVersion: "SPDX-2.3", dataLicense: "CC0-1.0", SPDXID: "SPDXRef-DOCUMENT",
		  name: $name, documentNamespace: "urn:dca:\($name):\($commit)",
		  creationInfo: { created: $created, creators: ["Tool: dca-image"] },
		  packages: ([{ SPDXID: "SPDXRef-dca", name: "delegate-ca", versionInfo: $version,
			downloadLocation: "NOASSERTION", filesAnalyzed: false,
			licenseConcluded: "Apache-2.0", licenseDeclared: "Apache-2.0",
			copyrightText: "NOASSERTION", sourceInfo: "commit \($commit)" }] +
		    [$rows[] | { SPDXID: "SPDXRef-deb-\(.[0] | id)-\(.[2])", name: .[0],
			versionInfo: .[1], downloadLocation: "NOASSERTION", filesAnalyzed: false,
			licenseConcluded: "NOASSERTION", licenseDeclared: "NOASSERTION",
			copyrightText: "NOASSERTION", supplier: "Organization: Debian",
			sourceInfo: "built from \(.[3]) \(.[4])",
			externalRefs: [{ referenceCategory: "PACKAGE-MANAGER", referenceType: "purl",
			  referenceLocator: "pkg:deb/debian/\(.[0] | @uri)@\(.[1] | @uri)?arch=\(.[2])" }] }]),
		  relationships: ([{ spdxElementId: "SPDXRef-DOCUMENT", relationshipType: "DESCRIBES",
			relatedSpdxElement: "SPDXRef-dca" }] +
		    [$rows[] | { spdxElementId: "SPDXRef-dca", relationshipType: "DEPENDS_ON",
			relatedSpdxElement: "SPDXRef-deb-\(.[0] | id)-\(.[2])" }]) }' \
		<"$root_tar.sbom" >"$1"
}

notes_make() { # FILE
	cat >"$1" <<-N
		Delegate CA appliance $version for $board ($architecture)
		security version  $security
		commit            $commit
		date              $(date -u -d "@$epoch" +%FT%TZ)
		kernel            $kernel
		root hash         $verity
		signed by         $(in_build openssl x509 -in release.pem -noout -subject | sed 's/^subject=//')
		Secure Boot       $(in_build openssl x509 -in db.pem -noout -fingerprint -sha256 | sed 's/.*=//')

		Changes since ${since:-the beginning}:
		$(git -C "$top" log -n 200 --no-decorate --format='  %h %s' "${since:+$since..}HEAD")
	N
	[ -z "$lab_keys" ] || printf '\nLAB KEYS, NOT FOR PRODUCTION: whoever has the lab folder can sign.\n' >>"$1"
}

sums_make() { # in $out
	(cd "$out" && find . -maxdepth 1 -type f ! -name 'SHA256SUMS*' ! -name '*.log' -printf '%P\n' |
		LC_ALL=C sort | xargs sha256sum) >"$work/SHA256SUMS"
	sign_sums SHA256SUMS SHA256SUMS.sig
	cp "$work"/SHA256SUMS "$work"/SHA256SUMS.sig "$out/"
}
