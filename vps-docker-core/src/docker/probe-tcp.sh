# Connects to what the container has at the port $1 of the VPS, within $2 seconds: to the container itself, for Docker takes
# a connection to a published port also when nothing listens behind it. A port that is not published is the VPS's own.
set -eu
places=$(docker container inspect -f '{{range .NetworkSettings.Networks}}address {{.IPAddress}}{{"\n"}}{{end}}{{range $inside, $places := .NetworkSettings.Ports}}{{range $places}}{{.HostPort}} {{$inside}}{{"\n"}}{{end}}{{end}}' vps-docker)
inside=$(printf '%s\n' "$places" | sed -n "s|^$1 \([0-9]*\)/tcp\$|\1|p" | head -n 1)
address=$(printf '%s\n' "$places" | sed -n 's/^address \(..*\)/\1/p' | head -n 1)
if [ -z "$inside" ] || [ -z "$address" ]; then inside=$1 address=127.0.0.1; fi
# A plain sh cannot connect, and bash is on every VPS.
# shellcheck disable=SC2016
exec timeout "$2" bash -c 'exec 3<>"/dev/tcp/$0/$1"' "$address" "$inside"
