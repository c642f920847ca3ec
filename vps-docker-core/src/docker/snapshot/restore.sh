# Makes the host what it was when a snapshot was taken, and leaves it running. Everything is prepared while the old
# container runs; then it is stopped and both its layer and its data are kept until the new one's sshd answers with the
# key of this host. If that does not happen, the old state is back.
#
# $1: the snapshot, $2: the image's digest, $3: tag of the new image, $4: the container's SSH port, $5: seconds for it to
# let somebody in, $6: seconds for the old one to stop, $7 and $8: bytes of standard input, behind them: `HASH  NAME` of its
# files. Standard input: the words of `docker create`, quoted, for they may hold secrets, and the record that the host will
# have, or nothing where only its image changes. Exit code 67 says that there is no such snapshot, 65 that it is damaged.
id=$1 digest=$2 tag=$3 port=$4 limit=$5 grace=$6 length=$7 record_length=$8
shift 8
began=''
complaints=/run/vps-docker/restore.err

main() {
    receive
    exec 3>&2 2>"$complaints"
    trap '' PIPE
    trap on_exit EXIT
    trap 'exit 1' HUP INT TERM
    look
    sweep
    check "$@"
    prepare
    swap
    await_door "$port" "$limit" 'the container of the snapshot'
    keep_restored
}

# A connection that broke looks like the end of input.
receive() {
    words=$(head -c "$length")
    [ "$(printf %s "$words" | wc -c)" -eq "$length" ]
    [ "$record_length" -gt 0 ] || return 0
    cat >"$next_record"
    sync "$next_record"
    [ "$(wc -c <"$next_record")" -eq "$record_length" ]
}

check() {
    [ -e "$snapshots/$id.json" ] || exit 67
    check_image "$id" "$digest"
    verify "$snapshots/$id" "$@"
}

prepare() {
    mkdir "$prepared"
    unpack "$snapshots/$id" "$prepared"
    docker tag "vps-docker/snapshot:$id" "vps-docker/restored:$tag"
    sync -f "$prepared"
}

swap() {
    was=$status
    snapshot=$id
    printf '%s %s %s\n' "$tag" "$id" "${was:-absent}" >"$journal.tmp"
    sync "$journal.tmp"
    mv "$journal.tmp" "$journal"
    sync "$state"
    began=yes
    if [ -n "$was" ]; then
        docker stop -t "$grace" vps-docker >/dev/null
        docker rename vps-docker vps-docker-replaced
    fi
    mv "$data" "$replaced"
    mv "$prepared" "$data"
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
            recover_or_undo
        else
            rm -f "$next_record"
            sweep
        fi
        if ran_full "$complaints"; then
            refuse_for_space "$(du -s -B1 "$data" | cut -f 1)"
        fi
    fi
    exit "$code"
}

# Once the record names the new image there is no way back.
recover_or_undo() {
    [ -e "$journal" ] || return 0
    if is_recorded; then
        (
            set -e
            keep_restored
        )
    else
        # Not in a condition: a step that fails must end it, and the journal stay.
        (
            set -e
            undo_restore
            echo 'the host is what it was before' >&2
        )
    fi
}

main "$@"
