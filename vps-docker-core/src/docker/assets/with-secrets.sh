# Runs `docker` with the arguments from $3 on, all its output on standard output.
# $1: a directory on tmpfs for secrets, which are a tar stream in standard input, or nothing where there are none. A
# docker/config.json among them is Docker's configuration.
# $2: what DOCKER_BUILDKIT is set to, or nothing to leave it to the Docker here.
set -eu
umask 077
secrets=$1
if [ -n "$2" ]; then export DOCKER_BUILDKIT="$2"; fi
shift 2
docker=
clean_up() {
    [ -z "$docker" ] || kill "$docker" 2>/dev/null || :
    [ -z "$secrets" ] || rm -rf "$secrets"
}
trap clean_up EXIT
trap 'exit 143' HUP INT TERM PIPE
# Those of one that was killed in a way that no trap hears of.
for old in /run/vps-docker/secrets-*; do
    if [ -s "$old/pid" ] && ! kill -0 "$(cat "$old/pid")" 2>/dev/null; then rm -rf "$old"; fi
done
if [ -n "$secrets" ]; then
    mkdir -p /run/vps-docker
    mkdir "$secrets"
    echo $$ >"$secrets/pid"
    tar -xf - -C "$secrets"
    if [ -e "$secrets/docker/config.json" ]; then export DOCKER_CONFIG="$secrets/docker"; fi
fi
docker "$@" </dev/null 2>&1 &
docker=$!
code=0
wait "$docker" || code=$?
docker=
exit "$code"
