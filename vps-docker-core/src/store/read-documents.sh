# Prints documents of the state volume, one a line: its path, a tab, its text without line ends, which JSON
# does not need. $@: patterns of paths, such as 'agents/*.json'.
if [ -n "$dir" ]; then
    cd "$dir"
    for pattern; do
        # shellcheck disable=SC2086
        for file in $pattern; do
            [ -e "$file" ] || continue
            # One that was removed meanwhile is not there; any other failure is one.
            text=$(tr -d '\n\r' <"$file") || {
                [ ! -e "$file" ] || exit 1
                continue
            }
            printf '%s\t%s\n' "$file" "$text"
        done
    done
fi
