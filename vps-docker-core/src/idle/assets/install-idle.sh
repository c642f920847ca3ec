# Puts the watcher in place and (re)starts it, which opens a new window. Idempotent.
# $1: the unit, $2: idle-watch.sh, $3: idle-signals.sh, $4: stop-container.sh, $5: the length of idle.conf in bytes,
# which is on standard input: a command in it may hold what no process argument should.
set -eu
umask 077
dir=/etc/vps-docker
unit=/etc/systemd/system/vps-docker-idle.service
mkdir -p "$dir" "${unit%/*}/multi-user.target.wants"
cat >"$dir/idle.conf.new"
# A connection that broke looks like the end of input.
[ "$(wc -c <"$dir/idle.conf.new")" -eq "$5" ]
put() { printf '%s' "$2" >"$1.new" && mv -f "$1.new" "$1"; }
put "$dir/idle-watch.sh" "$2"
put "$dir/idle-signals.sh" "$3"
put "$dir/stop-container.sh" "$4"
mv -f "$dir/idle.conf.new" "$dir/idle.conf"
if ! printf '%s' "$1" | cmp -s - "$unit"; then
    [ ! -e "$unit" ] || known=yes
    put "$unit" "$1"
    chmod 0644 "$unit"
    # systemd finds a new unit by itself; a reload costs time.
    [ -z "${known-}" ] || systemctl daemon-reload
fi
ln -sf "../${unit##*/}" "${unit%/*}/multi-user.target.wants/${unit##*/}"
systemctl restart "${unit##*/}"
