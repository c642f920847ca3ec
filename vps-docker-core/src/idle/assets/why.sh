# Stands behind pressure.sh. Prints what the watcher knows, each line with its kind before a tab: `unit`, `policy`,
# `log`, `now`, `stop`, `container` (what Docker says), and `pressure`.
set -eu
config=/etc/vps-docker/idle.conf
log=/var/lib/vps-docker/idle.log
printf 'unit\t%s\n' "$(systemctl is-active vps-docker-idle.service 2>/dev/null || :)"
# policy: the first line of the file.
[ ! -r "$config" ] || sed -n '1s/^policy /policy\t/p' "$config"
cat "$log.1" "$log" 2>/dev/null | tail -n 200 | sed 's/^/log\t/'
[ ! -r /run/vps-docker/idle.json ] || sed 's/^/now\t/' /run/vps-docker/idle.json
process=$(docker container inspect -f '{{.State.Pid}} {{.State.OOMKilled}} {{.State.Status}}' vps-docker 2>/dev/null) ||
    process=0
tell_pressure "${process%% *}"
case $process in '0 true'*) printf 'pressure\tmemory 1\n' ;; esac
case $process in *' '*) printf 'container\t%s\n' "${process##* }" ;; esac
dir=$(docker volume inspect -f '{{.Mountpoint}}' vps-docker-state 2>/dev/null) || exit 0
[ ! -r "$dir/stop.json" ] || sed 's/^/stop\t/' "$dir/stop.json"
