# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154,SC2016 # variables of tools/dca-image; inner shells
# The root file system: Debian, the program, the overlay; then less of it.

# What a box has of the program; the rest is for other machines.
programs=(dca-vault dca-front dca-publisher dca-upstream dca-board dcactl
	dca-ceremony dca-verify)

program_build() { # into $work/stage
	local build_root=$build_root cross=()
	if foreign; then
		cross_unpack
		cross=(-DCMAKE_TOOLCHAIN_FILE=/w/cross.cmake)
	fi
	in_build cmake -S /src -B /w/program -G Ninja \
		-DCMAKE_BUILD_TYPE=RelWithDebInfo -DDCA_WERROR=ON -DDCA_TESTS=OFF \
		-DCMAKE_INSTALL_PREFIX=/usr "${cross[@]}" >&3
	in_build cmake --build /w/program -j "$(nproc)" >&3
	in_build env DESTDIR=/w/stage cmake --install /w/program --strip >&3
}

program_install() {
	local p stage=$work/stage
	for p in "${programs[@]}"; do
		[ ! -e "$stage/usr/bin/$p" ] || install -m 755 -t "$root/usr/bin" "$stage/usr/bin/$p"
	done
	[ -x "$root/usr/bin/dca-vault" ] || die "the build made no dca-vault" "see $log"
	cp -r "$stage"/usr/lib/{systemd,sysusers.d,tmpfiles.d,dca} "$root/usr/lib/"
	cp -r --no-preserve=ownership "$top"/board/units/*.d "$root/usr/lib/systemd/system/"
	# a customer's machine, not a box
	rm -f "$root"/usr/lib/systemd/system/dca-enroll@*
	mkdir -p "$root/usr/share/dca"
	install -m 644 "$top/firmware/publisher/nginx.conf.in" "$root/usr/share/dca/nginx.conf.in"
}

overlay_install() {
	cp -r --no-preserve=ownership "$top/board/overlay/." "$root/"
	mkdir -p "$root"/{data,efi,etc/dca,usr/lib/dca,usr/share/dca}
	install -m 644 "$top/board/box/common" "$root/usr/lib/dca/common"
	install -m 644 "$top/board/$board/board.conf" "$root/usr/lib/dca/board.conf"
	install -m 644 "$work/release.pem" "$root/usr/share/dca/release.pem"
	sed -i "s/@COMPATIBLE@/$(board_get image compatible)/; s/@VERSION@/$version/" \
		"$root/etc/rauc/system.conf"
	sed -i 's/^PRETTY_NAME=.*/PRETTY_NAME="Delegate CA appliance '"$version"'"/' "$root/usr/lib/os-release"
	printf 'IMAGE_ID=dca\nIMAGE_VERSION=%s\n' "$version" >>"$root/usr/lib/os-release"
	# nothing that issues asks for a name: not before sysinit.target, as Debian has
	# it, but beside what does (order cannot be taken away by a drop-in)
	sed '/^Before=/s/sysinit.target network.target //; s/^WantedBy=.*/WantedBy=multi-user.target/; /^After=/s/$/ dca-front.service/' \
		"$root/usr/lib/systemd/system/systemd-resolved.service" >"$root/etc/systemd/system/systemd-resolved.service"
	grep -q '^Before=nss-lookup.target' "$root/etc/systemd/system/systemd-resolved.service" &&
		grep -q '^WantedBy=multi-user' "$root/etc/systemd/system/systemd-resolved.service" ||
		die "systemd-resolved.service is not what it was" "see overlay_install in board/image/root.sh"
	# bind-mounted over by the initrd, written by resolved and by nobody
	: >"$root/etc/machine-id"
	ln -sf /run/systemd/resolve/resolv.conf "$root/etc/resolv.conf"
	echo dca >"$root/etc/hostname"
	chroot "$root" systemd-sysusers >&3 2>&3
	chroot "$root" systemctl preset-all >&3 2>&3
	# Debian's is for group softhsm only; there is no secret in it
	chmod 755 "$root/etc/softhsm"
	chmod 644 "$root/etc/softhsm/softhsm2.conf"
	# nobody logs in: no password, no shell on the console
	chroot "$root" usermod -p '!*' root >&3 2>&3
}

# The modules in these folders go, but for those that another one needs: an
# Ethernet driver may want an mtd, or a gnss.
modules_slim() { # MODULES FOLDER...
	local m=$1
	shift
	printf '%s\n' "$@" | awk '
		function goes(f) {
			while (sub("/[^/]*$", "", f)) if (f in gone) return 1
			return 0
		}
		NR == FNR { gone[$1]; next }
		{ sub(":$", "", $1); file[$1] = goes($1) }
		!file[$1] { for (i = 2; i <= NF; i++) wanted[$i] }
		END { for (f in file) if (file[f] && !(f in wanted)) print f }' - "$m/modules.dep" |
		(cd "$m" && xargs -r rm -f)
	find "$m/kernel" -depth -type d -empty -delete
}

# Debian's ways of changing itself, documentation, drivers of what no server
# has. What is taken away here was never used on the box: a test that boots it
# is the proof.
root_slim() {
	local m=$root/usr/lib/modules/$kernel p
	m=${m%/}
	for p in boot/* var/cache/* var/lib/apt var/lib/dpkg/info var/log/* var/lib/systemd \
		etc/apt etc/kernel etc/initramfs-tools etc/cron.* etc/update-motd.d \
		usr/share/{bash-completion,zsh,bug,perl5,debconf,initramfs-tools,man,info,locale,lintian,doc-base,menu,pixmaps,polkit-1} \
		usr/share/{keyrings,apport,apt,python3,reportbug,common-licenses/GFDL*} \
		usr/lib/{apt,dpkg,initramfs-tools,kernel,systemd/boot,udev/hwdb.d,udev/hwdb.bin,rsyslog,x86_64-linux-gnu/gconv,aarch64-linux-gnu/gconv} \
		usr/lib/*-linux-gnu/{perl-base,perl,libapt-*,systemd/libsystemd-core-never} \
		usr/bin/{perl*,apt*,dpkg*,debconf*,update-alternatives,deb-systemd-*} \
		usr/sbin/{dpkg-*,update-initramfs,mkinitramfs,update-passwd,update-rc.d,invoke-rc.d}; do
		# shellcheck disable=SC2086 # patterns
		rm -rf --one-file-system "${root:?}"/$p
	done
	# no units but those on the verified root; no rules for what no box has, no
	# folders: each costs every start a process or every device a line
	rm -f "$root"/usr/lib/systemd/system-generators/systemd-{cryptsetup,getty,gpt-auto,hibernate-resume,integritysetup,rc-local,run,ssh,system-update,sysv,tpm2,veritysetup}-generator \
		"$root"/usr/lib/udev/rules.d/{50-firmware,60-autosuspend,60-cdrom_id,60-drm,60-evdev,60-fido-id,60-infiniband,60-input-id,60-persistent-alsa,60-persistent-input,60-persistent-storage-mtd,60-persistent-storage-tape,60-persistent-v4l,60-sensor,64-btrfs,70-camera,70-joystick,70-memory,70-mouse,70-power-switch,70-touchpad,70-uaccess,71-seat,73-seat-late,75-probe_mtd,78-sound-card,90-iocost,96-e2scrub}.rules
	rm -f "$root"/usr/lib/tmpfiles.d/{20-systemd-shell-extra,20-systemd-ssh-generator,20-systemd-stub,credstore,home,journal-nocow,legacy,libselinux1,passwd,provision,static-nodes-permissions,systemd-nologin,systemd-pstore,systemd-tmp,x11}.conf
	rm -rf "$m"/{build,source,vmlinuz}
	modules_slim "$m" kernel/sound \
		kernel/drivers/{accel,accessibility,atm,bluetooth,comedi,firewire,gnss,gpu,hid,iio,infiniband,input,isdn,media,memstick,mmc,mtd,nfc,parport,pcmcia,soundwire,staging,target,thunderbolt,ufs,video,w1} \
		kernel/drivers/net/{arcnet,can,fddi,hamradio,ieee802154,ppp,slip,usb,wan,wireless,wwan} \
		kernel/drivers/usb/{atm,c67x00,gadget,image,misc,serial,usbip} \
		kernel/fs/{ceph,nfs,nfsd,smb,ocfs2,gfs2,btrfs,xfs,f2fs,jfs,afs,udf,orangefs,nilfs2,ntfs3,bcachefs,reiserfs,9p,coda,hfs,hfsplus,ubifs,jffs2,erofs,dlm,minix,ufs,affs,befs,zonefs} \
		kernel/net/{sctp,ceph,openvswitch,bluetooth,wireless,mac80211,tipc,rds,batman-adv,can,nfc,ieee802154,mac802154,6lowpan,sunrpc,9p,rxrpc,atm,x25,ax25,netrom,rose,appletalk,dccp,l2tp,mpls,qrtr,smc,mptcp}
	in_build depmod -b /w/root "$kernel"
	# made by programs at run time, with a time in them
	rm -rf "$root"/var/lib/{dpkg,ucf,pam,private,systemd} "$root"/etc/{ld.so.cache~,.pwd.lock} \
		"$root"/var/cache/ldconfig
	find "$root/usr" "$root/etc" -name __pycache__ -prune -exec rm -rf {} +
	find "$root/etc" -name '*-' -type f -delete
}

root_make() {
	mkdir -p "$root"
	tar -C "$root" -xf "$root_tar"
	kernel=$(basename "$(echo "$root"/usr/lib/modules/*)")
	cp "$root/boot/vmlinuz-$kernel" "$work/vmlinuz"
	cp -r "$root/usr/lib/systemd/boot/efi" "$work/efi"
	program_install
	overlay_install
	initrd_make initrd.img
	root_slim
}

# root.img, verity.img and the root hash in $verity
root_pack() {
	# the salt is not a secret: it must be the same when built again
	local salt
	salt=$(printf 'dca %s %s' "$board" "$version" | sha256sum | cut -c 1-64)
	# it takes its times from one of the two, and refuses to have both
	in_build env -u SOURCE_DATE_EPOCH mksquashfs root root.img -comp zstd -Xcompression-level 15 \
		-all-time "$epoch" -mkfs-time "$epoch" -noappend -no-xattrs -no-progress -processors 2 >&3
	[ "$(stat -c %s "$work/root.img")" -le $((root_mib << 20)) ] ||
		die "the root needs $(($(stat -c %s "$work/root.img") >> 20)) MiB, a slot has $root_mib" \
			"take something away in board/image/root.sh"
	in_build veritysetup format root.img verity.img --salt="$salt" \
		--uuid=0dca0000-0000-4000-8000-0000000000aa >"$work/verity.txt"
	cat "$work/verity.txt" >&3
	# shellcheck disable=SC2034 # for the command line and the papers
	verity=$(awk '/^Root hash:/ { print $3 }' "$work/verity.txt")
}
