# Unpacks a tar stream into the directory $1. $2: `gzip` or `plain`; $3: `all` where the directory is ours alone.
set -eu
[ "$3" = named ] || umask 077
command -v tar >/dev/null || exit 81
mkdir -p -- "$1"
# Permissions as they are in the stream, but the owner is whoever unpacks. tar changes the directory: it says
# why it cannot, which not every shell does.
case $2 in
gzip) exec tar -xzpof - -C "$1" ;;
*) exec tar -xpof - -C "$1" ;;
esac
