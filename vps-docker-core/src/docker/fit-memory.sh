# The memory of a container that is to have what the VPS has: all but a reserve for the VPS itself, its sshd, its
# Docker and what it builds. So that it also fits after a resize, it is worked out anew at every start and boot.

# fit_memory NAME: the limit of that container, if it bears our label. Idempotent; what runs goes on.
fit_memory() {
    fit=$(docker container inspect -f '{{range $label, $_ := .Config.Labels}}{{if eq $label "vps-docker-fit-memory"}}yes{{end}}{{end}}' "$1") || return
    [ -n "$fit" ] || return 0
    limit=$(($(vps_memory) * 1024))
    docker update --memory "$limit" --memory-swap "$limit" "$1" >/dev/null
}

# What is left for the container, in KiB. A VPS that is itself a container has less than the kernel says.
vps_memory() {
    while read -r key memory _; do
        [ "$key" != MemTotal: ] || break
    done <"${MEMINFO:-/proc/meminfo}"
    for file in ${CGROUP:-/sys/fs/cgroup}/memory/memory.limit_in_bytes ${CGROUP:-/sys/fs/cgroup}/memory.max; do
        { read -r bytes <"$file"; } 2>/dev/null || continue
        case $bytes in
        *[!0-9]* | '') ;;
        *) if [ $((bytes / 1024)) -lt "$memory" ]; then memory=$((bytes / 1024)); fi ;;
        esac
    done
    reserve=$((256 * 1024 + memory / 50))
    if [ "$reserve" -gt $((memory / 2)) ]; then reserve=$((memory / 2)); fi
    printf '%s\n' $((memory - reserve))
}
