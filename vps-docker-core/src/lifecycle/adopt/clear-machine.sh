# Removes from a machine that was adopted what vps-docker put there: the container and its volumes, our images,
# units and files, and last our key. Docker stays, and so does everything else. Every step is tried, whatever became
# of those before; when one fails, marker and key stay, so that it can be done again. Idempotent.
#
# $1: host id, $2: our public key. Exit code 65: the machine is another host's, so nothing of this one is on it.
set -u
umask 077
config=/etc/vps-docker
marker=$config/adopted
unit=vps-docker-bootstrap.service
host=$1
key=${2#* }
key=${key%% *}
export LC_ALL=C
errors=$(mktemp)
trap 'rm -f "$errors"' EXIT
# The machine is not taken while it is cleared, and not cleared twice at once.
exec 9>/run/vps-docker-machine.lock
flock 9

main() {
    rm -rf /etc/.vps-docker.new
    if [ -e "$marker/host" ]; then
        [ "$(cat "$marker/host")" = "$host" ] || exit 65
        end_strays
        remove_units
        remove_from_docker
        remove_files
        if [ -s "$errors" ]; then
            cat "$errors" >&2
            exit 1
        fi
        made() { [ -e "$marker/$1" ]; }
        made key-was-there && keep_key=yes
        made made-authorized-keys && drop_file=yes
        made made-ssh-dir && drop_dir=yes
    fi
    # It is our door: whatever happens from here on, a next time finds nothing else left to do.
    [ -n "${keep_key-}" ] || remove_key
    rm -rf "$config"
    rm -f /run/vps-docker-machine.lock
    [ ! -s "$errors" ] || { cat "$errors" >&2 && exit 1; }
}

# try COMMAND…: what it complains of is kept for the end.
try() {
    complaint=$("$@" 2>&1 >/dev/null) || printf '`%s` failed: %s\n' "$*" "$complaint" >>"$errors"
}

# A session of ours that broke off may still be at work, and put back what is removed here. Ours are commands over
# SSH without a terminal that name us, other than this one, and not those inside of containers.
end_strays() {
    own_sessions=' '
    id=$$
    while [ "${id:-0}" -gt 0 ]; do
        own_sessions="$own_sessions$(session "$id") "
        id=$(parent "$id")
    done
    own_namespace=$(readlink /proc/$$/ns/pid)
    for file in $(grep -lsF vps-docker /proc/[0-9]*/cmdline); do
        process=${file%/cmdline}
        [ "$(readlink "$process/ns/pid")" = "$own_namespace" ] || continue
        [ "$(terminal "${process#/proc/}")" = 0 ] || continue
        tr '\0' '\n' <"$process/environ" | grep -q '^SSH_CONNECTION=' || continue
        session=$(session "${process#/proc/}")
        case $own_sessions in *" $session "*) ;; *) end_session "$session" ;; esac
    done 2>/dev/null
}

end_session() {
    for stat in /proc/[0-9]*/stat; do
        id=${stat#/proc/}
        id=${id%/stat}
        [ "$(session "$id")" != "$1" ] || kill -KILL "$id"
    done
}

# Of a process: the 2nd, 4th and 5th word behind its name, which may hold anything.
parent() { word 2 "$1"; }
session() { word 4 "$1"; }
terminal() { word 5 "$1"; }
word() {
    stat=$(cat "/proc/$2/stat" 2>/dev/null) || return 0
    printf %s "${stat##*) }" | cut -d ' ' -f "$1"
}

remove_units() {
    # dpkg that is killed in the middle leaves a machine that nothing can be installed on: it may end first. The
    # bootstrap has a deadline of its own.
    while [ -e "$config/installing" ] && [ "$(systemctl show --property=ActiveState --value "$unit")" = activating ]; do
        sleep 0.2
    done
    for file in /etc/systemd/system/vps-docker-*; do
        name=${file##*/}
        case $name in
        *.d | '*') ;;
        *) [ ! -e "$file" ] || try systemctl stop "$name" ;;
        esac
    done
    rm -rf /etc/systemd/system/vps-docker-* /etc/systemd/system/*.wants/vps-docker-*
    try systemctl daemon-reload
    systemctl reset-failed 'vps-docker-*' 2>/dev/null
    # Its deadline came first.
    [ ! -e "$config/installing" ] || DEBIAN_FRONTEND=noninteractive try dpkg --configure -a
}

remove_from_docker() {
    if ! command -v dockerd >/dev/null; then
        # It was not to be: then nobody needs its configuration.
        if [ -e "$marker/made-docker-config" ]; then
            rm -f /etc/docker/daemon.json
            rmdir /etc/docker 2>/dev/null
        fi
        return 0
    fi
    if ! docker version >/dev/null 2>&1; then
        try docker version
        return 0
    fi
    # Of this host and no other: the machine may run containers of the local provider, which bear our marker too.
    for container in $(docker ps --all --quiet --filter "label=vps-docker-host=$host"); do
        try docker rm --force --volumes "$container"
    done
    for volume in vps-docker-state vps-docker-data; do
        try docker volume rm --force "$volume"
    done
    # Snapshots bear a label of their own, whatever host they were taken of.
    {
        images --filter label=vps-docker-snapshot
        images vps-docker/derived
        images vps-docker/built
        images vps-docker/snapshot
        images vps-docker/restored
    } | sort -u | while read -r image; do
        try docker image rm "$image"
    done
    # What was brought for this host, unless somebody uses it by now.
    while read -r image; do
        docker image rm "$image"
    done <"$config/images" >/dev/null 2>&1
}

# By name where there is one: an id may have several, not all of them ours.
images() {
    docker image ls --no-trunc --format '{{if eq .Tag "<none>"}}{{.ID}}{{else}}{{.Repository}}:{{.Tag}}{{end}}' "$@"
}

remove_files() {
    rm -rf /run/vps-docker /var/lib/vps-docker
    for path in /run/vps-docker /var/lib/vps-docker; do
        [ ! -e "$path" ] || printf '%s could not be removed\n' "$path" >>"$errors"
    done
}

remove_key() {
    ssh=~root/.ssh
    keys=$ssh/authorized_keys
    if grep -sqF -- "$key" "$keys"; then
        file=$(readlink -f "$keys")
        cp -p "$file" "$file.vps-docker" &&
            { grep -vF -- "$key" "$file" >"$file.vps-docker" || [ $? = 1 ]; } &&
            mv "$file.vps-docker" "$file" ||
            printf 'our key could not be taken out of %s\n' "$file" >>"$errors"
    fi
    # Others may have come since.
    if [ -n "${drop_file-}" ] && ! [ -s "$keys" ]; then rm -f "$keys"; fi
    if [ -n "${drop_dir-}" ]; then rmdir "$ssh" 2>/dev/null; fi
    return 0
}

main
