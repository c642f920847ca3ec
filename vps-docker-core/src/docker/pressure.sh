# Says what the container has run out of, each on a line: `pressure`, a tab, and `memory KILLED`, `pids REFUSED`, or
# `disk FREE SIZE` and `data FREE SIZE` in KiB, the last where the data volume has a disk of its own.

# tell_pressure PROCESS: of the container with that first process; 0 when it does not run.
tell_pressure() {
    # Version 1 and 2 of the control groups, and both at once.
    { [ "${1:-0}" = 0 ] || while IFS=: read -r _ controllers group; do
        case ,$controllers, in
        *,memory,*) tell_count memory oom_kill "/sys/fs/cgroup/memory$group/memory.oom_control" ;;
        *,pids,*) tell_count pids max "/sys/fs/cgroup/pids$group/pids.events" ;;
        ,,)
            tell_count memory oom_kill "/sys/fs/cgroup$group/memory.events"
            tell_count pids max "/sys/fs/cgroup$group/pids.events"
            ;;
        esac
    done <"/proc/$1/cgroup"; } 2>/dev/null || :
    { read -r volume </etc/vps-docker/state-dir; } 2>/dev/null || return 0
    # What is below is quiet about a volume that is gone.
    disk=$(tell_disk "$volume" 2>/dev/null) || return 0
    printf 'pressure\tdisk %s\n' "${disk#* }"
    data=$(tell_disk "${volume%/vps-docker-state/*}/vps-docker-data/_data" 2>/dev/null) || return 0
    [ "${data%% *}" = "${disk%% *}" ] || printf 'pressure\tdata %s\n' "${data#* }"
}

# tell_count WHAT KEY FILE: the number behind that key.
tell_count() {
    while read -r key count; do
        if [ "$key" = "$2" ]; then printf 'pressure\t%s %s\n' "$1" "$count"; fi
    done <"$3"
}

# tell_disk DIRECTORY: device and place of the file system, without blanks, what is free, and its size.
tell_disk() { df -Pk "$1" | awk 'NR == 2 { print $1 ":" $6, $4, $2; found = 1 } END { exit !found }'; }
