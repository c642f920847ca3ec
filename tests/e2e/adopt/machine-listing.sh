# What is on a machine, as far as it is of any lasting interest, one thing a line. Read from standard input, so that
# its text is in no process's arguments.
set -eu
if command -v docker >/dev/null; then
    docker ps --all --no-trunc --format 'container {{.ID}} {{.Names}} {{.Image}} {{.State}}'
    docker volume ls --format 'volume {{.Name}}'
    docker image ls --all --no-trunc --format 'image {{.ID}} {{.Repository}}:{{.Tag}}' | sort
    docker exec mine cat /mine/file 2>/dev/null || :
fi
find /etc /root /home /usr/local /opt -printf '%p %y %m %u %s %l\n' | sort
find /etc /root /home -type f -exec md5sum {} + | sort -k 2
find /var/lib /run/systemd/system -maxdepth 1 | sort
find /run -maxdepth 1 -name '*vps-docker*'
systemctl list-units --all --plain --no-legend 'vps-docker*'
pgrep -af vps-docker || :
