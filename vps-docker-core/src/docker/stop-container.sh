# Stops the container, and it stays stopped, also over a reboot of the VPS. Who stops it and why is written into
# the state volume first: with that mark a stop is told from a crash. A container that does not run is left alone.
#
# $1: `client` or `idle`, $2: the reason in words, $3: seconds until it is killed.
set -eu
umask 077
mkdir -p /run/vps-docker
exec 8>/run/vps-docker/operation.lock
flock -w 60 8 || {
    echo 'another operation on this host, such as a snapshot, is under way' >&2
    exit 75
}
# Somebody has started it since the idle watcher looked last: it opens a new window at its next look.
if [ "$1" = idle ] && [ -e /run/vps-docker/idle-window ]; then
    echo 'somebody has just started it' >&2
    exit 76
fi
running=$(docker container inspect -f '{{.State.Running}} {{.State.Paused}}' vps-docker)
case $running in
false*) exit 0 ;;
# We hold the lock: whoever paused it has died.
*true) docker unpause vps-docker >/dev/null ;;
esac
escaped() { printf %s "$1" | tr '\n\r\t' '   ' | tr -d '\000-\037' | sed 's/[\\"]/\\&/g'; }
mark() {
    dir=$(docker volume inspect -f '{{.Mountpoint}}' vps-docker-state) &&
        printf '{"schema_version":1,"at":"%s","by":"%s","reason":"%s"}\n' \
            "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "$(escaped "$1")" "$(escaped "$2")" >"$dir/stop.json.tmp" &&
        sync "$dir/stop.json.tmp" &&
        mv "$dir/stop.json.tmp" "$dir/stop.json"
}
# A full disk must not keep it running.
mark "$1" "$2" || echo 'the reason of the stop could not be written' >&2
docker stop -t "$3" vps-docker >/dev/null
