# Whether what restless.sh wrote is of one moment.
cd /vps-docker
first=$(cat first) middle=$(cat /root/middle) last=$(cat last)
if [ "$first" -ge "$middle" ] && [ "$middle" -ge "$last" ] && [ $((first - last)) -le 1 ] &&
    [ "$(cat dir-*/* | tr -d '\n')" = 123456789 ] && [ "$(ls -d dir-* | wc -l)" -eq 1 ]; then
    echo 'of one moment'
else
    echo "$first $middle $last"
    ls -lR .
fi
