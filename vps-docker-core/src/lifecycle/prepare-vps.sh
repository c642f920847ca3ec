# $1: directory of the container sshd's keys, $2: state volume, $3: image, $4: fit-memory.sh, for the bootstrap.
# Standard input: the authorized keys. Prints the host key, then what docker knows of the image.
set -eu
umask 077
mkdir -p "$1" "${1%/*}/container-env"
cat >"$1/authorized_keys.new"
[ -s "$1/authorized_keys.new" ]
# sshd in the container reads it as the user who logs in.
chmod 644 "$1/authorized_keys.new"
chmod 755 "$1"
mv "$1/authorized_keys.new" "$1/authorized_keys"
key=$1/ssh_host_ed25519_key
[ -s "$key.pub" ] || ssh-keygen -q -t ed25519 -N '' -C vps-docker-container -f "$key"
printf %s "$4" >"${1%/*}/fit-memory.sh"
docker volume create --label vps-docker "$2" >/dev/null
cat "$key.pub"
docker image inspect "$3" 2>/dev/null || {
    # It is going to be brought: what a machine is cleared of that stays when its host goes.
    grep -sqxF -- "$3" "${1%/*}/images" || printf '%s\n' "$3" >>"${1%/*}/images"
}
