# What tells whether the container is used. All of it is seen from outside, by root on the VPS: in /proc, in the
# control group, in the container's network namespace. Sourced by idle-watch.sh.
#
# A look sets $state to active, idle or unknown, and $value to a few words about it. What fails is unknown.

# How long a terminal counts as active after its times changed, in centiseconds: the kernel moves them in steps
# of eight seconds, lest they betray keystrokes.
terminal_step=800

forget_signals() { connections='' mark='' terminals='' terminal_until=0 cpu_used='' data_dir=''; }

# process_start FILE -> $start, the clock ticks (centiseconds, on every Linux) from the kernel's start to that of the
# process whose stat file this is. Fails when there is none or it is a zombie.
process_start() {
    { read -r stat <"$1"; } 2>/dev/null || return 1
    # The name, in brackets, may hold anything.
    # shellcheck disable=SC2086
    set -- ${stat##*)}
    [ $# -ge 20 ] || return 1
    case $1 in Z | X) return 1 ;; esac
    start=${20}
}

# Whether the container's own processes and files are seen from here, which a kernel of its own (gVisor) hides. Its
# entrypoint makes that file before all else.
is_seen() { [ -e "/proc/$pid/root/run/vps-docker/session" ]; }

# --- SSH and terminals ------------------------------------------------------------------------------

# Sets ssh_state, ssh_value, io_state, io_value.
look_at_sessions() {
    ssh_state=idle io_state=idle
    if ! is_seen; then
        ssh_state=unknown ssh_value='the inside of the container cannot be seen from here'
        io_state=unknown io_value=$ssh_value
        return
    fi
    if ! table=$(timeout 10 nsenter --target "$pid" --net \
        ss -H -O -t -i -n -p state established '( sport = :2222 )' 2>/dev/null) ||
        ! found=$(printf '%s\n' "$table" | before=$connections awk "$count_bytes"); then
        ssh_state=unknown ssh_value='the sessions cannot be counted'
        io_state=unknown io_value=$ssh_value
        return
    fi
    sessions=${found%% *} found=${found#* }
    moved=${found%% *} connections=${found#* }
    ssh_value="$sessions sessions"
    if [ "$sessions" = 1 ]; then ssh_value='1 session'; fi
    if [ "$sessions" -gt 0 ]; then ssh_state=active; fi
    # Logins that came and went since the last look leave this mark.
    root=/proc/$pid/root
    new_mark=$(stat -c %y "$root/run/vps-docker/session" 2>/dev/null) || new_mark=''
    if [ "$new_mark" != "$mark" ] && [ -n "$mark" ]; then ssh_state=active moved=1; fi
    mark=$new_mark
    new_terminals=$(stat -c '%n %x %y' "$root"/dev/pts/[0-9]* 2>/dev/null) || new_terminals=''
    if [ "$new_terminals" != "$terminals" ]; then terminal_until=$((uptime + terminal_step)); fi
    terminals=$new_terminals
    if [ "$moved" = 1 ] || [ "$uptime" -lt "$terminal_until" ]; then io_state=active; fi
    io_value=$ssh_value
    if [ -n "$terminals" ]; then io_value="$io_value, and terminals"; fi
}

# From a line of `ss` per connection: "COUNT MOVED PEER BYTES PEER BYTES …". BYTES is what the sshd of a connection
# has read and written, less what went over the connection: what is left went to and from programs, terminals and
# forwarded ports. What keeps a connection alive, encryption and retransmission cancel out, so that one
# byte is activity. A connection that is not logged in does not count; sshd's title tells.
# shellcheck disable=SC2016
count_bytes='
BEGIN {
    fields = split(ENVIRON["before"], field, " ")
    for (i = 1; i < fields; i += 2) { most[field[i]] = field[i + 1]; gone[field[i]] = 1 }
}
NF >= 4 {
    stranger = 0; bytes = 0
    holders = split($0, holder, "pid=")
    for (i = 2; i <= holders; i++) {
        process = "/proc/" (holder[i] + 0)
        title = ""
        getline title < (process "/cmdline"); close(process "/cmdline")
        if (title ~ /\[(accepted|net|preauth)\]/) stranger = 1
        while ((getline line < (process "/io")) > 0)
            if (line ~ /^[rw]char:/) { split(line, part, " "); bytes += part[2] }
        close(process "/io")
    }
    if (stranger) next
    for (i = 5; i <= NF; i++) {
        split($i, part, ":")
        if (part[1] == "bytes_sent" || part[1] == "bytes_received") bytes -= part[2]
        if (part[1] == "bytes_retrans") bytes += part[2]
    }
    count++
    delete gone[$4]
    if (!($4 in most) || bytes > most[$4] + 0) moved = 1
    # A packet between the two readings must not count again when it is gone.
    if ($4 in most && most[$4] + 0 > bytes) bytes = most[$4]
    list = list sprintf(" %s %.0f", $4, bytes)
}
END {
    for (peer in gone) moved = 1
    print count + 0 " " moved + 0 list
}'

# --- CPU and processes ------------------------------------------------------------------------------

# find_cgroup ID -> $cgroup, the directory of the container whose ID this is. Version 1 and 2, and both at once.
find_cgroup() {
    cgroup='' unified=''
    { while IFS=: read -r _ controllers path; do
        case $path in *"$1"*) ;; *) continue ;; esac
        # The container may have groups of its own below.
        rest=${path#*"$1"}
        path=${path%"$rest"}${rest%%/*}
        case ,$controllers, in
        *,cpuacct,*) try_cgroup "/sys/fs/cgroup/cpuacct$path" || try_cgroup "/sys/fs/cgroup/$controllers$path" ;;
        ,,) try_unified "/sys/fs/cgroup$path" || try_unified "/sys/fs/cgroup/unified$path" ;;
        esac || :
    done <"/proc/$pid/cgroup"; } 2>/dev/null || :
    : "${cgroup:=$unified}"
}
try_cgroup() { [ -r "$1/cpuacct.usage" ] && cgroup=$1; }
try_unified() { [ -r "$1/cpu.stat" ] && unified=$1; }

# The share of a core since the last look, in percent.
look_at_cpu() {
    state=unknown value='the CPU time cannot be read'
    was_used=$cpu_used cpu_used=''
    if [ -z "$cgroup" ]; then return; fi
    if { read -r cpu_used <"$cgroup/cpuacct.usage"; } 2>/dev/null; then
        cpu_used=$((cpu_used / 10000000))
    elif { read -r _ cpu_used <"$cgroup/cpu.stat"; } 2>/dev/null; then
        cpu_used=$((cpu_used / 10000))
    else
        cpu_used=''
        return
    fi
    read_uptime
    was_read_at=${cpu_read_at-} cpu_read_at=$uptime
    state=idle value='not measured yet'
    if [ -z "$was_used" ] || [ "$cpu_read_at" -le "$was_read_at" ]; then return; fi
    share=$(((cpu_used - was_used) * 100 / (cpu_read_at - was_read_at)))
    value="$share percent of a core"
    if [ "$share" -ge "${percent:-5}" ]; then state=active; fi
}

# By the name that a process has (the kernel keeps 15 bytes of it) and by the base name of the program it was
# started as.
look_at_processes() {
    state=unknown value='the processes cannot be listed'
    if ! is_seen; then return; fi
    if [ -z "$cgroup" ] || ! pids=$(find "$cgroup" -name cgroup.procs -exec cat {} + 2>/dev/null); then return; fi
    if [ -z "$pids" ]; then return; fi
    state=idle found='' titles=''
    short=$(printf %s "$process" | head -c 15)
    for one in $pids; do
        # A zombie is none.
        process_start "/proc/$one/stat" || continue
        name=${stat%)*}
        if [ "${name#*(}" = "$short" ]; then found=yes; fi
        titles="$titles /proc/$one/cmdline"
    done
    # shellcheck disable=SC2086
    if [ -n "$found" ] || sed -szn 1p -- $titles 2>/dev/null </dev/null | tr '\000\n' '\n ' |
        sed 's|.*/||' | grep -Fqx -e "$process"; then
        state=active value="$process lives"
    else
        value="no $process"
    fi
}

# --- what the user says -----------------------------------------------------------------------------

# 0 is "in use", 1 is "idle"; all else is a failure.
ask_command() {
    code=0
    (
        eval "set -- $command"
        exec timeout 30 docker exec vps-docker /bin/sh -c "$limited" limited "$@"
    ) </dev/null >/dev/null 2>&1 || code=$?
    value="exit code $code"
    case $code in
    0) state=active ;;
    1) state=idle ;;
    *) state=unknown ;;
    esac
}

# Runs in the container, where `timeout` need not be: nothing that hangs may pile up there.
# shellcheck disable=SC2016
limited='"$@" & asked=$!
{ sleep 10 & nap=$!; trap "kill $nap; exit" TERM; wait "$nap" && kill -9 "$asked"; } >/dev/null 2>&1 & limit=$!
wait "$asked"; code=$?
kill "$limit" 2>/dev/null
exit "$code"'

# The file in the root of the data volume, and the commands under vps-docker-keep-alive: each leaves a file that is
# named by its process, as the container numbers it, and by when that started.
look_at_keep_alive() {
    state=unknown value='the data volume cannot be found'
    if [ -z "$data_dir" ]; then
        data_dir=$(timeout 20 docker volume inspect -f '{{.Mountpoint}}' vps-docker-data 2>/dev/null) || data_dir=''
    fi
    if ! [ -d "$data_dir" ]; then
        data_dir=''
        return
    fi
    state=active value='the file keep-alive is in the data volume'
    if [ -e "$data_dir/keep-alive" ] || [ -L "$data_dir/keep-alive" ]; then return; fi
    root=/proc/$pid/root
    for file in "$root/run/vps-docker/keep-alive"/*; do
        name=${file##*/}
        case $name in *[!0-9-]* | -* | *- | *-*-*) continue ;; *-*) ;; *) continue ;; esac
        if process_start "$root/proc/${name%-*}/stat" && [ "$start" = "${name#*-}" ]; then
            value="a command under vps-docker-keep-alive, process ${name%-*}"
            return
        fi
    done
    state=idle value=nothing
}

# The commands under vps-docker-keep-alive in a container that cannot be looked into: it is asked, and what it does not
# answer holds it up. That costs it CPU time, so only before it would be stopped. Sets $value.
hidden_marks_hold() {
    if is_seen; then return 1; fi
    code=0
    answer=$(timeout 30 docker exec vps-docker /bin/sh -c "$living_marks" 2>/dev/null </dev/null) || code=$?
    value='the container does not say what it runs'
    [ "$code" = 0 ] || return 0
    value="a command under vps-docker-keep-alive, process $answer"
    [ -n "$answer" ]
}
# shellcheck disable=SC2016
living_marks='for file in /run/vps-docker/keep-alive/*-*; do
    mark=${file##*/}
    read -r stat 2>/dev/null <"/proc/${mark%-*}/stat" || continue
    set -- ${stat##*)}
    if [ "$1" != Z ] && [ "${20}" = "${mark#*-}" ]; then echo "${mark%-*}"; break; fi
done'
