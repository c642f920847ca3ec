# Removes what snapshots and restores have left that were killed: whatever has no record. Stands behind operation.sh.
snapshots=$state/snapshots

sweep() {
    mkdir -p "$snapshots"
    rm -rf "$prepared"
    for entry in "$snapshots"/*; do
        case ${entry##*/} in
        '*' | current | *.json) ;;
        *.tmp) rm -rf "$entry" ;;
        *) [ -e "$entry.json" ] || rm -rf "$entry" ;;
        esac
    done
    forget_images
}

# Where the disk is too full: how much is wanted ($1, bytes), had and missing. Exit code 28 says so.
refuse_for_space() {
    had=$(free_bytes)
    if [ "$1" -gt "$had" ]; then
        echo "this takes up to $(megabytes "$1") MB on the disk of the VPS and $(megabytes "$had") MB are free:" \
            "$(megabytes $(($1 - had))) MB are missing" >&2
    else
        echo "the disk of the VPS became full meanwhile: up to $(megabytes "$1") MB are needed" >&2
    fi
    exit 28
}

# Whether that is what the words in the file $1 are about. tar sees its last write cut short.
ran_full() { grep -qi -e 'no space left on device' -e 'wrote only [0-9]* of [0-9]* bytes' "$1"; }

free_bytes() { df --output=avail -B1 "$snapshots" | tail -n 1; }
used_bytes() { du -s -B1 "$1" | cut -f 1; }
# Rounded up.
megabytes() { echo $((($1 + 999999) / 1000000)); }
