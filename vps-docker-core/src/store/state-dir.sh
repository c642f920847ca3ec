# Stands in front of the other scripts. Sets $dir to the state volume's directory, empty when there is no
# such volume. That Docker does not answer is a failure, not an absence.
# VPS_DOCKER_STATE_DIR replaces the volume's directory in tests.
set -eu
known=/etc/vps-docker/state-dir
if [ -n "${VPS_DOCKER_STATE_DIR-}" ]; then
    dir=$VPS_DOCKER_STATE_DIR
elif [ -r "$known" ] && read -r dir <"$known" && [ -d "$dir" ]; then
    : # Asking Docker costs a process and some 30 ms each time.
elif dir=$(docker volume inspect -f '{{.Mountpoint}}' vps-docker-state 2>&1); then
    mkdir -p "${known%/*}"
    printf '%s\n' "$dir" >"$known.$$"
    mv "$known.$$" "$known"
else
    case $dir in
    *[Nn]'o such volume'*) dir='' ;;
    *)
        printf '%s\n' "$dir" >&2
        exit 1
        ;;
    esac
fi
