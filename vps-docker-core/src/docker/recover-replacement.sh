# What becomes of a replace of the container: kept when the record names it, else undone. Stands behind the beginning of
# operation.sh.

# A replace writes here, before it touches anything, what it is about to do: the deployment, whether the old container
# ran, the seconds for a container to stop, the new image, and the one of before or `-`.
replacing=$state/replacing
environment=/etc/vps-docker/container-env
settled=''

# A replace that was cut off on the VPS itself.
recover_replacement() {
    if ! [ -e "$replacing" ]; then
        # It was cut off before it began.
        rm -f "$environment/environment.next" "$environment/environment.replaced" "$replacing.tmp"
        return 0
    fi
    read -r deployment was grace image former <"$replacing"
    settle_replacement
}

# From the moment the record names the new container the host is that. If it does not, it will not any more: whoever
# has read the record and is late with the new one finds another generation there.
settle_replacement() {
    exec 9>"$state/lock"
    flock -w 30 9
    if grep -q "\"deployment\":\"$deployment\"" "$state/host.json"; then
        verdict=kept
    else
        verdict=undone
        # Where the disk is full nobody else writes the record either.
        raise_generation || rm -f "$state/host.json.tmp"
    fi
    exec 9>&-
    if [ "$verdict" = kept ]; then keep_replacement; else undo_replacement; fi
    settled=$verdict
}

raise_generation() {
    record=$state/host.json
    generation=$(generation_of "$record") &&
        [ -n "$generation" ] &&
        sed "1s/\"generation\":$generation,/\"generation\":$((generation + 1)),/" "$record" >"$record.tmp" &&
        [ "$(wc -c <"$record.tmp")" -ge "$(wc -c <"$record")" ] &&
        sync "$record.tmp" && mv "$record.tmp" "$record" && sync "$state"
}

# Each step can be done twice.
keep_replacement() {
    docker container rm --force vps-docker-replaced >/dev/null 2>&1 || :
    rm -f "$environment/environment.replaced" "$environment/environment.next" "$state/stop.json"
    [ "$former" = "$image" ] || forget_derived "$former"
    # It may have been a snapshot's.
    forget_images
    open_idle_window
    rm -f "$replacing"
}

# Puts everything back. Each step can be done twice.
undo_replacement() {
    if [ "$(deployment_of vps-docker)" = "$deployment" ]; then
        # It works on the same data: it may put that in order.
        docker stop -t "$grace" vps-docker >/dev/null 2>&1 || :
        docker container rm --force vps-docker >/dev/null
    fi
    if [ -e "$environment/environment.replaced" ]; then
        mv "$environment/environment.replaced" "$environment/environment"
    fi
    rm -f "$environment/environment.next"
    if docker container inspect vps-docker-replaced >/dev/null 2>&1; then
        docker rename vps-docker-replaced vps-docker
    fi
    [ "$former" = "$image" ] || forget_derived "$image"
    if [ "$was" = running ]; then
        open_idle_window
        docker start vps-docker >/dev/null
        start_watcher
    fi
    rm -f "$replacing"
}

deployment_of() {
    docker container inspect -f '{{index .Config.Labels "vps-docker-deployment"}}' "$1" 2>/dev/null || :
}

# Removes an image that sshd was brought into, unless something is run or made of it; and what it was made of, where a
# build has given the name of that to another.
forget_derived() {
    case $1 in vps-docker/derived:*) ;; *) return 0 ;; esac
    base=$(docker image inspect -f '{{index .Config.Labels "vps-docker-base"}}' "$1" 2>/dev/null) || return 0
    docker image rm "$1" >/dev/null 2>&1 || return 0
    names=$(docker image inspect -f '{{len .RepoTags}} {{len .RepoDigests}}' "$base" 2>/dev/null) || return 0
    [ "$names" != '0 0' ] || docker image rm "$base" >/dev/null 2>&1 || :
}
