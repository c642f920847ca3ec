# Removes the document $1 of the state volume. One that is gone is fine.
if [ -n "$dir" ]; then
    cd "$dir"
    exec 9>lock
    flock -w 30 9
    rm -f "$1"
    case $1 in */*) [ ! -d "${1%/*}" ] || sync "${1%/*}" ;; *) sync . ;; esac
fi
