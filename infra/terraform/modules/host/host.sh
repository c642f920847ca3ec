#!/bin/sh
# Makes, changes and removes the host of one `terraform_data`: host.sh create|extend|destroy|clear
#
# Everything comes by the environment, for Terraform would paste it into a command line: HOST_PROGRAM, HOST_NAME,
# HOST_PLACE_0… (where the host is: options of every command), HOST_WORD_0… (options of the create), each with its
# number in …_LENGTH; HOST_CLAIM, the value of the host's label `terraform`; HOST_FACTS, the file that is written when the
# host is ready. What is secret is already there under its own name, and is only passed on.
set -eu

main() {
    case $1 in
    create) create ;;
    extend) program extend "$HOST_NAME" "$HOST_TTL" ;;
    destroy) remove certain ;;
    clear) remove uncertain ;;
    *) fail "$1 is none of create, extend, destroy and clear" ;;
    esac
}

# The apply before this one may have been killed, at any moment. What a create has left that did not end, the next create of that
# name removes or takes up; behind it there is a host that is ready, and Terraform knows nothing of it.
create() {
    inspected=$(program inspect "$HOST_NAME" --json 2>/dev/null) || inspected=
    if is_ours "$inspected" && ! is_unfinished; then
        echo "the host $HOST_NAME was made by an apply that did not live to see it: it is taken up"
    else
        create_by_words
    fi
    write_facts
}

# What it prints is asked for again when it has ended.
create_by_words() (
    set -- create "$HOST_NAME" --json --progress=plain
    index=0
    while [ "$index" -lt "$HOST_WORDS_LENGTH" ]; do
        eval "set -- \"\$@\" \"\$HOST_WORD_$index\""
        index=$((index + 1))
    done
    program "$@" >/dev/null
)

write_facts() {
    host=$(program inspect "$HOST_NAME" --json)
    docker=$(program export tfvars "$HOST_NAME" --json)
    mkdir -p "$(dirname "$HOST_FACTS")"
    printf '{"host": %s, "docker": %s}\n' "$host" "$docker" >"$HOST_FACTS.new"
    mv "$HOST_FACTS.new" "$HOST_FACTS"
}

# Removes the host if it is ours. `certain`: Terraform has seen it ready, so it is ours unless it says otherwise; `uncertain`:
# only if it says so itself, or is what a create has left that did not end.
remove() {
    if [ "$1" = uncertain ] && is_unfinished; then
        program destroy "$HOST_NAME" --yes --missing-ok
        return
    fi
    code=0
    said=$(program inspect "$HOST_NAME" --json 2>/dev/null) || code=$?
    if [ "$code" -eq 0 ]; then
        if ! is_ours "$said"; then
            echo "the host $HOST_NAME is not of this configuration, and stays as it is"
            return
        fi
    elif [ "$code" -eq 3 ] && [ "$1" = uncertain ]; then
        return
    elif [ "$1" = uncertain ]; then
        printf '%s\n' "$said" >&2
        fail "there is a host $HOST_NAME that does not say whether it is of this configuration; if it is, destroy it and apply" \
            "again: $HOST_PROGRAM destroy $HOST_NAME"
    fi
    program destroy "$HOST_NAME" --yes --missing-ok
    rm -f "${HOST_FACTS:-}"
}

is_ours() {
    case $(dense "$1") in
    *"\"terraform\":\"$HOST_CLAIM\""*) return 0 ;;
    *) return 1 ;;
    esac
}

is_unfinished() {
    left=$(program gc --dry-run --json)
    case $(dense "$left") in
    *"{\"kind\":\"unfinished_create\",\"host\":\"$HOST_NAME\","*) return 0 ;;
    *) return 1 ;;
    esac
}

# A JSON document without blanks and line breaks.
dense() {
    printf '%s' "$1" | tr -d ' \n'
}

# Runs the program with these words, and those that say where.
program() (
    index=0
    while [ "$index" -lt "$HOST_PLACE_LENGTH" ]; do
        eval "set -- \"\$@\" \"\$HOST_PLACE_$index\""
        index=$((index + 1))
    done
    "$HOST_PROGRAM" "$@" </dev/null
)

fail() {
    echo "error: $*" >&2
    exit 1
}

main "$@"
