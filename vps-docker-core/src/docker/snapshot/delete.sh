# Deletes a snapshot, $1: first its record, then the rest. Exit code 67 says that there is none.
if [ ! -e "$snapshots/$1.json" ]; then
    sweep
    exit 67
fi
cd "$snapshots"
# Its children become its parent's.
parent=$(sed -n '1s/.*"parent":\(null\|"[^"]*"\).*/\1/p' "$1.json")
: "${parent:=null}"
for child in $(grep -l "\"parent\":\"$1\"" -- *.json); do
    generation=$(sed -n '1s/^{"schema_version":[0-9]*,"generation":\([0-9]*\),.*/\1/p' "$child")
    sed -e "1s/\"generation\":$generation,/\"generation\":$((generation + 1)),/" \
        -e "s/\"parent\":\"$1\"/\"parent\":$parent/" "$child" >"$child.tmp"
    sync "$child.tmp"
    mv "$child.tmp" "$child"
done
if [ "$(cat current 2>/dev/null)" = "$1" ]; then
    # No snapshot is called null.
    printf '%s\n' "$parent" | tr -d '"' >current
fi
rm "$1.json"
sync .
sweep
