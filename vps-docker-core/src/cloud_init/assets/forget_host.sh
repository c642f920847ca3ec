# Run by cloud-init's bootcmd, once, on a disk that was copied from another host's: before Docker is up. That host's
# container must not come up here: its sshd would answer with that host's key, and what runs in it would run twice.
# Nor its Docker endpoint, which takes that host's certificates.
# Without its keys its sshd cannot start, and Docker is told on disk not to start it. It is removed when the host is
# set up.
rm -rf /etc/vps-docker/container-ssh /etc/vps-docker/container-env /etc/vps-docker/endpoint*
rm -f /etc/systemd/system/vps-docker-endpoint.service /etc/systemd/system/multi-user.target.wants/vps-docker-endpoint.service
for container in /var/lib/docker/containers/*/; do
    if grep -q '"Name":"/vps-docker"' "$container/config.v2.json"; then
        sed -i 's/"RestartPolicy":{"Name":"[a-z-]*"/"RestartPolicy":{"Name":"no"/' "$container/hostconfig.json"
    fi
done
