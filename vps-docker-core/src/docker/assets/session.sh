#!/bin/sh
# What sshd runs for every session (ForceCommand): the command that was asked for, with the container's
# environment and in its working directory, just as `docker exec` would run it.
#
# The file it reads is written by entrypoint.sh at each start of the container. It changes to the working
# directory, exports the variables, and puts `env NAME=value` in front of "$@" for names a shell cannot hold.

# For the idle watcher on the VPS: a session may begin and end between two of its looks.
{ true >/run/vps-docker/session; } 2>/dev/null || true
: "${SHELL:=/bin/sh}"
if [ -n "${SSH_ORIGINAL_COMMAND+set}" ]; then
    set -- "$SHELL" -c "$SSH_ORIGINAL_COMMAND"
else
    set -- "$SHELL" -l
fi
# shellcheck source=/dev/null
[ ! -r /run/vps-docker/environment ] || . /run/vps-docker/environment
# bash reads ~/.bashrc for a command of sshd only when no shell seems to be around it.
unset SSH_ORIGINAL_COMMAND SHLVL OLDPWD
exec "$@"
