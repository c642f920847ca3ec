# Does on a machine that is there what cloud-init does on a new one: lets our key in as root and brings the
# bootstrap. Stands in front of start_early.sh, which starts it.
#
# $1: host id, $2: our public key; the rest are texts: $3 the bootstrap's settings, $4 report.sh, $5 bootstrap.sh,
# $6 the unit, $7 Docker's configuration, for a Docker that is yet to be installed.
set -eu
umask 077
config=/etc/vps-docker
exec 9>/run/vps-docker-machine.lock
flock 9

# First, and at once: whose machine it is, and what was here before. Who clears it goes by that.
new=/etc/.vps-docker.new
rm -rf "$new"
mkdir -p "$new/adopted"
printf '%s\n' "$1" >"$new/adopted/host"
chmod 755 "$new"
ssh=~root/.ssh
keys=$ssh/authorized_keys
[ -e "$ssh" ] || : >"$new/adopted/made-ssh-dir"
[ -e "$keys" ] || : >"$new/adopted/made-authorized-keys"
key=${2#* }
if grep -sqF -- "${key%% *}" "$keys"; then : >"$new/adopted/key-was-there"; fi
if command -v dockerd >/dev/null; then
    # It is used as it is.
    docker_config=
else
    docker_config=$7
    [ -e /etc/docker/daemon.json ] || : >"$new/adopted/made-docker-config"
fi
mv -T "$new" "$config" 2>/dev/null || {
    rm -rf "$new"
    echo 'another adoption of this machine was faster' >&2
    exit 1
}

if ! [ -e "$config/adopted/key-was-there" ]; then
    mkdir -p "$ssh"
    # The file itself, also where a link leads to it.
    [ ! -e "$keys" ] || keys=$(readlink -f "$keys")
    if [ -e "$keys" ]; then cp -p "$keys" "$keys.vps-docker"; else : >"$keys.vps-docker"; fi
    # The last line of a file need not be ended.
    if [ -n "$(tail -c 1 "$keys.vps-docker")" ]; then echo >>"$keys.vps-docker"; fi
    printf '%s\n' "$2" >>"$keys.vps-docker"
    mv "$keys.vps-docker" "$keys"
fi

printf %s "$3" >"$config/bootstrap.env"
printf %s "$4" >"$config/report.sh"
printf %s "$5" >"$config/bootstrap.sh"
chmod 700 "$config/bootstrap.sh"
# A report of another time.
rm -f /run/vps-docker/bootstrap.json
umask 022
set -- "$6" "$docker_config"
