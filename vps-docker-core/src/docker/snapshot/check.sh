# Whether the snapshot $1 is whole, before anybody relies on it. Stands behind unpack.sh.
# $2: the image's digest, behind it: `HASH  NAME` of its files.
set -eu
export LC_ALL=C
id=$1 digest=$2
shift 2
check_image "$id" "$digest"
verify "$(docker volume inspect -f '{{.Mountpoint}}' vps-docker-state)/snapshots/$id" "$@"
