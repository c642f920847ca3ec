#!/bin/sh
# Runs a command at the other end, for RemoteCommand.
#
#   run-command.sh INPUT LINES DIRECTORY COMMAND [ARG...]
#
# LINES of shell text are read from the head of stdin: the environment, which would be seen by everybody in
# arguments. `read` takes one byte at a time from what cannot be sought, so the rest of stdin is COMMAND's.
#
# INPUT says what that rest is: `pipe` and `tty:ROWS:COLUMNS` are handed over; with `none` COMMAND reads /dev/null, and the end
# of stdin means that nobody waits any more, so everything here is ended. That is how a command ends whose
# caller was killed: sshd itself would let it run.
#
# A line on stdout says that COMMAND begins, or why not; what a login script printed stands before it. This shell
# stays, to tell a signal by an exit code (128 + its number): ssh does not carry it.
set -eu

# Both ends get the signals of a terminal. COMMAND decides what they mean: traps are not handed down.
trap : HUP INT QUIT TERM
vpsd_input=$1 vpsd_lines=$2 vpsd_directory=$3
shift 3
# The process group, by which all of this can be ended from another session.
read -r _ _ _ _ vpsd_group _ </proc/$$/stat

case $vpsd_input in
tty:*)
    # `docker exec` gives a terminal its size only after the command has begun.
    vpsd_size=${vpsd_input#tty:}
    stty rows "${vpsd_size%:*}" cols "${vpsd_size#*:}" 2>/dev/null || :
    vpsd_input=tty
    ;;
esac
if [ "$vpsd_input" = tty ] && [ "$vpsd_lines" -gt 0 ]; then
    vpsd_modes=$(stty -g)
    stty raw -echo
    echo 'vps-docker-command reads'
fi
vpsd_text=
while [ "$vpsd_lines" -gt 0 ]; do
    IFS= read -r vpsd_line
    vpsd_text="$vpsd_text$vpsd_line
"
    vpsd_lines=$((vpsd_lines - 1))
done
[ -z "${vpsd_modes-}" ] || stty "$vpsd_modes"

if [ "$vpsd_input" = none ]; then
    # By way of 4: a shell gives /dev/null to what it runs in the background.
    exec 4<&0 </dev/null
    {
        while read -r vpsd_line; do :; done
        trap '' TERM
        kill -TERM 0
        PATH=${PATH:+$PATH:}/usr/bin:/bin
        sleep 5
        kill -KILL 0
    } <&4 4<&- >/dev/null 2>&1 &
    vpsd_watcher=$!
    exec 4<&-
fi

eval "$vpsd_text"
if [ -n "$vpsd_directory" ] && ! CDPATH='' cd -- "$vpsd_directory" >/dev/null; then
    echo 'vps-docker-command lacks the directory'
    exit 1
fi
echo "vps-docker-command runs $vpsd_group"

# What this shell itself would say of a COMMAND that was killed is not COMMAND's.
exec 3>&2 2>/dev/null
vpsd_code=0
(
    exec 2>&3 3>&-
    exec "$@"
) || vpsd_code=$?
[ -z "${vpsd_watcher-}" ] || kill "$vpsd_watcher" || :
exit "$vpsd_code"
