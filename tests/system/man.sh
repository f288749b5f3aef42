#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Every program has --help and a man page, the page names every option that
# any --help of the program names, and mandoc has nothing to say about it.
# usage: man.sh BUILD-DIRECTORY
set -euo pipefail
bin=$(cd "$1" && pwd)/bin
man=$(cd "$(dirname "$0")/../../tools/man" && pwd)
failures=0
bad() { echo "NOT OK: $*"; failures=$((failures + 1)); }
options() { grep -oE '^ +--[a-z][a-z0-9-]+' | tr -d ' ' | sort -u; }
commands() { # of a --help: the lower-case words that begin a line
	sed -n '/^Commands:/,/^$/s/^  \([a-z][a-z-]*\( [a-z][a-z-]*\)\{0,1\}\).*/\1/p'
}
for program in "$bin"/dca*; do
	name=$(basename "$program")
	page=$(find "$man" -name "$name.[18]")
	[ -n "$page" ] || { bad "$name has no page"; continue; }
	help=$("$program" --help) || { bad "$name --help"; continue; }
	"$program" --version >/dev/null || bad "$name --version"
	all=$help
	while read -r command; do
		[ -n "$command" ] || continue
		# "chain verifies ..." is the command chain
		# shellcheck disable=SC2086
		one=$("$program" $command --help 2>/dev/null) ||
			one=$("$program" "${command%% *}" --help) || bad "$name $command --help"
		all+=$'\n'$one
	done < <(commands <<<"$help")
	n=0
	for option in $(options <<<"$all"); do
		n=$((n + 1))
		grep -qE -- "Fl -${option#--}( |\$)" "$page" || bad "$name: $option is not in $(basename "$page")"
	done
	[ $n -ge 3 ] || bad "$name: only $n options in its help"
	echo "$name: $n options"
done
if command -v mandoc >/dev/null; then
	mandoc -T lint -W warning "$man"/* || bad "mandoc"
fi
[ $failures = 0 ]
