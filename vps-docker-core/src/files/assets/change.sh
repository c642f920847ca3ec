# Runs the command that follows $1 in the directory $1 on the paths in standard input: gzip, NUL after each.
set -eu
cd -- "$1" >/dev/null
shift
gzip -dc | xargs -0 -r "$@"
