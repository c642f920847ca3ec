# Stands in front of bootstrap.sh where gVisor is asked for.

# What Docker calls as its runtime `runsc`. The runsc of Debian 12 and 13 takes a network namespace for that of the machine
# when it finds a certain file, which newer kernels have in all of them, and then does not start. So that runsc does
# not see /proc/sys/net when it starts a container; nothing else of it is any different.
write_runsc() {
    cat >"$config_dir/runsc" <<'EOF'
#!/bin/sh
# Written by the bootstrap of vps-docker.
runsc=$(command -v runsc) || exit 127
case " $* " in
*' start '*) ;;
*) exec "$runsc" "$@" ;;
esac
grep -qF /proc/sys/net/core/rmem_default "$runsc" || exec "$runsc" "$@"
exec unshare --mount --propagation slave sh -c '
    set -e
    mount -t tmpfs runsc /run/lock
    for dir in /proc/sys/*; do
        [ "$dir" != /proc/sys/net ] || continue
        mkdir "/run/lock/${dir##*/}"
        mount --bind "$dir" "/run/lock/${dir##*/}"
    done
    mount --rbind /run/lock /proc/sys
    exec "$0" "$@"' "$runsc" "$@"
EOF
    chmod 755 "$config_dir/runsc"
}

# A Docker that was configured by somebody else does not know it.
check_gvisor() {
    step 'check gvisor'
    run docker info --format '{{range $name, $_ := .Runtimes}}{{$name}} {{end}}'
    case " $(cat "$run_dir/output") " in
    *' runsc '*) ;;
    *) explain 'docker info' 'this image brings a daemon.json of its own that has no runtime runsc: add it there' 1 ;;
    esac
}
