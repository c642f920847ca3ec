# Lets in what /etc/vps-docker/firewall names, a line each (PROTOCOL PORT RANGE), and nothing else from outside. In the table
# `mangle`, before Docker turns a packet to a container, so that a published port is closed like any other, and where
# neither Docker nor whoever flushes the filters touches it. Each chain is replaced at once.
set -eu
PATH=$PATH:/usr/sbin:/sbin
rules=/etc/vps-docker/firewall

# apply IPTABLES ICMP PATTERN: of the ranges those that match.
apply() {
    {
        echo '*mangle'
        echo ':VPS-DOCKER - [0:0]'
        for interface in lo docker0 br-+; do echo "-A VPS-DOCKER -i $interface -j RETURN"; done
        echo '-A VPS-DOCKER -m conntrack --ctstate ESTABLISHED,RELATED -j RETURN'
        echo "-A VPS-DOCKER -p $2 -j RETURN"
        # DHCP.
        echo '-A VPS-DOCKER -p udp -m multiport --dports 68,546 -j RETURN'
        grep -E "$3" "$rules" | while read -r protocol port range; do
            echo "-A VPS-DOCKER -p $protocol --dport $port -s $range -j RETURN"
        done
        echo '-A VPS-DOCKER -p tcp -j DROP'
        echo '-A VPS-DOCKER -p udp -j DROP'
        echo COMMIT
    } | "$1-restore" --noflush --wait
    "$1" -w -t mangle -C PREROUTING -j VPS-DOCKER 2>/dev/null || "$1" -w -t mangle -I PREROUTING -j VPS-DOCKER
}

command -v iptables-restore >/dev/null || {
    echo 'iptables is not installed' >&2
    exit 1
}
apply iptables icmp '^[a-z]+ [0-9]+ [0-9.]+/'
if [ -e /proc/net/if_inet6 ]; then
    apply ip6tables ipv6-icmp '^[a-z]+ [0-9]+ [0-9a-f:]*:[0-9a-f:.]*/'
fi
