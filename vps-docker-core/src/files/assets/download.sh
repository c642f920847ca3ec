# Writes the file or directory $1 as a tar stream, after one line that tells its kind and the stream's:
# `directory gzip`, `file plain` and so on; `missing` where there is nothing.
set -eu
command -v tar >/dev/null || exit 81
if command -v gzip >/dev/null; then pack=z encoding=gzip; else pack='' encoding=plain; fi
if [ -d "$1" ]; then
    echo "directory $encoding"
    exec tar "-c${pack}f" - -C "$1" .
elif [ -e "$1" ]; then
    case $1 in
    */*) directory=${1%/*}/ ;;
    *) directory=. ;;
    esac
    echo "file $encoding"
    # A link that was named is followed; one in a directory is not.
    exec tar "-c${pack}hf" - -C "$directory" "./${1##*/}"
else
    echo missing
fi
