# Compares the directory $1 with a listing (see listing.rs) whose SHA-256 is $3.
# $2: `all`, everything in it counts, or `named`, what standard input names: gzip, NUL after each, ./ in front.
# Prints how far the tools go: `plain` (tar alone), `gzip`, or `compare`. Then, if they compare, `same`, or `other`
# and its own listing as a gzip stream, the hashes cut to 64 bits: enough to find what differs, as the whole
# hashes are compared in the end.
set -eu
export LC_ALL=C
command -v tar >/dev/null || exit 81
if ! command -v gzip >/dev/null; then
    echo plain
    exit
fi
# Not every find and sort can do this: BusyBox's cannot.
if ! {
    work=$(mktemp -d) && trap 'rm -rf "$work"' EXIT &&
        find . -maxdepth 0 -printf '' && sort -z </dev/null && sed -z '' </dev/null &&
        xargs -0 -r true </dev/null && sha256sum -z </dev/null
} >/dev/null 2>&1; then
    echo gzip
    exit
fi
echo compare
mkdir "$work/empty"
cd -- "$1" >/dev/null 2>&1 || cd "$work/empty"
if [ "$2" = all ]; then
    find . -mindepth 1 -print0
else
    gzip -dc
fi >"$work/names"
# What is not there, or may not be looked at, is not listed: it will be sent, and then told.
xargs -0 -r sh -c 'find "$@" -maxdepth 0 \( -type d -printf "d%m %p\0" -o -type f -printf "f%m %s %p\0" -o \
    -type l -printf "l %p//%l\0" -o -printf "o %p\0" \) || :' find <"$work/names" 2>/dev/null |
    sort -z >"$work/entries"
sed -z -n 's/^f[0-7]* [0-9]* //p' <"$work/entries" | xargs -0 -r sha256sum -z -- >"$work/hashes" 2>/dev/null || :
found=$(cat "$work/entries" "$work/hashes" | sha256sum)
if [ "${found%% *}" = "$3" ]; then
    echo same
else
    echo other
    sed -z 's/^\([0-9a-f]\{16\}\)[0-9a-f]\{48\}  /\1  /' "$work/entries" "$work/hashes" | gzip -c
fi
