# Adds standard input (gzip) to the end of the file $2 in the directory $1, and sets its time to $3.
set -eu
cd -- "$1" >/dev/null
# What arrives of a stream that breaks off stays: the next one goes on behind it.
gzip -dc >>"$2"
touch -d "@$3" -- "$2"
