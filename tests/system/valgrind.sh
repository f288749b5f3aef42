#!/usr/bin/env bash
# A thousand certificates through the vault under valgrind: nothing lost, no
# error. usage: valgrind.sh BUILD-DIRECTORY (without sanitizers)
set -euo pipefail
build=$(cd "$1" && pwd)
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cat >"$tmp/dca-vault" <<W
#!/bin/sh
exec valgrind --leak-check=full --show-leak-kinds=definite --log-file=$tmp/log \\
	$build/bin/dca-vault "\$@"
W
chmod +x "$tmp/dca-vault"
"$build/tests/bench/bench-issue" "$tmp/dca-vault" 1000 | grep '^issued'
grep -E 'definitely lost|ERROR SUMMARY|no leaks' "$tmp/log"
grep -Eq 'definitely lost: 0 bytes|no leaks are possible' "$tmp/log"
grep -q 'ERROR SUMMARY: 0 errors' "$tmp/log"
