# On a disk that was copied from another host's: removes that host, all but its data volume and the images that it was made of.
set -eu
if [ -e /etc/vps-docker/idle.conf ]; then systemctl stop vps-docker-idle.service; fi
rm -rf /etc/vps-docker/idle.conf /var/lib/vps-docker/idle.log*
docker container rm --force vps-docker vps-docker-replaced >/dev/null 2>&1 || :
[ -z "$(docker container ls --all --quiet --filter name=^vps-docker)" ]
rm -rf /etc/vps-docker/container-ssh /etc/vps-docker/container-env
if state=$(docker volume inspect -f '{{.Mountpoint}}' vps-docker-state 2>/dev/null); then
    find "$state" -mindepth 1 -delete
fi
for image in $(docker image ls --format '{{.Repository}}:{{.Tag}}' \
    --filter 'reference=vps-docker/snapshot' --filter 'reference=vps-docker/restored'); do
    docker image rm --force "$image" >/dev/null
done
