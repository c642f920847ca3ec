# Removes cloud-init's copies of user_data, which it makes anew at every boot, and with them the host key that was handed
# over in it. Runs as vps-docker-forget-user-data.service, when cloud-init has done.
set -eu
export LC_ALL=C
key=/etc/ssh/ssh_host_ed25519_key
cloud=/var/lib/cloud

for file in "$cloud"/instances/*/user-data* "$cloud"/instances/*/vendor-data* "$cloud"/instances/*/vendor*-config.txt \
    "$cloud"/instances/*/cloud-config.txt "$cloud"/instances/*/obj.pkl "$cloud"/instances/*/scripts/part-* \
    /run/cloud-init/combined-cloud-config.json /run/cloud-init/instance-data-sensitive.json; do
    [ ! -f "$file" ] || rm -f "$file"
done
# Without one cloud-init would look for another source at the next boot, and take the machine for a new one.
for file in "$cloud"/seed/*/user-data; do
    [ ! -f "$file" ] || printf '#cloud-config\n' >"$file"
done

# Wherever else it may have got to, by its own lines.
if [ -e "$key.old" ]; then
    lines=$(sed -n '/-----/!p' "$key.old" | tail -n 3)
    grep -rlF "$lines" /var/lib/cloud /run/cloud-init /var/log /etc /root /tmp /var/tmp 2>/dev/null |
        while IFS= read -r file; do
            [ "$file" = "$key.old" ] || : >"$file"
        done
    : >"$key.old"
    rm -f "$key.old"
fi
sync
