# Changes some variables of the container's environment, which only root can read. $1: its directory, $2: bytes of
# standard input, the variables that are set, $3: bytes that all may have, then the names that go or are set.
set -eu
umask 077
export LC_ALL=C
mkdir -p "$1"
chmod 700 "$1"
directory=$1 length=$2 largest=$3
shift 3
new=$directory/environment.changed
# Who changes it at the same time comes before or after.
exec 9<"$directory"
flock -w 30 9
trap 'rm -f "$new" "$new.all"' EXIT
trap 'exit 1' HUP INT TERM
cat >"$new"
# A connection that broke looks like the end of input.
[ "$(wc -c <"$new")" -eq "$length" ] || {
    echo 'it did not arrive whole; the one before stays' >&2
    exit 1
}
for name in "$@"; do
    shift
    set -- "$@" -e "/^$name=/d"
done
# Of lines, each one variable, with NULs for its line breaks.
{
    [ ! -e "$directory/environment" ] || tr '\n\000' '\000\n' <"$directory/environment" | sed "$@"
    tr '\n\000' '\000\n' <"$new"
} | sort -t = -k 1,1 | tr '\n\000' '\000\n' >"$new.all"
[ "$(wc -c <"$new.all")" -le "$largest" ] || {
    echo "all of it together would have more than $largest bytes, with which Linux starts no program" >&2
    exit 1
}
sync "$new.all"
mv "$new.all" "$directory/environment"
sync "$directory"
