# Prints every new report of the bootstrap, one line each, and ends with the one that says done or
# failed. Where no such report can come any more, or not within $limit seconds, it makes up one that
# tells what is known. Stands behind report.sh.
run_dir=/run/vps-docker
unit=vps-docker-bootstrap.service
last=''

main() {
    read_uptime
    deadline=$((uptime + limit * 100))
    round=0
    while :; do
        print_news
        round=$((round + 1))
        if [ $((round % 20)) -eq 0 ] && is_over; then
            # It may have reported between the two looks.
            print_news
            give_up 'run the bootstrap' 1 "the unit $unit ended, or was never started, without a report"
        fi
        read_uptime
        if [ "$uptime" -ge "$deadline" ]; then
            give_up 'wait for the bootstrap' 124 "no end of the bootstrap within $limit seconds"
        fi
        sleep 0.05
    done
}

print_news() {
    line=''
    { IFS= read -r line <"$run_dir/bootstrap.json"; } 2>/dev/null
    if [ -z "$line" ] || [ "$line" = "$last" ]; then
        return
    fi
    printf '%s\n' "$line"
    last=$line
    case $line in
    *'"state":"done"'* | *'"state":"failed"'*) exit 0 ;;
    esac
}

# Whether the unit runs no more and nothing is left that would start it.
is_over() {
    case $(systemctl show --property=ActiveState --property=Job "$unit" 2>/dev/null) in
    *ActiveState=activating* | *ActiveState=deactivating* | *Job=[1-9]*) return 1 ;;
    *ActiveState=failed*) return 0 ;;
    esac
    [ -e /run/cloud-init/result.json ]
}

give_up() {
    output=$(
        {
            printf '%s\n' "$3"
            systemctl list-jobs --no-pager --no-legend
            systemctl status --no-pager --lines=20 "$unit"
            cloud-init status --long
            cat /run/cloud-init/result.json
        } 2>&1 | head -c 4096 | json_escape
    )
    step=boot
    case $last in
    *'"step":"'*) step=${last#*\"step\":\"} step=${step%%\"*} ;;
    esac
    printf '{"schema_version":1,"state":"failed","step":"%s","command":"%s","exit_code":%s,"output":"%s"}\n' \
        "$step" "$1" "$2" "$output"
    exit 0
}

main
