# Gives the container's sshd another host key. $1 is the step, $2 the directory of its keys on the VPS; each step can be done
# again.
set -eu
umask 077
key=$2/ssh_host_ed25519_key

# Prints the public half of the key that is to come, which is the present one when it has been switched to.
prepare() {
    if ! [ -e "$key.next" ] && [ -e "$key.switched" ]; then
        cat "$key.pub"
        return 0
    fi
    rm -f "$key.switched"
    if ! ssh-keygen -y -f "$key.next" >"$key.next.pub" 2>/dev/null; then
        rm -f "$key.next" "$key.next.pub"
        ssh-keygen -q -t ed25519 -N '' -C vps-docker-container -f "$key.next"
        sync "$key.next"
    fi
    cat "$key.next.pub"
}

switch() {
    if [ -e "$key.next" ]; then
        : >"$key.switched"
        mv "$key.next" "$key"
        ssh-keygen -y -f "$key" >"$key.pub"
        rm -f "$key.next.pub"
        sync "$2"
    fi
    # The listener reads its keys anew; sessions go on. One that does not run has nothing to read.
    docker top vps-docker -eo pid,args 2>/dev/null |
        sed -n 's|^ *\([0-9]*\) .*-f /etc/vps-docker/sshd_config.*|\1|p' |
        while read -r pid; do kill -HUP "$pid"; done
}

finish() { rm -f "$key.switched"; }

"$1" "$@"
