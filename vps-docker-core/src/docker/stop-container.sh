# Stops the container, and it stays stopped, also over a reboot of the VPS. Who stops it and why is written into
# the state volume first: with that mark a stop is told from a crash. A container that does not run is left alone.
#
# $1: `client` or `idle`, $2: the reason in words, $3: seconds until it is killed.
# Somebody has started it since the idle watcher looked last: it opens a new window at its next look.
if [ "$1" = idle ] && [ -e /run/vps-docker/idle-window ]; then
    echo 'somebody has just started it' >&2
    exit 76
fi
look
case $status in
running | restarting) ;;
'')
    echo 'there is no container; start the host to run it anew' >&2
    exit 1
    ;;
*) exit 0 ;;
esac
escaped() { printf %s "$1" | tr '\n\r\t' '   ' | tr -d '\000-\037' | sed 's/[\\"]/\\&/g'; }
mark() {
    printf '{"schema_version":1,"at":"%s","by":"%s","reason":"%s"}\n' \
        "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "$(escaped "$1")" "$(escaped "$2")" >"$state/stop.json.tmp" &&
        sync "$state/stop.json.tmp" &&
        mv "$state/stop.json.tmp" "$state/stop.json"
}
# A full disk must not keep it running.
mark "$1" "$2" || echo 'the reason of the stop could not be written' >&2
docker stop -t "$3" vps-docker >/dev/null
