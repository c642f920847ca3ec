#!/bin/sh
# Stops the container when nobody uses it, as idle.conf says. Runs as vps-docker-idle.service; idle-signals.sh,
# beside it, has what is looked at.
#
# Time is the kernel's uptime, in centiseconds: a clock that jumps changes nothing. Nothing is remembered over
# a restart of this script, which opens a new window: what goes wrong here never stops anything.
set -eu

config_dir=${VPS_DOCKER_CONFIG_DIR:-/etc/vps-docker}
run_dir=${VPS_DOCKER_RUN_DIR:-/run/vps-docker}
log_dir=${VPS_DOCKER_LOG_DIR:-/var/lib/vps-docker}
log=$log_dir/idle.log
# The log and the one before it are no larger than this, in bytes.
log_limit=131072

# The Docker client wants a home, and we read messages.
export HOME=/root LC_ALL=C

# json_escape and read_uptime.
. "$config_dir/report.sh"
. "$config_dir/idle-signals.sh"

main() {
    umask 077
    mkdir -p "$run_dir" "$log_dir"
    container=unknown pid='' window='' held_by='' text='' all_quiet=0
    read_uptime
    looked_at=$uptime opened_at=$uptime
    read_config
    tell started
    while :; do
        check
        pause
    done
}

# A container that does not run is looked for more often: its start opens the window.
pause() {
    if [ "$container" != running ] && [ "$interval" -gt 5 ]; then sleep 5; else sleep "$interval"; fi
}

# --- the policy -------------------------------------------------------------------------------------

# Lines of a key and its value; all that follows the line `command` is shell text, the words of a command.
read_config() {
    mode='' idle_timeout=0 max_lifetime=0 interval=30 percent='' process='' command='' trouble=''
    if ! [ -r "$config_dir/idle.conf" ]; then
        trouble='idle.conf is missing'
        return
    fi
    while read -r key value; do
        case $key in
        mode) mode=$value ;;
        idle_timeout | max_lifetime | interval | percent) set_number "$key" "$value" ;;
        process) process=$value ;;
        command)
            command=$(cat)
            break
            ;;
        esac
    done <"$config_dir/idle.conf"
    case $mode in
    io | ssh | disabled) ;;
    cpu) [ -n "$percent" ] || trouble='idle.conf names no percent' ;;
    run) [ -n "$process" ] || trouble='idle.conf names no process' ;;
    custom) [ -n "$command" ] || trouble='idle.conf names no command' ;;
    *) trouble='idle.conf names no mode that is known' ;;
    esac
    [ "$interval" -gt 0 ] || interval=30
    [ "$idle_timeout" -gt 0 ] || trouble=${trouble:-'idle.conf names no idle_timeout'}
}

set_number() {
    case $2 in
    '' | *[!0-9]* | ??????????*) trouble="idle.conf has no number as $1" ;;
    *)
        # "010" would be read as an octal number.
        number=${2#"${2%%[!0]*}"}
        eval "$1=${number:-0}"
        ;;
    esac
}

# --- one look ---------------------------------------------------------------------------------------

check() {
    read_uptime
    step=$((uptime - looked_at))
    # Time in which nobody looked, as when the VPS was frozen, is no quiet time.
    if [ "$step" -gt $((interval * 200 + 500)) ]; then step=$((interval * 200 + 500)); fi
    looked_at=$uptime
    find_container
    if [ "$container" != running ]; then
        if [ -n "$window" ]; then
            window='' held_by='' text="the container is $container"
            tell ended
        fi
        show checked
        return
    fi
    # Left by a start, also of a container that runs.
    if [ -e "$run_dir/idle-window" ]; then
        rm -f "$run_dir/idle-window"
        window=''
    fi
    [ "$window" = "$pid-$pid_start" ] || open_window
    look
    decide
}

# Sets $container to running, absent, unknown or Docker's word, and $pid of its first process. Docker is asked
# only when that process is another one: asking costs more than all the rest.
find_container() {
    if [ -n "$pid" ] && process_start "/proc/$pid/stat" && [ "$start" = "$pid_start" ]; then return; fi
    pid='' container=unknown
    answer=$(timeout 20 docker container inspect \
        -f '{{.State.Status}} {{.State.Pid}} {{.Id}}' vps-docker 2>&1) || {
        case $answer in *'No such container'*) container=absent ;; esac
        return 0
    }
    # shellcheck disable=SC2086
    set -- $answer
    case ${1-} in
    running | paused)
        if process_start "/proc/$2/stat"; then
            container=running pid=$2 pid_start=$start
            find_cgroup "$3"
        fi
        ;;
    *[!a-z]* | '') ;;
    *) container=$1 ;;
    esac
}

open_window() {
    window=$pid-$pid_start opened_at=$uptime step=0 held_by='' text='' all_quiet=0
    forget_signals
    signals='keep_alive ssh io cpu'
    case $mode in run | custom) signals="$signals $mode" ;; esac
    for signal in $signals; do
        eval "state_$signal=idle quiet_$signal=0 seen_$signal='' value_$signal=''"
    done
    tell opened
}

look() {
    look_at_keep_alive
    count keep_alive
    look_at_sessions
    state=$ssh_state value=$ssh_value
    count ssh
    state=$io_state value=$io_value
    count io
    look_at_cpu
    count cpu
    case $mode in
    run) look_at_processes; count run ;;
    custom) ask_command; count custom ;;
    esac
}

# Keeps $state and $value of a signal, and for how long it has been quiet. An end of activity counts from the
# look that sees it, so that the quiet time is never longer than it was.
count() {
    eval "was=\$state_$1 quiet=\$quiet_$1 seen=\$seen_$1"
    case $state,$was in
    active,*) quiet=0 seen=yes ;;
    unknown,*) quiet=0 seen='' ;;
    idle,idle) quiet=$((quiet + step)) ;;
    *) quiet=0 ;;
    esac
    eval "state_$1=\$state quiet_$1=\$quiet seen_$1=\$seen value_$1=\$value"
}

# --- the decision -----------------------------------------------------------------------------------

decide() {
    before=$held_by
    age=$((uptime - pid_start))
    all_quiet=$quiet_keep_alive
    if [ -n "$trouble" ]; then
        hold policy "$trouble"
    elif [ "$state_keep_alive" != idle ]; then
        hold keep_alive "$value_keep_alive"
    elif [ "$max_lifetime" -gt 0 ] && [ "$age" -ge $((max_lifetime * 100)) ]; then
        stop "it ran for $((age / 100)) s, max_lifetime is $max_lifetime s"
        return
    elif [ "$mode" = disabled ]; then
        hold policy 'the mode is disabled'
    else
        eval "state=\$state_$mode quiet=\$quiet_$mode value=\$value_$mode"
        if [ "$quiet" -lt "$all_quiet" ]; then all_quiet=$quiet; fi
        if [ "$state" != idle ]; then
            hold "$mode" "$value"
        elif [ "$all_quiet" -ge $((idle_timeout * 100)) ]; then
            stop "nothing for $((all_quiet / 100)) s in the mode $mode ($value), idle_timeout is $idle_timeout s"
            return
        else
            held_by='' text="nothing in the mode $mode ($value)"
        fi
    fi
    if [ "$held_by" = "$before" ]; then
        show checked
    elif [ -n "$held_by" ]; then
        tell held
    else
        tell quiet
    fi
}

hold() { held_by=$1 text=$2; }

stop() {
    if hidden_marks_hold; then
        hold keep_alive "$value"
        if [ "$before" = keep_alive ]; then show checked; else tell held; fi
        return
    fi
    held_by='' text=$1
    tell stopping
    if said=$(timeout 200 sh "$config_dir/stop-container.sh" idle "$text" 10 2>&1); then
        container=exited
        tell stopped
        pid='' window=''
    else
        # It is tried again after the next look, if that says the same.
        text="it could not be stopped: $said"
        tell stop_failed
    fi
}

# --- what is told -----------------------------------------------------------------------------------

# tell EVENT: a line in the log, where it stays, and for whoever asks now.
tell() {
    describe "$1"
    # A full disk must not end us.
    if ! { printf '%s\n' "$described" >>"$log"; } 2>/dev/null; then return 0; fi
    if [ "$(wc -c <"$log")" -gt "$log_limit" ]; then mv -f "$log" "$log.1" || :; fi
    show_described
}

# show EVENT: only for whoever asks now.
show() { describe "$1"; show_described; }

show_described() {
    if { printf '%s\n' "$described" >"$run_dir/idle.json.new"; } 2>/dev/null; then
        mv -f "$run_dir/idle.json.new" "$run_dir/idle.json" || :
    fi
}

# describe EVENT -> $described, one line of JSON. Times are seconds before `at`.
describe() {
    described=''
    if [ -n "$window" ]; then
        for signal in $signals; do
            eval "state=\$state_$signal quiet=\$quiet_$signal seen=\$seen_$signal value=\$value_$signal"
            if [ -n "$seen" ]; then seconds "$quiet"; else seconds=null; fi
            escape "$value"
            described="$described${described:+,}{\"name\":\"$signal\",\"state\":\"$state\",\"active_before\":$seconds,\"value\":\"$escaped\"}"
        done
        seconds "$((uptime - opened_at))"
        described="\"window\":$seconds,\"signals\":[$described],"
        seconds "$all_quiet"
        described="$described\"quiet\":$seconds,"
    fi
    escape "$text"
    if [ -n "$held_by" ]; then holder="\"$held_by\""; else holder=null; fi
    described="{\"schema_version\":1,\"at\":$(date +%s),\"event\":\"$1\",\"container\":\"$container\",$described\"held_by\":$holder,\"text\":\"$escaped\"}"
}

# escape TEXT -> $escaped. Most of what we tell needs none, and no process.
escape() {
    case $1 in
    *[!a-zA-Z0-9' .,:;()/_=%-']*) escaped=$(printf %s "$1" | head -c 2000 | json_escape) ;;
    *) escaped=$1 ;;
    esac
}

main
