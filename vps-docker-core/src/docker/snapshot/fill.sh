# Fills the data volume of a new host with that of a snapshot. Stands behind unpack.sh.
# $@: `HASH  NAME` of the snapshot's files. Standard input: the files, as tar.
set -eu
umask 077
export LC_ALL=C
incoming=$(docker volume inspect -f '{{.Mountpoint}}' vps-docker-state)/incoming
rm -rf "$incoming"
mkdir "$incoming"
tar --extract --file - --directory "$incoming" --no-same-owner
verify "$incoming" "$@"
docker volume create --label vps-docker vps-docker-data >/dev/null
unpack "$incoming" "$(docker volume inspect -f '{{.Mountpoint}}' vps-docker-data)"
rm -rf "$incoming"
