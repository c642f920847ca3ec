# Prints the status of Docker's storage, then one line for every image: its id, and the digests of its
# layers as JSON. Dangling and intermediate images count: their layers are there. Prints nothing when
# there is no image.
set -eu
images=$(docker image ls --all --quiet --no-trunc | sort -u)
[ -n "$images" ] || exit 0
docker info --format '{{json .DriverStatus}}'
# One that is removed meanwhile is complained of; the others are listed all the same.
# shellcheck disable=SC2086
docker image inspect --format '{{.Id}} {{json .RootFS.Layers}}' $images || true
