# Stands in front of the scripts that change a host. They wait for one another, and what one that was killed has left
# is put in order first. Sets $state and $data, the directories of the two volumes.
set -eu
umask 077
export LC_ALL=C
mkdir -p /run/vps-docker
exec 8>/run/vps-docker/operation.lock
flock -w 60 8 || {
    echo 'another operation on this host, such as a snapshot, is under way' >&2
    exit 75
}
volumes=$(docker volume inspect -f '{{.Mountpoint}}' vps-docker-state vps-docker-data)
state=${volumes%%
*}
data=${volumes##*
}
# Where a restore keeps the new content of the data volume and the old one, beside it.
prepared=${data%/*}/restoring
replaced=${data%/*}/replaced
# A restore writes here, before it touches anything, what it is about to do: the tag of the new image, the snapshot,
# and whether the container ran.
journal=$state/restoring
# And here the record that goes with the snapshot, where more than the image differs from what it says now.
next_record=$state/restoring-record

# Sets $status: what the container is doing; empty when there is none.
look() {
    status=$(docker container inspect -f '{{.State.Status}}' vps-docker 2>&1) || {
        case $status in
        *'No such container'*) status='' ;;
        *)
            printf '%s\n' "$status" >&2
            exit 1
            ;;
        esac
    }
    # We hold the lock: whoever paused it has died.
    if [ "$status" = paused ]; then
        docker unpause vps-docker >/dev/null
        status=running
    fi
}

# For the idle watcher, which may be about to stop a container that runs.
open_idle_window() { : >/run/vps-docker/idle-window; }
start_watcher() { [ ! -e /etc/vps-docker/idle.conf ] || systemctl start vps-docker-idle.service; }

# A restore that was cut off is completed where the new container runs: it may have been at work since. Else it is
# undone.
recover() {
    if ! [ -e "$journal" ]; then
        # It was cut off before it began.
        rm -f "$next_record" "$journal.tmp"
        return 0
    fi
    read -r tag snapshot was <"$journal"
    if is_recorded || [ "$(what_runs)" = "vps-docker/restored:$tag running" ]; then
        keep_restored
    else
        undo_restore
    fi
}

is_recorded() {
    grep -q "\"derived_image\":\"vps-docker/restored:$tag\"" "$state/host.json"
}

what_runs() {
    docker container inspect -f '{{.Config.Image}} {{.State.Status}}' vps-docker 2>/dev/null || :
}

# From the moment the record names the new image the host is the restored one. Each step can be done twice.
keep_restored() {
    is_recorded || record_image "vps-docker/restored:$tag"
    docker container rm --force vps-docker-replaced >/dev/null 2>&1 || :
    rm -rf "$replaced" "$prepared" "$state/stop.json"
    if [ -d "$state/snapshots" ]; then
        printf '%s\n' "$snapshot" >"$state/snapshots/current"
    fi
    forget_images
    rm -f "$next_record" "$journal"
}

# Puts everything back. Each step can be done twice.
undo_restore() {
    case $(what_runs) in
    "vps-docker/restored:$tag "*) docker container rm --force vps-docker >/dev/null ;;
    esac
    if docker container inspect vps-docker-replaced >/dev/null 2>&1; then
        docker rename vps-docker-replaced vps-docker
    fi
    if [ -d "$replaced" ]; then
        [ ! -d "$data" ] || mv "$data" "$prepared"
        mv "$replaced" "$data"
    fi
    rm -rf "$prepared"
    forget_images
    if [ "$was" = running ]; then
        open_idle_window
        docker start vps-docker >/dev/null
    fi
    rm -f "$next_record" "$journal"
}

# Writes the image that runs into the record: by the record that was prepared, unless somebody has changed the record
# since. Else, within a JSON string the quotes would stand behind backslashes, so nothing but the field is met.
record_image() {
    (
        cd "$state"
        exec 9>lock
        flock -w 30 9
        generation=$(generation_of host.json)
        [ -n "$generation" ]
        if [ -e "$next_record" ] && [ "$(generation_of "$next_record")" = $((generation + 1)) ]; then
            cp "$next_record" host.json.tmp
        else
            sed -e "1s/\"generation\":$generation,/\"generation\":$((generation + 1)),/" \
                -e "s|\"derived_image\":\"[^\"]*\"|\"derived_image\":\"$1\"|" host.json >host.json.tmp
        fi
        grep -q "\"derived_image\":\"$1\"" host.json.tmp
        sync host.json.tmp
        mv host.json.tmp host.json
        sync .
    )
}

generation_of() { sed -n '1s/^{"schema_version":[0-9]*,"generation":\([0-9]*\),.*/\1/p' "$1"; }

# Removes the images of snapshots that have no record, and of restores that are over.
forget_images() {
    for found in $(docker image ls --format '{{.Repository}}:{{.Tag}}' \
        --filter 'reference=vps-docker/snapshot' --filter 'reference=vps-docker/restored'); do
        case $found in
        */snapshot:*) [ ! -e "$state/snapshots/${found##*:}.json" ] || continue ;;
        *) ! grep -q "\"derived_image\":\"$found\"" "$state/host.json" || continue ;;
        esac
        docker image rm --force "$found" >/dev/null
    done
}
