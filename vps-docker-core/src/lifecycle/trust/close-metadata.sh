# Keeps containers from the cloud's metadata service. What the VPS itself sends has `lo` as its incoming interface, what
# containers send has a bridge: only that is thrown away. By a rule of routing, so that whoever rewrites the tables of
# iptables or nftables, Docker above all, changes nothing about it.
set -eu
PATH=$PATH:/usr/sbin:/sbin

# close FAMILY RANGE
close() {
    rule "$1" 10 "from all to $2 iif lo lookup main" iif lo to "$2" lookup main
    rule "$1" 11 "from all to $2 blackhole" to "$2" blackhole
}

# rule FAMILY PRIORITY SHOWN RULE…
rule() {
    family=$1 priority=$2 shown=$3
    shift 3
    case $(ip "$family" rule show priority "$priority") in
    *"$shown"*) ;;
    *) ip "$family" rule add priority "$priority" "$@" ;;
    esac
}

close -4 169.254.0.0/16
if [ -e /proc/net/if_inet6 ]; then
    for range in fe80::/10 fd00:ec2::/32 fd20:ce::/32; do
        close -6 "$range"
    done
fi
