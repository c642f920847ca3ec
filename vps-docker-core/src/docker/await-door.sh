# Waits until the sshd of the container presents the key of this host. Stands behind operation.sh.

# await_door PORT SECONDS WHAT: exit code 1 when it does not, with what the container said last. WHAT it is called.
await_door() {
    read -r _ wanted _ </etc/vps-docker/container-ssh/ssh_host_ed25519_key.pub
    deadline=$(($(date +%s) + $2))
    until [ "$(presented "$1")" = "$wanted" ]; do
        case $(what_runs) in
        *' running') ;;
        *)
            echo "$3 does not stay up; it said:" >&2
            docker logs --tail=20 vps-docker >&2 2>&1 || :
            exit 1
            ;;
        esac
        if [ "$(date +%s)" -ge "$deadline" ]; then
            echo "$3 lets nobody in within $2 s" >&2
            exit 1
        fi
        sleep 0.1
    done
}

# The key that the container's sshd presents at the port $1, while it does.
presented() {
    ssh-keyscan -T 2 -t ed25519 -p "$1" 127.0.0.1 2>/dev/null | sed -n 's/^[^#][^ ]* [^ ]* //p'
}
