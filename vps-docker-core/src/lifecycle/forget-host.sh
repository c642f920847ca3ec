# On a disk that was copied from another host's: removes that host, all but its images and its data volume.
set -eu
docker container rm --force vps-docker vps-docker-replaced >/dev/null 2>&1 || :
[ -z "$(docker container ls --all --quiet --filter name=^vps-docker)" ]
rm -rf /etc/vps-docker/container-ssh
if state=$(docker volume inspect -f '{{.Mountpoint}}' vps-docker-state 2>/dev/null); then
    find "$state" -mindepth 1 -delete
fi
for image in $(docker image ls --format '{{.Repository}}:{{.Tag}}' 'vps-docker/snapshot'); do
    docker image rm --force "$image" >/dev/null
done
