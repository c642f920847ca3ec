# Run by cloud-init's bootcmd, at the beginning of its network stage and of every boot: queues the
# bootstrap, which starts as soon as that stage is over and its files are written, a second or more
# before runcmd would. $1 is the text of the unit, $2 that of Docker's configuration.
unit=vps-docker-bootstrap.service
file=/etc/systemd/system/$unit
if ! printf %s "$1" | cmp -s - "$file"; then
    [ ! -e "$file" ] || known=yes
    printf %s "$1" >"$file"
    # systemd finds a new unit by itself; a reload (of the boot of a copied disk) costs time.
    [ -z "${known-}" ] || systemctl daemon-reload
fi
mkdir -p /etc/systemd/system/multi-user.target.wants
ln -sf "../$unit" "/etc/systemd/system/multi-user.target.wants/$unit"
# An image that brings its own configuration of Docker knows why.
if [ -n "$2" ] && ! [ -e /etc/docker/daemon.json ]; then
    mkdir -p /etc/docker
    printf %s "$2" >/etc/docker/daemon.json
fi
systemctl start --no-block "$unit"
