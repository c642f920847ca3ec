#!/bin/sh
# vps-docker-keep-alive COMMAND [ARG...]: runs COMMAND, and while it runs the container is not stopped, neither for
# being idle nor for its age.
#
# COMMAND takes this process over: signals and exit code are its own. What is left behind is a file named by the
# process and its start, which says nothing any more once that process is gone, however it went. A COMMAND that
# goes on in the background and ends itself is not waited for.
set -eu
marks=/run/vps-docker/keep-alive

# 125: the command was not run, as with env, nice and timeout.
fail() { printf 'vps-docker-keep-alive: %s\n' "$*" >&2; exit 125; }

[ $# -gt 0 ] || fail 'give a command, such as: vps-docker-keep-alive make test'
read -r stat <"/proc/$$/stat" || fail 'cannot read /proc'
# What follows the name; the start is the 20th of it.
mark=$$-$(
    # shellcheck disable=SC2086
    set -- ${stat##*)}
    printf %s "${20}"
)
for file in "$marks"/*-*; do
    process=${file##*/}
    [ -e "/proc/${process%-*}" ] || rm -f "$file" 2>/dev/null || :
done
{ : >"$marks/$mark"; } 2>/dev/null || fail "cannot write to $marks; touch the file keep-alive in the data volume instead"
exec "$@"
