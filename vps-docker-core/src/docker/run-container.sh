# Makes the container and starts it, with as much memory as fits. The words behind $0 are those of `docker create`.
set -eu
container=$(docker create "$@")
fit_memory "$container"
docker start "$container" >/dev/null
