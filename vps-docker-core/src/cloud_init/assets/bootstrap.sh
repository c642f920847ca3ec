#!/bin/sh
# Makes this machine ready for vps-docker: sshd as configured, Docker installed and answering.
# Runs as vps-docker-bootstrap.service at every boot, before anything else of vps-docker; does again
# only what is missing. What it does and how it ends stands in /run/vps-docker/bootstrap.json.
#
#   bootstrap.sh          does the work
#   bootstrap.sh watchdog ExecStopPost of the unit: turns an unfinished report into a failed one
set -eu

config_dir=${VPS_DOCKER_CONFIG_DIR:-/etc/vps-docker}
run_dir=${VPS_DOCKER_RUN_DIR:-/run/vps-docker}
sshd_config=/etc/ssh/sshd_config.d/10-vps-docker.conf
state=''
step=''
steps=''

# apt and the Docker client want one, systemd sets none; and we read messages, so: in English.
export HOME=/root LC_ALL=C DEBIAN_FRONTEND=noninteractive

. "$config_dir/report.sh"
. "$config_dir/bootstrap.env"

main() {
    mkdir -p -m 0700 "$run_dir"
    : >"$run_dir/output"
    : >"$run_dir/command"
    started_at=$(date +%s)
    trap on_exit EXIT
    # What the shell itself complains about belongs into the report too.
    exec 2>>"$run_dir/output"

    # The sshd of an adopted machine is its owner's.
    if [ -z "${ADOPTED-}" ]; then
        step 'check sshd'
        check_sshd
    fi
    install_docker
    start_docker
    fit_container
    end_step
    step=''
    report 'done' ",\"docker_version\":\"$(json_escape <"$run_dir/output" | sed 's/\\n$//')\""
}

# A configuration that sshd refuses must not cost the only door: without ours, sshd comes up and
# the report can be fetched.
check_sshd() {
    # sshd makes it when it starts; its absence is no fault of the configuration.
    mkdir -p -m 0755 /run/sshd
    if ! [ -e "$sshd_config" ]; then
        explain 'find our sshd configuration' "$sshd_config is missing; was it refused at an earlier boot?" 1
    fi
    if run sshd -t; then
        # Only on an image that starts sshd before cloud-init has written this.
        if [ -n "$(find "$sshd_config" -newer /run/sshd.pid 2>/dev/null)" ]; then
            run systemctl reload ssh.service
        fi
    else
        code=$?
        mv -f "$sshd_config" "$config_dir/refused-sshd.conf"
        systemctl restart ssh.service >/dev/null 2>&1 || :
        exit "$code"
    fi
}

install_docker() {
    wanted='' recommended=''
    if ! command -v dockerd >/dev/null || [ -e "$config_dir/installing" ]; then
        # Recommended only, yet Docker is nothing without them: its client from Debian 13 on, the
        # certificates to pull with, the profile loader where the kernel enforces AppArmor.
        wanted=$PACKAGES recommended='docker-cli ca-certificates'
        if grep -qs Y /sys/module/apparmor/parameters/enabled; then
            recommended="$recommended apparmor"
        fi
        [ -n "$wanted" ] || command -v dockerd >/dev/null ||
            explain 'find dockerd' 'this image has no Docker: choose one that has, or another DockerSource' 127
    fi
    # Where Docker is the owner's of an adopted machine, so is gVisor.
    if [ -n "${GVISOR-}" ] && { [ -z "${ADOPTED-}" ] || [ -n "$wanted" ]; }; then
        write_runsc
        if ! command -v runsc >/dev/null || [ -e "$config_dir/installing" ]; then wanted="$wanted runsc"; fi
    fi
    if [ -z "$wanted" ] && ! [ -e "$config_dir/installing" ]; then return 0; fi
    step 'install docker'
    wait_for_cloud_config
    # Cut off by a reboot the last time?
    if [ -e "$config_dir/installing" ]; then
        patiently dpkg --configure -a
    fi
    : >"$config_dir/installing"
    install_packages
    rm -f "$config_dir/installing"
}

# The VPS may be larger than it was, or smaller.
fit_container() {
    if [ -r "$config_dir/fit-memory.sh" ]; then
        . "$config_dir/fit-memory.sh"
        fit_memory vps-docker 2>/dev/null || :
    fi
}

start_docker() {
    step 'start docker'
    # A dockerd that came up before its configuration was written has not read it. That of an adopted machine
    # is its owner's, with containers that are not to be restarted.
    if [ -z "${ADOPTED-}" ] && [ -n "$(find /etc/docker/daemon.json -newer /run/docker.pid 2>/dev/null)" ]; then
        verb=restart
    else
        verb=start
    fi
    # Started at boot or by its package as a rule: then this waits for it.
    run systemctl "$verb" docker.service || {
        code=$?
        journalctl --unit=docker.service --lines=30 --output=cat --no-pager >>"$run_dir/output" 2>&1 || :
        exit "$code"
    }
    step 'ask docker'
    read_uptime
    deadline=$((uptime + 3000))
    until run docker version --format '{{.Server.Version}}'; do
        code=$?
        read_uptime
        [ "$uptime" -lt "$deadline" ] || exit "$code"
        sleep 0.1
    done
    [ -z "${GVISOR-}" ] || {
        check_gvisor
        run docker version --format '{{.Server.Version}}'
    }
}

# cloud-init's own apt configuration (mirrors, proxies) is written in its next stage; an update
# before that would fetch the wrong lists. Bounded, for it is a courtesy and not a condition.
wait_for_cloud_config() {
    tries=0
    while [ "$tries" -lt 600 ]; do
        case $(systemctl show --property=Job --value cloud-config.service 2>/dev/null) in
        '' | 0) return 0 ;;
        esac
        tries=$((tries + 1))
        sleep 0.1
    done
}

# Mirrors have hiccups: a few tries with growing pauses. What fails otherwise fails at once.
install_packages() {
    pause=1
    while :; do
        blame=''
        patiently apt-get update && fresh=yes || fresh=no
        if unreachable_mirror; then
            fresh=no
            # With code 0 too: apt makes do with old lists.
            blame='apt-get update'
        fi
        # Another repository of this image may be broken for good; ours is not, if it has what we
        # want. And with fresh lists apt's own words are wanted for what it does not have.
        if [ "$fresh" = yes ] || { ! locked && known_packages; }; then
            # Split on purpose: package names, checked before they were written.
            # shellcheck disable=SC2046
            if patiently apt-get install --no-install-recommends -- $(wanted_packages); then
                return 0
            fi
            blame=''
        fi
        if ! unreachable_mirror || [ "$pause" -gt 8 ]; then
            [ -z "$blame" ] || printf %s "$blame" >"$run_dir/command"
            [ "$code" -ne 0 ] || code=100
            exit "$code"
        fi
        sleep "$pause"
        pause=$((pause * 2))
    done
}

wanted_packages() {
    printf '%s ' "$wanted"
    for package in $recommended; do
        if available "$package"; then
            printf '%s ' "$package"
        fi
    done
}

# patiently COMMAND…: waits for whoever holds the locks of apt, but not for ever. apt itself can wait
# for one of its locks only, not for that of the package lists.
patiently() {
    read_uptime
    deadline=$((uptime + APT_LOCK_TIMEOUT * 100))
    while :; do
        write_apt_config $(((deadline - uptime + 99) / 100))
        code=0
        run "$@" || code=$?
        read_uptime
        if [ "$code" -eq 0 ] || [ "$uptime" -ge "$deadline" ] || ! locked; then
            return "$code"
        fi
        sleep 0.5
        read_uptime
    done
}

write_apt_config() {
    cat >"$run_dir/apt.conf" <<EOF
quiet "1";
APT::Get::Assume-Yes "true";
Acquire::Languages "none";
Acquire::Retries "1";
Acquire::http::Timeout "15";
Acquire::https::Timeout "15";
DPkg::Lock::Timeout "$1";
Dpkg::Use-Pty "0";
Dpkg::Options { "--force-confdef"; "--force-confold"; };
EOF
    export APT_CONFIG="$run_dir/apt.conf"
}

locked() {
    grep -Eq 'Could not get lock|Unable to acquire|lock (was|is) locked' "$run_dir/output"
}

unreachable_mirror() {
    grep -Eq 'Failed to fetch|Unable to fetch|Hash Sum mismatch|Temporary failure|Could not (connect|resolve)' \
        "$run_dir/output"
}

available() {
    [ -n "$(apt-cache madison "$1" 2>/dev/null)" ]
}

known_packages() {
    for package in $wanted; do
        available "${package%%[=/]*}" || return 1
    done
}

# run COMMAND…: keeps what it says, and which one it was, for the report.
run() {
    printf %s "$*" >"$run_dir/command"
    "$@" </dev/null >"$run_dir/output" 2>&1 || return $?
    : >"$run_dir/command"
}

# explain WHAT WHY CODE: fails for a reason of our own.
explain() {
    printf %s "$1" >"$run_dir/command"
    printf '%s\n' "$2" >"$run_dir/output"
    exit "$3"
}

# Every way out of this script passes here.
on_exit() {
    code=$?
    trap - EXIT
    set +e
    [ "$state" != 'done' ] || exit "$code"
    # An end without the word "done" is a failure, whatever the code says.
    [ "$code" -ne 0 ] || code=1
    cat "$run_dir/output"
    command=$(cat "$run_dir/command")
    report_failure "${command:-$0}" "$code" <"$run_dir/output"
    exit "$code"
}

# systemd tells in $SERVICE_RESULT how the unit ended: "timeout", "signal", "oom-kill", …
watchdog() {
    case $(cat "$run_dir/bootstrap.json" 2>/dev/null) in
    *'"state":"done"'*) return 0 ;;
    *'"state":"failed"'*) [ "${SERVICE_RESULT-}" = timeout ] || return 0 ;;
    esac
    set +e
    mkdir -p -m 0700 "$run_dir"
    step=$(sed -n 's/.*"step":"\([^"]*\)".*/\1/p' "$run_dir/bootstrap.json" 2>/dev/null)
    started_at=$(sed -n 's/.*"started_at":\([0-9]*\).*/\1/p' "$run_dir/bootstrap.json" 2>/dev/null)
    : "${started_at:=$(date +%s)}"
    steps=$(sed -n 's/.*"steps":\[\([^]]*\)\].*/\1/p' "$run_dir/bootstrap.json" 2>/dev/null)
    command=$(cat "$run_dir/command" 2>/dev/null)
    {
        cat "$run_dir/output" 2>/dev/null
        if [ "${SERVICE_RESULT-}" = timeout ]; then
            printf '\nstopped: the bootstrap was not done within %s seconds\n' "$TIMEOUT"
        else
            printf '\nstopped: %s\n' "${SERVICE_RESULT-unknown}"
        fi
    } | report_failure "${command:-$0}" 124
}

case ${1-} in
watchdog) watchdog ;;
*) main ;;
esac
