# Runs `docker build` with the arguments from $3 on, all its output on standard output.
# $1: a directory on tmpfs for the secrets, which are a tar stream in standard input, or nothing where there are none.
# $2: what DOCKER_BUILDKIT is set to, or nothing to leave it to the Docker here.
set -eu
umask 077
secrets=$1
if [ -n "$2" ]; then export DOCKER_BUILDKIT="$2"; fi
shift 2
build=
clean_up() {
    [ -z "$build" ] || kill "$build" 2>/dev/null || :
    [ -z "$secrets" ] || rm -rf "$secrets"
}
trap clean_up EXIT
trap 'exit 143' HUP INT TERM PIPE
# Those of a build that was killed in a way that no trap hears of.
for old in /run/vps-docker/build-*; do
    if [ -s "$old/pid" ] && ! kill -0 "$(cat "$old/pid")" 2>/dev/null; then rm -rf "$old"; fi
done
if [ -n "$secrets" ]; then
    mkdir -p /run/vps-docker
    mkdir "$secrets"
    echo $$ >"$secrets/pid"
    tar -xf - -C "$secrets"
fi
docker build "$@" </dev/null 2>&1 &
build=$!
code=0
wait "$build" || code=$?
build=
exit "$code"
