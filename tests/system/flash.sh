#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# dca-flash with a release made by Debian's tools: sfdisk, zstd, bmaptool,
# sha256sum, openssl cms. What must be on a device afterwards is what the
# image holds (cmp), or what bmaptool itself puts there; every refusal is
# provoked, on files, and on loop devices where they may be used (as root).
# usage: flash.sh BUILD-DIRECTORY
# shellcheck disable=SC2317 # functions are called by name
set -euo pipefail
bin=$(cd "$1" && pwd)/bin
for tool in openssl zstd sfdisk bmaptool mke2fs debugfs flock; do
	PATH=$PATH:/sbin:/usr/sbin command -v $tool >/dev/null ||
		{ echo "*** SKIPPED, NOTHING WAS TESTED: install $tool ***" >&2; exit 77; }
done
export PATH=$PATH:/sbin:/usr/sbin LC_ALL=C
# mounts of this test end with it, whatever happens
if [ -z "${FLASH_OWN_MOUNTS-}" ] && unshare --mount true 2>/dev/null; then
	FLASH_OWN_MOUNTS=1 exec unshare --mount --propagation private "$0" "$@"
fi
tmp=$(mktemp -d)
loops=() swap='' children=()
clean() {
	[ -z "$swap" ] || swapoff "$swap" || true
	[ ${#children[@]} = 0 ] || kill "${children[@]}" 2>/dev/null || true
	umount -q "$tmp/mnt" || true
	[ ${#loops[@]} = 0 ] || {
		for loop in "${loops[@]}"; do partx -d "$loop" 2>/dev/null || true; done
		losetup -d "${loops[@]}" || true
	}
	rm -rf "$tmp"
}
trap clean EXIT
cd "$tmp"
mkdir mnt

failures=0 skipped=''
bad() {
	echo "NOT OK: $*"
	sed 's/^/    /' "$tmp/out"
	failures=$((failures + 1))
}
# run CODE RULE WHAT COMMAND...: exit code, and the rule that is named; "done"
# or "dry run" when it must succeed.
run() {
	local want=$1 rule=$2 what=$3 rc=0
	shift 3
	"$@" >"$tmp/out" 2>&1 </dev/null || rc=$?
	if [ $rc != "$want" ]; then
		bad "$what: exit $rc, not $want"
	elif [ "$want" = 0 ] && ! grep -q "^result *$rule" "$tmp/out"; then
		bad "$what: the result is not $rule"
	elif [ "$want" != 0 ] && ! grep -q "rule *$rule " "$tmp/out"; then
		bad "$what: rule $rule is not named"
	elif [ "$want" = 1 ] && ! grep -q "nothing was written" "$tmp/out"; then
		bad "$what: does not say that nothing was written"
	elif [ "$want" = 3 ] && ! grep -q "WAS WRITTEN TO AND DOES NOT HOLD" "$tmp/out"; then
		bad "$what: does not say that the device is unusable"
	else
		echo "ok: $what"
	fi
}
says() { # TEXT...: each stands in what the last command printed
	for text in "$@"; do
		grep -qF -- "$text" "$tmp/out" || bad "does not say \"$text\""
	done
}
skip() {
	echo "*** SKIPPED: $* ***" >&2
	skipped+=" $*;"
}
flash() { "$bin/dca-flash" --keyring "$tmp/release.pem" --yes "$@"; }
quiet() { "$@" >"$tmp/out" 2>&1 || { cat "$tmp/out"; exit 1; }; }
same() { cmp "$@" >>"$tmp/out" 2>&1 || bad "not the same: $*"; }
ones() { head -c "$2" /dev/zero | tr '\0' '\377' >"$1"; }

# --- who signs: a lab CA, its release signer, and others of the same CA ---
certificate() { # NAME FROM UNTIL EXTENSION...
	local name=$1 from=$2 until=$3
	shift 3
	printf '%s\n' "$@" >"$name.ext"
	quiet openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -keyout "$name.key" \
		-subj "/O=Lab/CN=$name" -out "$name.csr"
	quiet openssl ca -config ca.cnf -batch -notext -in "$name.csr" -startdate "$from" \
		-enddate "$until" -extfile "$name.ext" -out "$name.pem"
}
authority() { # NAME
	quiet openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -keyout "$1.key" -out "$1.pem" \
		-subj "/O=Lab/CN=$1" -days 30
}
authority ca
authority other-ca
: >index.txt
cat >ca.cnf <<'CNF'
[ca]
default_ca = lab
[lab]
certificate = ca.pem
private_key = ca.key
database = index.txt
new_certs_dir = .
default_md = sha256
policy = names
rand_serial = yes
[names]
organizationName = supplied
commonName = supplied
CNF
now=$(date -u -d yesterday +%Y%m%d000000Z)
later=$(date -u -d '30 days' +%Y%m%d000000Z)
ku=keyUsage=critical,digitalSignature
certificate release "$now" "$later" $ku extendedKeyUsage=codeSigning
certificate old 20250101000000Z "$now" $ku extendedKeyUsage=codeSigning
certificate web "$now" "$later" $ku extendedKeyUsage=serverAuth
certificate cipher "$now" "$later" keyUsage=critical,keyEncipherment
certificate plain "$now" "$later" $ku

# sums DIR: writes SHA256SUMS; sign DIR [SIGNER [ARGUMENT...]]
sums() { (cd "$1" && rm -f SHA256SUMS* && sha256sum -- *.img.* >SHA256SUMS); }
sign() {
	local dir=$1 signer=${2-release}
	shift
	[ $# = 0 ] || shift
	openssl cms -sign -binary -outform DER -md sha256 -signer "$signer.pem" -inkey "$signer.key" \
		"$@" -in "$dir/SHA256SUMS" -out "$dir/SHA256SUMS.sig"
}
# release DIR IMAGE [ZSTD-ARGUMENT...]: as dca-image leaves it
release() {
	local dir=$1 image=$2
	shift 2
	mkdir -p "$dir"
	bmaptool -q create "$image" -o "$dir/dca.img.bmap"
	zstd -q -f "$@" "$image" -o "$dir/dca.img.zst"
	sums "$dir"
	sign "$dir"
}

# mapped FILE: puts the blocks of the image that its map names into the file
mapped() {
	sed -n 's/.*<Range[^>]*> *\([0-9]*\)-*\([0-9]*\) *<.*/\1 \2/p' good/dca.img.bmap |
		while read -r from to; do
			dd if=disk.img of="$1" bs=4096 skip="$from" seek="$from" \
				count=$((${to:-$from} - from + 1)) conv=notrunc status=none
		done
}

# --- an image with holes: GPT, a file system, octets of no kind ---
size=$((12 << 20))
truncate -s $size disk.img
sfdisk -q disk.img <<'S'
label: gpt
size=2MiB,name=esp
size=4MiB,name=root-a
name=data
S
head -c 850000 /dev/urandom | dd of=disk.img bs=1M seek=1 conv=notrunc status=none
mke2fs -q -F -L rootfs -E offset=$((3 << 20)) disk.img 4M
release good disk.img
image=good/dca.img.zst
[ "$(grep -c '<Range' good/dca.img.bmap)" -ge 3 ] || { echo "the image has no holes"; exit 1; }

echo "--- written"
run 0 'done' "into a new file" flash $image new.img
says "signed by  CN=release,O=Lab" "a new file" "reading back: 100 %"
same disk.img new.img
[ "$(wc -l <out)" -le 50 ] || bad "more than lines of progress"

ones used.img $((size + 5000))
cp used.img expected.img
mapped expected.img
run 0 'done' "over a used file: its empty blocks stay" flash $image used.img
says "a file" "12587912 octets"
same used.img expected.img
same -n $size new.img disk.img
run 0 "dry run" "dry run over it" flash --dry-run $image used.img
says "gpt, 3" "2 4.0 MiB root-a, ext2 rootfs" "nothing was written"
same used.img expected.img
run 0 "dry run" "dry run, no such file" flash --dry-run $image none.img
[ ! -e none.img ] || bad "a dry run made a file"
ones whole.img $((size + 5000))
run 0 'done' "--erase: zeros elsewhere" flash --erase $image whole.img
same -n $size whole.img disk.img
truncate -s 5000 zeros
tail -c 5000 whole.img >behind
same behind zeros
run 0 'done' "--erase, a new file" flash --erase $image whole-new.img
same whole-new.img disk.img
mkdir -p bare
cp $image bare/
sums bare
sign bare
ones bare.img $size
run 0 'done' "no block map: all of it" flash bare/dca.img.zst bare.img
says "no block map lies beside the image"
same bare.img disk.img
mkdir -p elsewhere
cd elsewhere
run 0 'done' "relative names" flash ../good/dca.img.zst ../relative.img
cd ..
same relative.img disk.img
cd good
run 0 'done' "an image in this folder" flash dca.img.zst ../here.img
cd ..
same here.img disk.img

# what may differ in a release
head -c $((5 << 20)) disk.img >first
tail -c +$((5 * 1048576 + 1)) disk.img >second
mkdir -p frames
cp good/dca.img.bmap frames/
zstd -q -c first >frames/dca.img.zst
zstd -q -c second >>frames/dca.img.zst
sums frames
sign frames
run 0 'done' "two zstd frames" flash frames/dca.img.zst frames.img
same frames.img disk.img
truncate -s 3000700 odd.raw
head -c 100000 /dev/urandom | dd of=odd.raw bs=1 seek=2900700 conv=notrunc iflag=fullblock status=none
release odd odd.raw
run 0 'done' "a last block that is cut" flash odd/dca.img.zst odd.img
same odd.img odd.raw
head -c 4M /dev/urandom >dense.raw
release dense dense.raw
run 0 'done' "one range, to the last octet" flash dense/dca.img.zst dense.img
same dense.img dense.raw
truncate -s 2M holes.raw
release holes holes.raw
run 0 'done' "nothing but holes" flash holes/dca.img.zst holes.img
same holes.img holes.raw
cp -r good star
sed -i 's/  / */' star/SHA256SUMS
sign star
run 0 'done' "sums of sha256sum --binary" flash star/dca.img.zst star.img
sign star release -nocerts
run 0 'done' "a signature without its certificate" flash star/dca.img.zst star.img
sign star release -noattr
run 0 'done' "a signature without attributes" flash star/dca.img.zst star.img
sign star plain
run 0 'done' "the keyring is a CA" "$bin/dca-flash" --keyring ca.pem --yes star/dca.img.zst star.img
says "signed by  CN=plain,O=Lab"

echo "--- not that release"
# refuses WHAT RULE DIR TEXT...: nothing happens to a file that is there
ones keep.img $size
cp keep.img kept.img
refuses() {
	local what=$1 rule=$2 dir=$3
	shift 3
	run 1 "$rule" "$what" flash "$dir/dca.img.zst" keep.img
	says "$@"
	same keep.img kept.img
}
change() { # DIR: a copy of the good release to be changed
	rm -rf "$1"
	cp -r good "$1"
}
change no-sums
rm no-sums/SHA256SUMS
refuses "no sums" flash-signature no-sums "SHA256SUMS is missing"
change no-sig
rm no-sig/SHA256SUMS.sig
refuses "no signature" flash-signature no-sig "SHA256SUMS.sig is missing"
run 2 io "no keyring" "$bin/dca-flash" --keyring "$tmp/none.pem" --yes $image keep.img
says "keyring: "
run 1 flash-signature "a keyring without a certificate" "$bin/dca-flash" --keyring release.key --yes $image keep.img
says "no PEM certificate"
run 1 flash-signature "another keyring" "$bin/dca-flash" --keyring other-ca.pem --yes $image keep.img
says "certificate verify error"
change wrong
sign wrong other-ca
refuses "signed by another" flash-signature wrong "certificate verify error"
change two
openssl cms -sign -binary -outform DER -signer release.pem -inkey release.key -signer other-ca.pem \
	-inkey other-ca.key -in two/SHA256SUMS -out two/SHA256SUMS.sig
refuses "signed by two, one of them unknown" flash-signature two "certificate verify error"
change garbage
head -c 500 /dev/urandom >garbage/SHA256SUMS.sig
refuses "a signature that is none" flash-signature garbage "is not one CMS message"
change more
echo >>more/SHA256SUMS.sig
refuses "octets behind the signature" flash-signature more "is not one CMS message"
change altered
echo "# nothing" >>altered/SHA256SUMS
refuses "altered sums" flash-signature altered "content verify error"
for kind in web:"not for code signing" cipher:"not for signatures"; do
	change misused
	sign misused "${kind%%:*}"
	run 1 flash-signature "a certificate of the CA that is ${kind#*:}" \
		"$bin/dca-flash" --keyring ca.pem --yes misused/dca.img.zst keep.img
	says "${kind#*:}"
done
change expired
sign expired old
run 1 flash-signature "an expired certificate" "$bin/dca-flash" --keyring ca.pem --yes expired/dca.img.zst keep.img
says "expired"
change image
printf 'X' | dd of=image/dca.img.zst bs=1 seek=400000 conv=notrunc status=none
refuses "an altered image" flash-sum image "its SHA-256 is not that of SHA256SUMS"
change map
sed -i 's/0-/1-/' map/dca.img.bmap
refuses "an altered block map" flash-sum map "dca.img.bmap: its SHA-256"
change unsigned-map
sed -i '/bmap/d' unsigned-map/SHA256SUMS
sign unsigned-map
refuses "a block map that is not signed" flash-sum unsigned-map "dca.img.bmap stands nowhere"
change unlisted
sed -i '/zst/d' unlisted/SHA256SUMS
sign unlisted
refuses "an image that is not signed" flash-sum unlisted "dca.img.zst stands nowhere"
change twice
cat good/SHA256SUMS good/SHA256SUMS >twice/SHA256SUMS
sign twice
refuses "two sums of one file" flash-sum twice "more than once"
change hex
sed -i 's/^..../wxyz/' hex/SHA256SUMS
sign hex
refuses "a sum that is none" flash-sum hex "not 64 hex digits"

echo "--- signed, and no image"
resign() { sums "$1" && sign "$1"; }
mv image/dca.img.zst image/dca.img
run 1 flash-image "a name that is none" flash image/dca.img keep.img
says "does not end in .img.zst"
mkdir -p folder/dca.img.zst
echo >folder/SHA256SUMS
sign folder
refuses "a folder" flash-image folder "is not a file"
change empty
: >empty/dca.img.zst
resign empty
refuses "an empty file" flash-image empty "is empty"
change short
truncate -s -20000 short/dca.img.zst
resign short
refuses "a truncated stream" flash-image short "ends too early"
change junk
head -c 100000 /dev/urandom >junk/dca.img.zst
resign junk
refuses "no zstd at all" flash-image junk "Unknown frame descriptor"
change trailing
echo "and more" >>trailing/dca.img.zst
resign trailing
refuses "octets behind the stream" flash-image trailing "Unknown frame descriptor"
change window
zstd -q -f --long=28 -1 <disk.img >window/dca.img.zst
resign window
refuses "more memory than zstd needs by itself" flash-image window "too much memory"
change longer
cat disk.img first | zstd -q -c >longer/dca.img.zst
resign longer
refuses "longer than its map" flash-image longer "which its map says"
change shorter
zstd -q -c first >shorter/dca.img.zst
resign shorter
refuses "shorter than its map" flash-image shorter "its map says 12582912"
# the map of another image: a sum differs
change other
head -c 850000 /dev/urandom | dd of=disk.img bs=1M seek=1 conv=notrunc status=none
bmaptool -q create disk.img -o other/dca.img.bmap
resign other
refuses "another image's sums in the map" flash-bmap other "another SHA-256 than the map says"
# the map of an emptier image: data outside of it
change emptier
truncate -s 0 disk.img
truncate -s $size disk.img
bmaptool -q create disk.img -o emptier/dca.img.bmap
resign emptier
refuses "data that the map leaves out" flash-bmap emptier "leaves out data"
change xml
sed -i '/BlockSize/d' xml/dca.img.bmap
resign xml
refuses "a map that is none" flash-bmap xml "BlockSize is missing"
cp new.img disk.img

echo "--- not that device"
ones small.img $((size - 1))
run 1 flash-small "a file too small" flash $image small.img
says "has 12582911 octets" "the image 12582912"
: >empty.img
run 1 flash-small "an empty file" flash $image empty.img
run 1 flash-device "a folder" flash $image elsewhere
run 1 flash-device "a character device" flash $image /dev/full
says "neither a block device nor a file"
run 1 flash-device "no such folder" flash $image "$tmp/no/such"
run 1 flash-device "no such device" flash $image /dev/dca-no-such-disk
says "no file is made in /dev"
cp -r good self
run 1 flash-device "the image itself" flash self/dca.img.zst self/dca.img.zst
ln -s self/SHA256SUMS link
run 1 flash-device "a link to a file of the release" flash self/dca.img.zst link
same self/SHA256SUMS good/SHA256SUMS
same self/dca.img.zst $image
run 2 io "a folder that cannot be written" flash $image /proc/dca.img
(exec 9<used.img && flock 9 && exec sleep 60) &
children+=($!)
until ! flock -n used.img true; do sleep 0.05; done
run 1 flash-busy "a file that another program has locked" flash $image used.img
says "has locked it"
kill $!
wait $! 2>/dev/null || true
root=$(findmnt -nvo SOURCE / || true)
if [ -b "$root" ]; then
	disk=/dev/$(basename "$(dirname "$(realpath "/sys/class/block/$(basename "$root")")")")
	[ -e "/sys/class/block/$(basename "$root")/partition" ] || disk=$root
	run 1 flash-device "the disk this system runs from" flash --dry-run $image "$disk"
	says "this system runs from it"
else
	skip "the disk this system runs from: $root is none"
fi

echo "--- asked first"
ask() { # CODE RULE WHAT ANSWER
	local rc=0
	printf '%b' "$4" | "$bin/dca-flash" --keyring release.pem $image keep.img >out 2>&1 || rc=$?
	[ $rc = "$1" ] || bad "$3: exit $rc, not $1"
	grep -q "$2" out || bad "$3: $2 is not said"
	echo "ok: $3"
}
ask 1 flash-unconfirmed "no answer" ''
ask 1 flash-unconfirmed "yes is no answer" 'yes\n'
ask 1 flash-unconfirmed "nor is another device" "$tmp/keep.img2\n"
same keep.img kept.img
ask 0 "Type $tmp/keep.img to go on" "the name" "$tmp/keep.img\n"
same -n 4096 keep.img disk.img

# While the question waits: the image is altered, the device becomes another,
# somebody gives up.
meanwhile() { # COMMAND...: done while the question waits; then the name is typed
	mkfifo answer
	env --default-signal=INT "$bin/dca-flash" --keyring release.pem $release target.img \
		>out 2>&1 <answer &
	pid=$!
	exec 7>answer
	until grep -q "to go on" out; do sleep 0.05; done
	"$@"
	(
		trap '' PIPE
		printf '%s\n' "$tmp/target.img" >&7
	) 2>/dev/null || true
	exec 7>&-
	rc=0
	wait $pid || rc=$?
	rm answer
}
expect() { # CODE RULE WHAT
	[ $rc = "$1" ] || bad "$3: exit $rc, not $1"
	grep -q "rule *$2 " out || bad "$3: rule $2 is not named"
	echo "ok: $3"
}
change raced
release=raced/dca.img.zst
ones target.img $size
alter() { printf 'X' | dd of=raced/dca.img.zst bs=1 seek="$1" conv=notrunc status=none; }
meanwhile alter 400000
expect 3 flash-sum "the image is altered after it was verified"
says "WAS WRITTEN TO AND DOES NOT HOLD"
change raced
meanwhile truncate -s 300000 raced/dca.img.zst
expect 3 flash-sum "the image is cut after it was verified"
release=$image
ones target.img $size
move() { mv target.img moved.img && ones target.img $((size + 1)); }
meanwhile move
expect 1 flash-busy "the device becomes another"
says "nothing was written" "became another"
ones expected.img $((size + 1))
same target.img expected.img
gives_up() {
	kill -INT "$pid"
	while grep -q dca-flash "/proc/$pid/comm" 2>/dev/null && ! grep -q "^dca-flash" out; do sleep 0.05; done
}
meanwhile gives_up
expect 2 flash-stopped "SIGINT while the question waits"
says "stopped by SIGINT" "nothing was written"
same target.img expected.img

echo "--- a bar on a terminal"
COLUMNS=80 script -qec "'$bin/dca-flash' --keyring release.pem --yes $image bar.img" /dev/null >out </dev/null ||
	bad "on a terminal"
grep -q $'\r''writing  *\[#' out || bad "no bar on a terminal"
same bar.img disk.img

echo "--- a device that fails"
# strace puts faults into single system calls: to dca-flash the kernel, and so
# the device, behaves like that. LeakSanitizer cannot work beside it.
faulty() { # FAULT ARGUMENT...
	local fault=$1
	shift
	ASAN_OPTIONS=detect_leaks=0 strace -f -qq -o trace -e "trace=${fault%%:*}" -e "inject=$fault" \
		"$bin/dca-flash" --keyring release.pem --yes "$@"
}
if ASAN_OPTIONS=detect_leaks=0 strace -qq -o trace -e trace=none true 2>/dev/null; then
	ones bad.img $size
	run 3 flash-broken "a write that was never done" faulty pwrite64:retval=4096:when=2 $image bad.img
	says "reads ff" "was written"
	run 3 flash-broken "a write error" faulty pwrite64:error=EIO:when=2 $image bad.img
	says "cannot write" "Input/output error"
	run 3 flash-broken "no space" faulty pwrite64:error=ENOSPC:when=3 $image bad-new.img
	says "No space left on device"
	run 3 flash-broken "an error when the caches are written out" faulty fsync:error=EIO $image bad.img
	says "cannot write" "Input/output error"
	# no fault yet; the last call finds the end of the image, the one before
	# reads the device
	run 0 'done' "a run to count the reads" faulty pread64:delay_exit=0 $image bad.img
	back=$(($(grep -c pread64 trace) - 1))
	run 3 flash-broken "a read error when it is read back" faulty "pread64:error=EIO:when=$back" $image bad.img
	says "cannot read back"
	run 3 flash-stopped "SIGINT while it is written" faulty pwrite64:signal=SIGINT:when=3 $image bad.img
	says "stopped by SIGINT"
	run 3 flash-stopped "SIGTERM while it is read back" faulty "pread64:signal=SIGTERM:when=$back" $image bad.img
	says "stopped by SIGTERM"
	run 3 flash-broken "an erasing that was never done" faulty ftruncate:retval=0 --erase $image bad.img
	says "reads ff, 00 was written"
	run 3 flash-broken "an erasing that fails" faulty ftruncate:error=EIO --erase $image bad.img
	says "cannot erase"
	run 0 'done' "once more, and nothing fails" flash $image bad.img
	same -n 4096 bad.img disk.img
else
	skip "failing devices: install strace, and let it trace"
fi

finish() {
	[ $failures = 0 ] || { echo "$failures failures"; exit 1; }
	echo "dca-flash holds${skipped:+; skipped:$skipped}"
	exit 0
}
if [ "$(id -u)" != 0 ] || [ -z "${FLASH_OWN_MOUNTS-}" ] || ! losetup -f >/dev/null 2>&1; then
	skip "block devices: not root, or no loop devices here"
	finish
fi
attach() { # FILE [ARGUMENT...]: a loop device over it, in $dev
	local file=$1
	shift
	dev=$(losetup -f --show "$@" "$file")
	loops+=("$dev")
}

echo "--- a medium that keeps one block for two"
# A file of ext2 whose block 3 is block 300 too: as in counterfeit cards. Only
# who reads from the medium, not from the cache, finds out.
truncate -s 40M card.fs
mke2fs -q -F -t ext2 -b 4096 card.fs
ones card.img $size
debugfs -w -R "write card.img card.img" card.fs >/dev/null 2>&1
debugfs -w -R "sif card.img block[3] $(debugfs -R "bmap card.img 300" card.fs 2>/dev/null)" card.fs >/dev/null 2>&1
attach card.fs
mount -t ext2 "$dev" mnt
run 3 flash-broken "two blocks in one place" flash $image mnt/card.img
says "octet 12288 reads"
umount mnt

echo "--- block devices"
ones disk.raw $((size + (1 << 20)))
cp disk.raw expected.raw
attach expected.raw
expected=$dev
bmaptool -q copy --bmap good/dca.img.bmap disk.img "$expected"
attach disk.raw
run 0 'done' "a disk: as bmaptool does" flash $image "$dev"
says "model      $tmp/disk.raw" "partitions none"
same "$dev" "$expected"
run 0 "dry run" "dry run over it" flash --dry-run $image "$dev"
says "2 4.0 MiB root-a, ext2 rootfs"
run 0 'done' "--erase a disk" flash --erase $image "$dev"
says "erasing: 100 %"
cp new.img expected.raw
truncate -s $((size + (1 << 20))) expected.raw
same "$dev" expected.raw
if command -v strace >/dev/null; then
	run 0 'done' "a run to count the calls" faulty ioctl:delay_exit=0 --erase $image "$dev"
	zero=$(grep -n BLKZEROOUT trace | cut -d: -f1)
	run 3 flash-broken "a disk that cannot be erased" faulty "ioctl:error=EIO:when=$zero" --erase $image "$dev"
	says "cannot erase near octet 0"
	run 3 flash-stopped "SIGHUP while it is erased" faulty "ioctl:signal=SIGHUP:when=$zero" --erase $image "$dev"
	says "stopped by SIGHUP"
fi
run 1 flash-busy "a file that a loop device is over" flash $image disk.raw
says "$dev is over it"

ones in-use.raw $((size + (1 << 20)))
mke2fs -q -F in-use.raw
attach in-use.raw
mount "$dev" mnt
run 1 flash-busy "a mounted disk" flash $image "$dev"
says "is mounted on $tmp/mnt"
run 1 flash-busy "a mounted disk, dry run" flash --dry-run $image "$dev"
umount mnt
# shellcheck disable=SC2016
unshare --mount --propagation private sh -c 'mount "$1" mnt && touch mounted && exec sleep 60' sh "$dev" &
children+=($!)
until [ -e mounted ]; do sleep 0.05; done
run 1 flash-busy "mounted where only the kernel sees it" flash $image "$dev"
says "the kernel says that it is in use"
run 1 flash-busy "mounted where only the kernel sees it, dry run" flash --dry-run $image "$dev"
kill $!
wait $! 2>/dev/null || true
e2fsck -fn "$dev" >out 2>&1 || bad "a refused disk was written to"

cp disk.img parts.raw
attach parts.raw
if partx --add "$dev" && [ -b "${dev}p2" ]; then
	run 1 flash-device "a partition" flash $image "${dev}p2"
	says "is a partition"
	mount "${dev}p2" mnt
	run 1 flash-busy "a disk with a mounted partition" flash $image "$dev"
	says "$(basename "$dev")p2 is mounted on $tmp/mnt"
	umount mnt
	mkswap -q "${dev}p3"
	if swapon "${dev}p3" 2>/dev/null; then
		swap=${dev}p3
		run 1 flash-busy "a disk with a swap partition" flash $image "$dev"
		says "$(basename "$dev")p3 is swap"
		swapoff "$swap"
		swap=
	else
		skip "a disk with a swap partition: no swap here"
	fi
	run 0 'done' "when nothing uses it any more" flash $image "$dev"
else
	skip "partitions: this kernel gives loop devices none"
fi

attach small.img
run 1 flash-small "a disk too small" flash $image "$dev"
truncate -s $size fixed.raw
attach fixed.raw --read-only
run 1 flash-device "a read-only disk" flash $image "$dev"
says "read-only"
attach fixed.raw --sector-size 4096
run 1 flash-device "sectors of 4096 octets" flash $image "$dev"
says "has sectors of 4096 octets"
run 1 flash-small "a loop device over nothing" flash $image "$(losetup -f)"

finish
