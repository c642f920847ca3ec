# Takes a snapshot of the host: the container's image and the data volume, both of one moment.
# $1: its id, $2: its name, $3: the host's name, $4: the host's id. Prints the record.
#
# Most of the data is packed while the container runs. Then it is paused for as long as it takes to commit its layer
# and to pack the rest: what was not packed before, or is not for certain what was packed.
#
# The record is written last: a snapshot is there entirely or not at all.
id=$1 name=$2 host=$3 host_id=$4
image=vps-docker/snapshot:$1
work=$snapshots/$1.tmp
paused=''
needed=0
committing=''
complaints=/run/vps-docker/snapshot.err
pipe=/run/vps-docker/snapshot.pipe
# Not on the disk, which may be full: docker says nothing of what it could not print.
committed=/run/vps-docker/snapshot.image

main() {
    exec 3>&2 2>"$complaints"
    # A client that has gone away is no reason to stop.
    trap '' PIPE
    trap on_exit EXIT
    trap 'exit 1' HUP INT TERM
    look
    if [ -z "$status" ]; then
        echo 'there is no container; start the host to run it anew' >&2
        exit 66
    fi
    sweep
    container=$(docker container inspect --size -f '{{.SizeRw}} {{.Image}}' vps-docker)
    needed=$(($(used_bytes "$data") + ${container% *}))
    [ "$needed" -lt "$(free_bytes)" ] || refuse_for_space "$needed"
    mkdir "$work"
    cd "$data"

    pack_most
    if [ "$status" = running ]; then pause; fi
    created_at=$(date -u +%Y-%m-%dT%H:%M:%S.%3NZ)
    commit_layer >"$committed" &
    committing=$!
    pack_rest
    wait "$committing"
    committing=''
    paused_ms=0
    if [ -n "$paused" ]; then unpause; fi
    finish
}

# --- before the pause -------------------------------------------------------------------------------

pack_most() {
    # What is written by way of memory maps gets its time of change once, until it is on disk. After this every
    # later write gets one. Two seconds of margin: clocks are coarse.
    since=$(($(date +%s) - 2))
    touch -d "@$since" "$work/since"
    sync -f .
    # Files that go away meanwhile are no failure here.
    find . -xdev -type f ! -newerct "@$since" -printf '%i %C@ %p\0' 2>/dev/null | sort -z >"$work/before"
    names <"$work/before" >"$work/list"
    choose_packer
    said=$(pack most 2>&1) || {
        code=$?
        # What changes or goes away meanwhile is in the rest, or in no part.
        if printf '%s\n' "$said" | grep -v -e ': file changed as we read it$' -e ': File removed before we read it$' \
            -e ': Cannot stat: No such file or directory$' -e ': Cannot open: No such file or directory$' \
            -e ': File shrank by [0-9]* bytes; padding with zeros$' \
            -e ': Exiting with failure status due to previous errors$' >&2; then
            exit "$code"
        fi
    }
}

# Compressing costs some 60 ms a megabyte of a core that the container wants too: only if it brings a quarter, tried on the
# first 4 MiB.
choose_packer() {
    packer=''
    tar_of "$work/list" 2>/dev/null | head -c 4194304 >"$work/sample" || :
    if [ "$(gzip -1 <"$work/sample" | wc -c)" -lt $(($(wc -c <"$work/sample") * 3 / 4)) ]; then
        packer='gzip -1'
    fi
    rm "$work/sample"
}

# pack PART: $work/list as $work/PART.tar or PART.tar.gz.
pack() {
    if [ -n "$packer" ]; then
        tar_of "$work/list" --file "$work/$1.tar.gz" --use-compress-program "nice $packer"
    else
        tar_of "$work/list" --file "$work/$1.tar"
    fi
}

# tar_of LIST [OPTION...]: the files of a list. Sockets are left out: nobody listens on a stored one.
tar_of() {
    list=$1
    shift
    tar --create --format=pax --sparse --numeric-owner --acls --xattrs '--xattrs-include=*' --no-recursion "$@" \
        --null --files-from "$list"
}

# The paths of lines `INODE TIME PATH`, all of them ended by NUL.
names() { sed -z 's/^[^ ]* [^ ]* //'; }

# --- the pause --------------------------------------------------------------------------------------

pause() {
    began=$(date +%s%N)
    # Unpauses when we are killed: it gets our word, or the end of a pipe that we hold.
    rm -f "$pipe"
    mkfifo "$pipe"
    setsid sh -c 'read -r _ || docker unpause vps-docker' <"$pipe" >/dev/null 2>&1 &
    guard=$!
    exec 7>"$pipe"
    paused=yes
    docker pause vps-docker >/dev/null
}

unpause() {
    docker unpause vps-docker >/dev/null
    paused_ms=$((($(date +%s%N) - began) / 1000000))
    paused=''
    echo >&7
    exec 7>&-
    wait "$guard"
}

commit_layer() { docker commit --pause=false --change "LABEL vps-docker-snapshot=$id" vps-docker "$image"; }

# A file is what was packed if inode, time of change and path are what they were: a write, a link and a rename set the
# time. Those below a directory that may have been moved meanwhile, and back, are not trusted.
pack_rest() {
    find . -xdev \( -type f -printf '%i %C@ %p\0' \) -o \( ! -type s -printf '- - %p\0' \) >"$work/unsorted"
    sort -z "$work/unsorted" >"$work/now"
    below_moved >"$work/unsorted"
    sort -z -u "$work/unsorted" | comm -z -23 "$work/before" - >"$work/trusted"
    comm -z -13 "$work/trusted" "$work/now" | names >"$work/list"
    # Compressing can wait.
    tar_of "$work/list" --file "$work/rest.tar"
}

# A move sets a directory's time of change, and the time of modification of the one that it stands in.
below_moved() {
    find . -xdev -mindepth 1 -type d -newerct "@$since" -print0 |
        xargs -0 -r sh -c 'for dir; do [ ! "${dir%/*}" -nt "$0" ] || printf "%s\0" "$dir"; done' "$work/since" |
        xargs -0 -r sh -c 'exec find "$@" -xdev -type f -printf "%i %C@ %p\0"' find
}

# --- after it ---------------------------------------------------------------------------------------

finish() {
    if [ -n "$packer" ]; then nice $packer "$work/rest.tar"; fi
    comm -z -23 "$work/before" "$work/now" | names >"$work/dropped"
    # What it takes to run the image elsewhere.
    cp "$state/host.json" "$work/host.json"
    image_id=$(cat "$committed")
    (cd "$work" && rm since before now unsorted trusted list)
    sizes=$(docker image inspect -f '{{.Size}}' "$image_id" "${container#* }")
    size=$((${sizes%%
*} - ${sizes##*
}))
    files=''
    cd "$work"
    for file in *; do
        bytes=$(wc -c <"$file")
        size=$((size + bytes))
        sum=$(sha256sum <"$file")
        files="$files${files:+,}{\"name\":\"$file\",\"size_bytes\":$bytes,\"sha256\":\"${sum%% *}\"}"
    done
    cd "$snapshots"
    mv "$work" "$id"
    parent=null
    if [ -e current ] && read -r current <current && [ -e "$current.json" ]; then parent="\"$current\""; fi
    printf '{"schema_version":1,"generation":1,"id":"%s","host":"%s","host_id":"%s","name":"%s","created_at":"%s",' \
        "$id" "$host" "$host_id" "$name" "$created_at" >"$id.json.tmp"
    printf '"size_bytes":%s,"parent":%s,"image_id":"%s","paused_ms":%s,"files":[%s]}\n' \
        "$size" "$parent" "$image_id" "$paused_ms" "$files" >>"$id.json.tmp"
    # All that was written, the image's layer too.
    sync -f .
    mv "$id.json.tmp" "$id.json"
    printf '%s\n' "$id" >current
    sync .
    cat "$id.json" || :
}

# Every way out passes here. Without a record, what was made is removed.
on_exit() {
    code=$?
    trap - EXIT
    set +e
    if [ -n "$paused" ]; then unpause; fi
    if [ -n "$committing" ]; then wait "$committing"; fi
    cd /
    exec 2>&3
    cat "$complaints" >&2
    if [ "$code" != 0 ] && [ ! -e "$snapshots/$id.json" ]; then
        sweep
        if grep -qi 'no space left on device' "$complaints"; then refuse_for_space "$needed"; fi
    fi
    exit "$code"
}

main
