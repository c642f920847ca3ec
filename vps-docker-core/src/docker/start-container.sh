# Starts the container. One that runs is left alone; exit code 66 says that there is none.
# $1: its host name.
look
[ -n "$status" ] || exit 66
rm -f "$state/stop.json"
open_idle_window
fit_memory vps-docker
docker start vps-docker >/dev/null
start_watcher
# Docker gives it the host name of its first start; a rename may have been since.
process=$(docker container inspect -f '{{.State.Pid}} {{.Config.Hostname}}' vps-docker)
case $process in
0\ * | *" $1") ;;
*) nsenter --target "${process%% *}" --uts hostname "$1" ;;
esac
