# Prints the files of the snapshot $1 as tar.
set -eu
state=$(docker volume inspect -f '{{.Mountpoint}}' vps-docker-state)
exec tar --create --file - --directory "$state/snapshots/$1" .
