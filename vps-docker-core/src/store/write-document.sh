# Writes standard input, $3 bytes, as the document $1 of the state volume, over its generation $2 (0: there is
# none yet).
umask 077
[ -n "$dir" ] || {
    echo 'there is no volume vps-docker-state' >&2
    exit 1
}
cd "$dir"
exec 9>lock
flock -w 30 9
found=0
if [ -e "$1" ]; then
    found=$(head -c 200 "$1" |
        sed -n '1s/^{"schema_version":[0-9]*,"generation":\([0-9]*\),.*/\1/p')
    [ -n "$found" ] || exit 91
fi
if [ "$found" != "$2" ]; then
    echo "$found" >&2
    exit 90
fi
case $1 in */*) mkdir -p "${1%/*}" ;; esac
temp=$1.tmp
trap 'rm -f "$temp"' EXIT
cat >"$temp"
# A connection that broke looks like the end of input.
[ "$(wc -c <"$temp")" -eq "$3" ]
sync "$temp"
mv "$temp" "$1"
trap - EXIT
sync "$(dirname "$1")"
