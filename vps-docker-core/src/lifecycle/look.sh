# Stands behind the script that prints the state volume, and behind pressure.sh: adds what Docker says of the
# container ($1 and the words behind it are the command that asks), or why it says nothing, and what it has run out of.
if state=$("$@" 2>&1); then
    printf 'container\t%s\n' "$state"
    process=${state##*'"Pid":'}
    process=${process%%[!0-9]*}
else
    process=0
    case $state in
    *[Nn]'o such container'*) ;;
    *) printf 'docker\t%s\n' "$(printf %s "$state" | tr '\n\t' '  ')" ;;
    esac
fi
tell_pressure "$process"
