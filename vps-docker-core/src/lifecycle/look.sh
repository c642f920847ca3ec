# Stands behind the script that prints the state volume: adds what Docker says of the container ($1 and the
# words behind it are the command that asks), or why it says nothing.
if state=$("$@" 2>&1); then
    printf 'container\t%s\n' "$state"
else
    case $state in
    *[Nn]'o such container'*) ;;
    *) printf 'docker\t%s\n' "$(printf %s "$state" | tr '\n\t' '  ')" ;;
    esac
fi
