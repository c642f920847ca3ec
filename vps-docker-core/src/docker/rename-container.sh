# Gives the VPS and the container, whose processes go on, the host name $1.
set -eu
# An adopted machine keeps its own.
if ! [ -e /etc/vps-docker/adopted ]; then
    # In place: where the VPS is itself a container, the file is a mount.
    printf '%s\n' "$1" >/etc/hostname
    hostname "$1"
fi
process=$(docker container inspect -f '{{.State.Pid}}' vps-docker)
[ "$process" = 0 ] || nsenter --target "$process" --uts hostname "$1"
