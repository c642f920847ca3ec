# Whether image and files of a snapshot are what they were, and how the files become a volume again.

# check_image SNAPSHOT DIGEST: exit code 65 says that it is not.
check_image() {
    if [ "$(docker image inspect -f '{{.Id}}' "vps-docker/snapshot:$1" 2>/dev/null)" != "$2" ]; then
        echo "the image vps-docker/snapshot:$1 is gone or is another one" >&2
        exit 65
    fi
}

# verify DIRECTORY SUM...: exit code 65 says that a file is not what its SHA-256 (`HASH  NAME`) says.
verify() {
    verified=$1
    shift
    if ! (cd "$verified" && printf '%s\n' "$@" | sha256sum --check --strict --quiet -) >&2; then
        echo "the files of the snapshot in $verified are damaged" >&2
        exit 65
    fi
}

# unpack DIRECTORY TO: into an empty directory.
unpack() {
    extract most "$1" "$2"
    (
        cd "$2"
        xargs -0 -r rm -f -- <"$1/dropped"
        # Made for files alone. Those that are in the snapshot come with the rest.
        find . -mindepth 1 -depth -type d -empty -delete
    )
    extract rest "$1" "$2"
}

extract() {
    for archive in "$2/$1".tar "$2/$1".tar.gz; do
        [ -e "$archive" ] || continue
        tar --extract --file "$archive" --directory "$3" --preserve-permissions --same-owner --numeric-owner --acls \
            --xattrs '--xattrs-include=*' --delay-directory-restore
    done
}
