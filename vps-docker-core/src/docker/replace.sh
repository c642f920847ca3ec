# Puts another container in the place of the one that is there. The old one is stopped and kept, with its environment,
# until the record names the new one: the client asks meanwhile whether the new one is well, and writes the record if it
# is. This script holds the host until the client has ended its input, on purpose or by dying, or until it has taken too
# long; then it looks at the record, and keeps the new container or puts the old one back.
#
# $1: the deployment, $2: the new image, $3: the one of before or `-`, $4: the container's SSH port, $5: seconds for it
# to let somebody in, $6: seconds for a container to stop, $7: seconds for the client, $8: bytes of standard input that are the
# words of `docker create`, quoted, $9: bytes behind them that are the new environment. Prints `up` when the new container
# lets somebody in, and at its end `kept` or `undone`.
new_deployment=$1 new_image=$2 old_image=$3 port=$4 limit=$5 new_grace=$6 patience=$7 length=$8 environment_length=$9
began=''
complaints=/run/vps-docker/replace.err

main() {
    receive
    exec 3>&2 2>"$complaints"
    trap '' PIPE
    trap on_exit EXIT
    trap 'exit 1' HUP INT TERM
    look
    swap
    await_door "$port" "$limit" 'the new container'
    echo up
    # Another client that waits for the host is not to wait for one that is silent.
    # And if this script is killed, what waits does not hold the host.
    timeout "$patience" cat >/dev/null 3>&- 8>&- || :
    settle_replacement
    echo "$settled"
}

# A connection that broke looks like the end of input.
receive() {
    words=$(head -c "$length")
    [ "$(printf %s "$words" | wc -c)" -eq "$length" ]
    mkdir -p "$environment"
    chmod 700 "$environment"
    head -c "$environment_length" >"$environment/environment.next"
    [ "$(wc -c <"$environment/environment.next")" -eq "$environment_length" ] || {
        rm -f "$environment/environment.next"
        exit 1
    }
}

swap() {
    case $status in running | restarting) was=running ;; *) was=${status:-absent} ;; esac
    deployment=$new_deployment image=$new_image former=$old_image grace=$new_grace
    # Kept aside before anything is touched; without any, the old container had an empty one.
    if [ -e "$environment/environment" ]; then
        cp -p "$environment/environment" "$environment/environment.replaced"
    else
        : >"$environment/environment.replaced"
    fi
    sync "$environment/environment.next" "$environment/environment.replaced"
    printf '%s %s %s %s %s\n' "$deployment" "$was" "$grace" "$image" "$former" >"$replacing.tmp"
    sync "$replacing.tmp"
    mv "$replacing.tmp" "$replacing"
    sync "$state"
    began=yes
    if [ "$was" != absent ]; then
        docker stop -t "$grace" vps-docker >/dev/null
        docker rename vps-docker vps-docker-replaced
    fi
    mv "$environment/environment.next" "$environment/environment"
    open_idle_window
    eval "docker create $words" >/dev/null
    fit_memory vps-docker
    docker start vps-docker >/dev/null
    start_watcher
}

on_exit() {
    code=$?
    trap - EXIT
    set +e
    cd /
    exec 2>&3
    cat "$complaints" >&2
    if [ "$code" != 0 ]; then
        if [ -n "$began" ]; then
            # Not in a condition: a step that fails must end it, and the journal stay.
            (
                set -e
                [ ! -e "$replacing" ] || settle_replacement
                [ "$settled" != undone ] || echo 'the host is what it was before' >&2
            )
        else
            recover_replacement
        fi
    fi
    exit "$code"
}

main "$@"
