# Makes the Docker endpoint what the record says, or takes it away. Each can be done again, and mends what one has left
# that was cut off. $1: `open` or `close`; $2: the generation of the record that says so; $3: the port.
# Standard input of `open`: an archive of the unit and of `endpoint.new`; the server's key is in it, or stays as it is.
set -eu
umask 077
export LC_ALL=C HOME=/root DEBIAN_FRONTEND=noninteractive
unit=vps-docker-endpoint.service
units=/etc/systemd/system
proxy=/usr/bin/stunnel4
dir=/etc/vps-docker/endpoint
done_until=/etc/vps-docker/endpoint-generation

main() {
    mkdir -p /run/vps-docker /etc/vps-docker
    exec 9>/run/vps-docker/endpoint.lock
    flock -w 300 9 || fail 'something else changes the endpoint of this host just now'
    # Who read the record later has come before, and what is to be here is in his.
    [ "$(cat "$done_until" 2>/dev/null || echo 0)" -le "$2" ] || exit 0
    printf '%s\n' "$2" >"$done_until.tmp"
    mv "$done_until.tmp" "$done_until"
    "$1" "${3-}"
}

open() {
    getent group docker >/dev/null || fail 'there is no group docker on the VPS, to which its socket belongs'
    rm -rf "$dir.new"
    tar -C / --no-same-owner -xf -
    mkdir -p "$dir"
    [ -e "$dir.new/server.pem" ] || [ -e "$dir/server.pem" ] || fail 'the endpoint has no key: open it anew'
    sync "$dir.new"/*
    mv "$dir.new"/* "$dir"
    rmdir "$dir.new"
    install_proxy
    mkdir -p "$units/multi-user.target.wants"
    ln -sf "../$unit" "$units/multi-user.target.wants/$unit"
    systemctl daemon-reload
    # What is open goes: it may be of one whose certificate is not taken any more.
    systemctl restart "$unit"
    tries=0
    until listens "$1"; do
        tries=$((tries + 1))
        if [ "$tries" -gt 100 ] || [ "$(systemctl show --property=NRestarts --value "$unit")" -gt 1 ]; then
            systemctl stop "$unit"
            said=$(journalctl --quiet --no-pager --output=cat --lines=40 --unit="$unit")
            # The proxy's own reasons, among them those of the system with their numbers.
            reasons='^\[!\]|LOG[0-3]|\([0-9]+\)$'
            { printf '%s\n' "$said" | grep -E "$reasons" || printf '%s\n' "$said"; } | tail -n 4 >&2
            fail "nothing listens on port $1"
        fi
        sleep 0.1
    done
}

# Whether it is ours that does.
listens() {
    process=$(systemctl show --property=MainPID --value "$unit")
    [ "$process" != 0 ] && ss -Hltnp "sport = :$1" | grep -q "pid=$process,"
}

# The package starts nothing by itself.
install_proxy() {
    [ ! -x "$proxy" ] || return 0
    log=$(mktemp)
    if ! fetch_proxy >"$log" 2>&1; then
        # Lists may be old, or dpkg have been cut off.
        { dpkg --configure -a && apt update && fetch_proxy; } </dev/null >"$log" 2>&1 || {
            tail -n 5 "$log" >&2
            rm -f "$log"
            fail 'the package stunnel4 cannot be installed'
        }
    fi
    rm -f "$log"
}

fetch_proxy() { apt install --no-install-recommends -- stunnel4; }

apt() {
    apt-get -q -y -o DPkg::Lock::Timeout=120 -o Acquire::Retries=2 -o Dpkg::Use-Pty=0 "$@" </dev/null
}

close() {
    rm -f "$units/multi-user.target.wants/$unit"
    [ ! -e "$units/$unit" ] || systemctl stop "$unit"
    rm -rf "${units:?}/$unit" "$dir" "$dir.new"
    systemctl daemon-reload
    systemctl reset-failed "$unit" 2>/dev/null || :
}

fail() {
    printf '%s\n' "$1" >&2
    exit 1
}

main "$@"
