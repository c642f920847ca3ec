# What makes the bootstrap's secrets worthless. $1 is the step; each can be done again. Standard input of `prepare`: the
# files of this directory that stay on the VPS.
set -eu
umask 077
export LC_ALL=C
key=/etc/ssh/ssh_host_ed25519_key
shown=/etc/ssh/sshd_config.d/11-vps-docker-certificate.conf
units=/etc/systemd/system

# Shuts the metadata service to containers, and makes the next host key. Prints the public halves of the key that goes and
# of the one that comes, also when sshd has been switched over and nobody came to the end.
prepare() {
    tar -C / --no-same-owner -xf -
    enable vps-docker-metadata.service docker.service.requires
    enable vps-docker-forget-user-data.service cloud-init.target.wants
    systemctl daemon-reload
    systemctl start vps-docker-metadata.service
    # Switched over is who has the one and not the other.
    if [ -e "$key.old" ] && ! [ -e "$key.next" ]; then
        ssh-keygen -y -f "$key.old"
        ssh-keygen -y -f "$key"
        exit 0
    fi
    if ! ssh-keygen -y -f "$key.next" >"$key.next.pub" 2>/dev/null; then
        rm -f "$key.next" "$key.next.pub"
        ssh-keygen -q -t ed25519 -N '' -C vps-docker -f "$key.next"
        sync "$key.next"
    fi
    ssh-keygen -y -f "$key"
    cat "$key.next.pub"
}

enable() {
    mkdir -p "$units/$2"
    ln -sf "../$1" "$units/$2/$1"
}

# sshd serves the next key from here on. $1 is the name in the certificate by which the key that goes vouches for it; empty
# for none.
switch() {
    # What it accepts now it accepts with another key too.
    sshd -t
    if [ -e "$key.next" ]; then
        certify "$1"
        cp -p "$key" "$key.old.new"
        sync "$key.old.new"
        mv "$key.old.new" "$key.old"
        mv "$key.next" "$key"
        ssh-keygen -y -f "$key" >"$key.pub"
        rm -f "$key.next.pub"
        chmod 644 "$key.pub"
    fi
    systemctl reload ssh.service 2>/dev/null || systemctl reload sshd.service
    sync /etc/ssh
}

# sshd shows a certificate only with the key that it is for.
certify() {
    rm -f "$shown" "$key-cert.pub"
    [ -n "$1" ] || return 0
    ssh-keygen -q -h -s "$key" -I "vps-docker" -n "$1" "$key.next.pub"
    mv "$key.next-cert.pub" "$key-cert.pub"
    echo "HostCertificate $key-cert.pub" >"$shown"
    chmod 644 "$key-cert.pub" "$shown"
}

# The old key and every copy of user_data go.
finish() {
    # It waits for cloud-init's last stage, which reads them.
    systemctl restart vps-docker-forget-user-data.service
}

"$@"
