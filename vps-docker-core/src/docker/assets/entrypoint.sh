#!/bin/sh
# The first process of a vps-docker container, below the tini of `docker run --init`, as root.
#
#   entrypoint.sh                    keeps sshd up until the container is stopped; exit code 0
#   entrypoint.sh COMMAND [ARG...]   runs COMMAND as the image's user, sshd beside it
#
# COMMAND takes this process over (exec): it has its own arguments, stdin and signals, the image's
# STOPSIGNAL among them, and its exit code is the container's. tini then ends and sshd with it.
set -u

state=/run/vps-docker
environment=$state/environment
# What the VPS has for the application, each ended by NUL: secrets, which are in no argument and not in `docker inspect`.
given=/etc/vps-docker/env/environment
sshd_config=/etc/vps-docker/sshd_config
# For this script alone: the image's own PATH may hold nothing but its application.
PATH=${PATH:+$PATH:}/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin

main() {
    if ! read -r login_user </etc/vps-docker/login-user || ! read -r sshd </etc/vps-docker/sshd-path; then
        die "this image was not prepared: install-sshd.sh has not run in it, or /etc is a VOLUME of the image"
    fi
    find_user
    write_environment
    make_marks

    if [ $# = 0 ]; then
        # Whatever the image's STOPSIGNAL is, nothing here needs a farewell.
        trap 'exit 0' TERM INT HUP QUIT USR1 USR2 WINCH
        keep_sshd
    fi
    # Twice removed, so that sshd is tini's child and not one the command never started.
    (keep_sshd &)
    run_command "$@"
}

say() { printf 'vps-docker: %s\n' "$*" >&2; }
die() { say "$*"; exit 78; }

find_user() {
    uid=
    while IFS=: read -r p_name _ p_uid p_gid _ p_home _ || [ -n "$p_name" ]; do
        if [ "$p_name" = "$login_user" ]; then uid=$p_uid gid=$p_gid home=$p_home; break; fi
    done </etc/passwd
    [ -n "$uid" ] || die "the login user '$login_user' is not in /etc/passwd any more"
}

# --- sshd -------------------------------------------------------------------------------------------

keep_sshd() {
    pause=1
    while :; do
        # Where Debian's sshd drops its privileges; /run may be a fresh tmpfs.
        mkdir -p /run/sshd && chmod 0755 /run/sshd
        began=$(date +%s)
        "$sshd" -D -e -f "$sshd_config" &
        code=0
        wait $! || code=$?
        if [ $(($(date +%s) - began)) -ge 60 ]; then pause=1; fi
        say "sshd ended with code $code; starting it again in $pause s"
        sleep "$pause" &
        wait $!
        pause=$((pause < 16 ? pause * 2 : 30))
    done
}

# --- the environment, for sessions and for the command -----------------------------------------------

# Read from the kernel, not with `export -p`: shells lose names such as `a.b`, and bash cannot set UID.
# Newlines travel as a control character that occurs nowhere in the environment.
write_environment() {
    mkdir -p "$state"
    chmod 0755 "$state"
    rm -f "$environment" "$state/path"
    for mark in 001 002 003 004 005 006 016 017; do
        if [ -z "$(all_of_it | tr -dc "\\$mark" | tr "\\$mark" x)" ]; then break; fi
    done
    (
        umask 077
        export LC_ALL=C
        {
            printf 'cd -- %s 2>/dev/null || cd\n' "$(quote "$(pwd)x")"
            variables | sed -e '/^!/d' -e "s/^\([^=]*\)=\(.*\)\$/export \1='\2'/" | tr "\\$mark" '\n'
            odd=$(variables | sed -e '/^!/!d' -e "s/^!\(.*\)\$/ '\1'/" | tr -d '\n')
            if [ -n "$odd" ]; then printf 'set -- /usr/bin/env%s "$@"\n' "$odd" | tr "\\$mark" '\n'; fi
        } >"$environment"
    )
    # Root's, so that nobody else can change it; readable for the group of the login user alone.
    chgrp "$gid" "$environment"
    chmod 0640 "$environment"
    # shellcheck source=/dev/null
    printf 'PATH=%s\nexport PATH\n' "$(quote "$(unset PATH; . "$environment"; printf %sx "${PATH-}")")" >"$state/path"
}

# Of two of a name the later one wins.
all_of_it() {
    cat "/proc/$$/environ"
    [ ! -r "$given" ] || cat "$given"
}

# One NAME=value per line, its quotes ready for a quoted string, without what belongs to a session itself.
# A '!' goes before names that a shell cannot hold or that some shells keep to themselves.
variables() {
    all_of_it | tr "\\000\\n" "\\n\\$mark" | sed -e '/=/!d' -e '/^=/d' \
        -e '/^HOME=/d' -e '/^PWD=/d' -e '/^OLDPWD=/d' -e '/^SHLVL=/d' -e '/^_=/d' -e '/^TERM=/d' \
        -e '/^HOSTNAME=/d' -e '/^USER=/d' -e '/^LOGNAME=/d' -e '/^MAIL=/d' -e '/^SHELL=/d' \
        -e '/^SSH_AGENT_PID=/d' -e '/^SSH_AUTH_SOCK=/d' -e '/^SSH_CLIENT=/d' -e '/^SSH_CONNECTION=/d' \
        -e '/^SSH_ORIGINAL_COMMAND=/d' -e '/^SSH_TTY=/d' \
        -e '/^[A-Za-z_][A-Za-z0-9_]*=/!s/^/!/' -e '/^IFS=/s/^/!/' -e '/^OPTIND=/s/^/!/' -e '/^PPID=/s/^/!/' \
        -e '/^E*UID=/s/^/!/' -e '/^GROUPS=/s/^/!/' -e '/^SHELLOPTS=/s/^/!/' -e '/^BASH/s/^/!/' \
        -e "s/'/'\\\\''/g"
}

# A trailing x guards newlines at the end from $(...) and is taken off here.
quote() { printf "%s" "$1" | sed -e "s/'/'\\\\''/g" -e "1s/^/'/" -e "\$s/x\$/'/"; }

# --- for the idle watcher on the VPS ----------------------------------------------------------------

# What session.sh touches, and where vps-docker-keep-alive puts its marks, whoever calls it.
make_marks() {
    rm -rf "$state/session" "$state/keep-alive"
    : >"$state/session"
    chgrp "$gid" "$state/session"
    chmod 0660 "$state/session"
    mkdir "$state/keep-alive"
    chmod 1777 "$state/keep-alive"
}

# --- the command ------------------------------------------------------------------------------------

run_command() {
    if [ "$uid" = 0 ]; then
        :
    elif setpriv --reuid "$uid" --regid "$gid" --init-groups true 2>/dev/null; then
        set -- "$(command -v setpriv)" --reuid "$uid" --regid "$gid" --init-groups -- "$@"
    elif tool=$(command -v su-exec); then
        set -- "$tool" "$login_user" "$@"
    elif tool=$(command -v gosu); then
        set -- "$tool" "$login_user" "$@"
    elif tool=$(command -v runuser); then
        set -- "$tool" -u "$login_user" -- "$@"
    elif tool=$(command -v su); then
        # The one way through a shell: it may lose variables with names like a.b.
        # shellcheck disable=SC2016
        set -- "$tool" -m -s /bin/sh -c 'exec "$@"' -- "$login_user" sh "$@"
    else
        die "nothing in this image runs a command as '$login_user': install setpriv, runuser, su or su-exec into it"
    fi
    # Docker set HOME for root; one that the image sets itself stays.
    case ${HOME:-} in '' | / | /root) export HOME="$home" ;; esac
    # Last: it may hold variables of the names used above.
    # shellcheck source=/dev/null
    . "$environment"
    unset OLDPWD
    exec "$@"
}

main "$@"
