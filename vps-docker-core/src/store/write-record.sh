# Writes standard input, $2 bytes, as host.json into the state volume, over generation $1.
# VPS_DOCKER_STATE_DIR replaces the volume's directory in tests.
set -eu
umask 077
dir=${VPS_DOCKER_STATE_DIR:-$(docker volume inspect -f '{{.Mountpoint}}' vps-docker-state)}
exec 9>"$dir/lock"
flock -w 30 9
found=0
if [ -e "$dir/host.json" ]; then
    found=$(head -c 200 "$dir/host.json" |
        sed -n '1s/^{"schema_version":[0-9]*,"generation":\([0-9]*\),.*/\1/p')
    [ -n "$found" ] || exit 91
fi
if [ "$found" != "$1" ]; then
    echo "$found" >&2
    exit 90
fi
temp=$dir/.host.json.tmp
trap 'rm -f "$temp"' EXIT
cat >"$temp"
# A connection that broke looks like the end of input.
[ "$(wc -c <"$temp")" -eq "$2" ]
sync "$temp"
mv "$temp" "$dir/host.json"
trap - EXIT
sync "$dir"
