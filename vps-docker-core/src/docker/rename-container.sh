# Gives the VPS and the container, whose processes go on, the host name $1.
set -eu
hostnamectl set-hostname "$1"
process=$(docker container inspect -f '{{.State.Pid}}' vps-docker)
[ "$process" = 0 ] || nsenter --target "$process" --uts hostname "$1"
