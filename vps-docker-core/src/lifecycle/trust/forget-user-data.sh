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

# Wherever else it may have got to, by the line with its secret half, which is in no process's arguments. The lines before hold
# nothing secret, and the last one may be a few letters that end other keys too. Until sshd has been switched over it is
# the key that is served.
if [ -e "$key.old" ] && ! [ -e "$key.next" ]; then
    sed -n '5{/^.\{70\}$/p}' "$key.old" |
        grep -rlF -f - /var/lib/cloud /run/cloud-init /var/log /etc /root /tmp /var/tmp 2>/dev/null |
        while IFS= read -r file; do
            [ "$file" = "$key.old" ] || : >"$file"
        done
    : >"$key.old"
    rm -f "$key.old"
fi
sync
