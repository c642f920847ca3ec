# Starts the container. One that runs is left alone; exit code 66 says that there is none.
# $1: its host name.
set -eu
mkdir -p /run/vps-docker
exec 8>/run/vps-docker/operation.lock
flock -w 60 8 || {
    echo 'another operation on this host, such as a snapshot, is under way' >&2
    exit 75
}
state=$(docker container inspect -f '{{.State.Status}}' vps-docker 2>&1) || {
    case $state in *'No such container'*) exit 66 ;; esac
    printf '%s\n' "$state" >&2
    exit 1
}
# We hold the lock: whoever paused it has died.
[ "$state" != paused ] || docker unpause vps-docker >/dev/null
dir=$(docker volume inspect -f '{{.Mountpoint}}' vps-docker-state)
rm -f "$dir/stop.json"
# For the idle watcher, which may be about to stop one that runs.
: >/run/vps-docker/idle-window
docker start vps-docker >/dev/null
[ ! -e /etc/vps-docker/idle.conf ] || systemctl start vps-docker-idle.service
# Docker gives it the host name of its first start; a rename may have been since.
process=$(docker container inspect -f '{{.State.Pid}} {{.Config.Hostname}}' vps-docker)
case $process in
0\ * | *" $1") ;;
*) nsenter --target "${process%% *}" --uts hostname "$1" ;;
esac
