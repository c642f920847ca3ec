# Gives the VPS and the container, whose processes go on, the host name $1.
set -eu
# In place: where the VPS is itself a container, the file is a mount.
printf '%s\n' "$1" >/etc/hostname
hostname "$1"
process=$(docker container inspect -f '{{.State.Pid}}' vps-docker)
[ "$process" = 0 ] || nsenter --target "$process" --uts hostname "$1"
