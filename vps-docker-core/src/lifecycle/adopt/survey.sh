# Says what a machine is like, one fact a line: its name, a tab, its value. Changes nothing.
# $1: the port that the container's sshd is to have.
set -u
say() { printf '%s\t%s\n' "$1" "$2"; }

os=$(. /etc/os-release 2>/dev/null && printf %s "${ID-}")
say os "${os:-unknown}"
[ ! -d /run/systemd/system ] || say systemd yes
[ -z "$(command -v apt-get)" ] || say apt yes

docker_dir=/var/lib/docker
if command -v dockerd >/dev/null && command -v docker >/dev/null; then
    if answer=$(docker info -f '{{.DockerRootDir}}' 2>&1); then
        say docker yes
        docker_dir=$answer
        say runtimes "$(docker info -f '{{range $name, $_ := .Runtimes}}{{$name}} {{end}}' 2>/dev/null)"
        docker container inspect vps-docker >/dev/null 2>&1 && say ours 'a container vps-docker'
        for volume in vps-docker-state vps-docker-data; do
            docker volume inspect "$volume" >/dev/null 2>&1 && say ours "a volume $volume"
        done
    else
        say docker "$(printf %s "$answer" | tr '\n\t' '  ')"
    fi
fi
for path in /etc/vps-docker /var/lib/vps-docker /etc/systemd/system/vps-docker-bootstrap.service; do
    [ ! -e "$path" ] || say ours "$path"
done

# The nearest directory that is there.
while [ ! -d "$docker_dir" ]; do docker_dir=$(dirname "$docker_dir"); done
say free_kib "$(df -Pk "$docker_dir" | awk 'NR == 2 { print $4 }')"

# Listening is state 0A. Every Linux has these, none needs a program for it.
port=$(printf ':%04X' "$1")
if cat /proc/net/tcp /proc/net/tcp6 2>/dev/null |
    awk -v port="$port" '$4 == "0A" && substr($2, length($2) - 4) == port { found = 1 } END { exit !found }'; then
    say port taken
fi

# What sshd makes of its configuration, for root and without what depends on where one comes from.
sshd=$(command -v sshd || echo /usr/sbin/sshd)
"$sshd" -T -C user=root,host=localhost,addr=127.0.0.1 2>/dev/null | while read -r key value; do
    case $key in
    permitrootlogin | pubkeyauthentication | authorizedkeysfile) say "$key" "$value" ;;
    esac
done
exit 0
