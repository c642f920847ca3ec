# Replaces the environment of the container, which only root can read. $1: its directory, $2: bytes of standard input,
# the new one.
set -eu
umask 077
mkdir -p "$1"
chmod 700 "$1"
# Who changes it at the same time comes before or after.
exec 9<"$1"
flock -w 30 9
trap 'rm -f "$1/environment.new"' EXIT
trap 'exit 1' HUP INT TERM
cat >"$1/environment.new"
# A connection that broke looks like the end of input.
[ "$(wc -c <"$1/environment.new")" -eq "$2" ] || {
    echo 'it did not arrive whole; the one before stays' >&2
    exit 1
}
sync "$1/environment.new"
mv "$1/environment.new" "$1/environment"
sync "$1"
