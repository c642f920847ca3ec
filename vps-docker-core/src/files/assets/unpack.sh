# Unpacks a tar stream into the directory $1. $2: `gzip` or `plain`; $3: `all` where the directory is ours alone.
set -eu
[ "$3" = named ] || umask 077
command -v tar >/dev/null || exit 81
mkdir -p -- "$1"
cd -- "$1" >/dev/null
# Permissions as they are in the stream, but the owner is whoever unpacks.
case $2 in
gzip) exec tar -xzpof - ;;
*) exec tar -xpof - ;;
esac
