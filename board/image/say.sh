# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# How tools/dca-image speaks: numbered steps with the seconds they took, the
# output of commands in one log, and of a failure the end of that log.

step_n=0 step_name='' step_start=0
step() { # NAME: ends the step before, begins this one
	step_end
	step_n=$((step_n + 1)) step_name=$* step_start=$(date +%s%N)
	printf '[%2d] %s' "$step_n" "$step_name"
	[ ! -t 1 ] || printf ' ...'
	printf '== %s\n' "$step_name" >&3
}
step_end() {
	[ -n "$step_name" ] || return 0
	local ms=$((($(date +%s%N) - step_start) / 1000000))
	[ ! -t 1 ] || printf '\r[%2d] %s' "$step_n" "$step_name"
	printf ' (%d.%d s)\n' $((ms / 1000)) $((ms % 1000 / 100))
	step_name=''
}
say() { printf '     %s\n' "$*"; }
die() { # MESSAGE [WHAT TO DO]
	printf '\ndca-image: %s\n' "$1" >&2
	shift
	[ $# = 0 ] || printf '  %s\n' "$@" >&2
	exit 1
}
# shellcheck disable=SC2154 # log
failed() {
	local rc=$?
	printf '\ndca-image: step %d failed: %s (exit %d); the end of %s:\n' \
		"$step_n" "${step_name:-getting ready}" "$rc" "$log" >&2
	tail -n 15 "$log" >&2
	exit 1
}
