#!/bin/bash
# Proves vps-docker-core/src/docker/assets on real images: builds them as vps-docker does, runs them and
# logs in. Prints TAP; ends with 1 if anything failed.
#
#   tests/container-assets.sh [PART...]      parts: 11 12 13 shells scratch managers (default: all)
#
# Needs Linux, a Docker engine (reached by its bridge), ssh, rsync, and as base images
# vps-docker-test/debian:11, :12 and :13, which it makes with debootstrap (root) where they are missing.
# Containers fetch packages from Debian's mirrors. Everything made here carries the label
# vps-docker-assets-test and is removed at the end, the base images excepted. KEEP=1 keeps all of it.
#
# Not real here, since Debian packages neither: apk and microdnf are recording stand-ins (part managers).
# dnf, yum (dnf by its other name), zypper and pacman are the real programs, each with a repository made on
# the spot, whose openssh-server holds Debian's sshd.
set -u

assets=$(cd "$(dirname "$0")/../vps-docker-core/src/docker/assets" && pwd)
label=vps-docker-assets-test
run=$label-$$
work=$(mktemp -d)
export DOCKER_BUILDKIT=0
count=0 failures=0

cleanup() {
    if [ -z "${KEEP:-}" ]; then
        docker ps -aq --filter "label=$label=$$" | xargs -r docker rm -fv >/dev/null
        # What a failed build left goes first, and only then its base.
        for _ in 1 2 3; do docker images -q --filter "label=$label=$$" | sort -u | xargs -r docker rmi -f >/dev/null 2>&1; done
        docker network ls -q --filter "label=$label=$$" | xargs -r docker network rm >/dev/null
        rm -rf "$work"
    fi
}
trap cleanup EXIT
trap 'exit 130' INT TERM

# --- reporting --------------------------------------------------------------------------------------

ok() { count=$((count + 1)); echo "ok $count - $part: $1"; }
not_ok() {
    count=$((count + 1)) failures=$((failures + 1))
    echo "not ok $count - $part: $1"
    shift
    printf '%s\n' "$@" | sed 's/^/#   /'
}
eq() { if [ "$2" = "$3" ]; then ok "$1"; else not_ok "$1" "expected: $(printf %q "$2")" "found:    $(printf %q "$3")"; fi; }
has() { case $3 in *"$2"*) ok "$1" ;; *) not_ok "$1" "no '$2' in:" "$3" ;; esac; }
lacks() { case $3 in *"$2"*) not_ok "$1" "'$2' in:" "$3" ;; *) ok "$1" ;; esac; }
check() {
    local what=$1 out
    shift
    if out=$("$@" 2>&1); then ok "$what"; else not_ok "$what" "exit code $? of: $*" "$out"; fi
}
refuse() {
    local what=$1 out
    shift
    if out=$("$@" 2>&1); then not_ok "$what" "succeeded: $*" "$out"; else ok "$what"; fi
}
# Until the command succeeds or 20 s are over.
eventually() {
    local deadline=$((SECONDS + 20))
    until "$@" >/dev/null 2>&1; do
        [ $SECONDS -lt $deadline ] || return 1
        sleep 0.1
    done
}

# 32 and 33 are the C library's own: it ignores them in what it spawns, and so does every process below
# a Docker engine that was started that way.
none_ignored() { grep -Eq '^SigIgn:[[:space:]]*0{7}[01][08]0{7}$' <<<"$1"; }

# --- docker and ssh ---------------------------------------------------------------------------------

base_image() {
    local suite
    docker image inspect "vps-docker-test/debian:$1" >/dev/null 2>&1 && return
    case $1 in 11) suite=bullseye ;; 12) suite=bookworm ;; 13) suite=trixie ;; esac
    echo "# making vps-docker-test/debian:$1"
    debootstrap --variant=minbase "$suite" "$work/root$1" >"$work/debootstrap.log" 2>&1 &&
        tar -C "$work/root$1" -c . | docker import --change 'CMD ["bash"]' - "vps-docker-test/debian:$1" >/dev/null ||
        { tail "$work/debootstrap.log"; echo "Bail out! no base image vps-docker-test/debian:$1"; exit 1; }
    rm -rf "$work/root$1"
}

# build TAG: the Dockerfile on stdin, without a context.
build() { docker build --force-rm --network "$run" --label "$label=$$" -t "$run:$1" - >"$work/build-$1.log" 2>&1; }
# derive TAG BASE USER: what vps-docker does with an image.
derive() {
    tar -C "$assets" -c . | docker build --force-rm --network "$run" --label "$label=$$" \
        --build-arg "BASE=$run:$2" --build-arg "VPS_DOCKER_USER=$3" -t "$run:$1" - >"$work/build-$1.log" 2>&1
}
made() { if "$@"; then ok "image $2 builds"; else not_ok "image $2 builds" "$(tail -n 30 "$work/build-$2.log")"; return 1; fi; }

entrypoint=/usr/local/lib/vps-docker/entrypoint.sh
# start NAME IMAGE [docker run option...] [-- COMMAND...]
start() {
    local name=$1 image=$2 options=()
    shift 2
    while [ $# -gt 0 ] && [ "$1" != -- ]; do options+=("$1"); shift; done
    [ $# -eq 0 ] || shift
    docker rm -fv "$run-$name" >/dev/null 2>&1
    docker run -d --init --name "$run-$name" --network "$run" --label "$label=$$" -v "$work/ssh:/etc/vps-docker/ssh:ro" \
        -v "$work/env:/etc/vps-docker/env:ro" --tmpfs=/run/vps-docker:mode=0755,size=16m --entrypoint "$entrypoint" "${options[@]}" "$run:$image" "$@" >/dev/null
    current=$run-$name
    point
}
point() { address=$(docker inspect -f '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}' "$current"); pin "$work/host.pub"; }
pin() { echo "[$address]:2222 $(cut -d' ' -f1,2 "$1")" >"$work/known_hosts"; }

user=root
options=(-F /dev/null -o BatchMode=yes -o IdentitiesOnly=yes -o IdentityAgent=none -o StrictHostKeyChecking=yes
    -o "UserKnownHostsFile=$work/known_hosts" -o GlobalKnownHostsFile=/dev/null -o LogLevel=ERROR -o ConnectTimeout=5)
with_key() { local key=$1; shift; ssh "${options[@]}" -p 2222 -i "$work/$key" "$@"; }
in_box() { with_key client "$user@$address" "$@"; }
up() { if eventually in_box true; then ok "$1"; else not_ok "$1" "$(in_box true 2>&1)" "$(docker logs --tail 20 "$current" 2>&1)"; return 1; fi; }
exit_code() { docker inspect -f '{{.State.ExitCode}}' "$current"; }

docker network create --label "$label=$$" "$run" >/dev/null || { echo "Bail out! no docker network"; exit 1; }
mkdir "$work/ssh"
chmod 755 "$work" "$work/ssh"
ssh-keygen -q -t ed25519 -N '' -C '' -f "$work/client"
ssh-keygen -q -t ed25519 -N '' -C '' -f "$work/stranger"
ssh-keygen -q -t ed25519 -N '' -C '' -f "$work/ssh/ssh_host_ed25519_key"
mv "$work/ssh/ssh_host_ed25519_key.pub" "$work/host.pub"
cp "$work/client.pub" "$work/ssh/authorized_keys"
chmod 644 "$work/ssh/authorized_keys"
chown -R 0:0 "$work/ssh" 2>/dev/null

nl=$'\n'
hostile="a'b\"c\\d\$(touch /pwned)\`touch /pwned\`\$HOME \${HOME}%s!*?[x]~&;|<>#${nl}${nl}  second line ${nl}${nl}"
# Valid UTF-8: docker itself replaces anything else.
control=$'\001\002\t\r\033[0m\177 \xc3\xa9 \xe2\x82\xac'
hostile_env=(-e "HOSTILE=$hostile" -e "CONTROL=$control" -e "a.b-c=$hostile" -e UID=77 -e IFS=x -e EMPTY= -e 'home=h' -e 'uid=u'
    -e 'gid=g' -e 'sshd=s' -e 'state=s' -e 'SHELL=/nope' -e 'environment=e' -e 'login_user=l' -e 'x=-n' -e 'y==')
# give_env NAME VALUE...: what the VPS gives to the container's next start, as the engine writes it.
give_env() {
    (
        umask 077
        mkdir -p "$work/env"
        while [ $# -gt 0 ]; do
            printf '%s=%s\0' "$1" "$2"
            shift 2
        done >"$work/env/environment.new"
        mv "$work/env/environment.new" "$work/env/environment"
    )
}
give_env SECRET "$hostile" CONTROL_SECRET "$control" EMPTY_SECRET '' OVERRIDDEN secret mark m2
hostile_env+=(-e OVERRIDDEN=docker)
# Byte for byte, in hexadecimal, of the variable $2 in the environment of the process that command $1 starts.
variable_of() { "$1" cat /proc/self/environ | LC_ALL=C sed -zn "s/^$2=//p" | od -An -tx1 | tr -d ' \n'; }
hex() { { printf %s "$1"; printf '\0'; } | od -An -tx1 | tr -d ' \n'; }

# --- the parts --------------------------------------------------------------------------------------

debian() {
    part="debian $1"
    base_image "$1"

    # An image of root's, with an awkward working directory and a PATH that /etc/profile would replace.
    build "$1-plain" <<DOCKERFILE || { not_ok "plain image" "$(tail "$work/build-$1-plain.log")"; return; }
FROM vps-docker-test/debian:$1
RUN apt-get update -q && apt-get install -qy --no-install-recommends rsync && mkdir -p /srv/data && rm -rf /var/lib/apt/lists/*
ENV PATH=/opt/tool/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
WORKDIR "/srv/it's a dir"
DOCKERFILE
    # An image of a service: a locked system user without shell or home, and every setting that could get in our way.
    build "$1-app" <<DOCKERFILE || { not_ok "app image" "$(tail "$work/build-$1-app.log")"; return; }
FROM $run:$1-plain
RUN useradd -r -s /usr/sbin/nologin app && grep '^app:!' /etc/shadow && mkdir /srv/app && chown app /srv/app
SHELL ["/bin/bash", "-euc"]
VOLUME /srv/app/volume
HEALTHCHECK --interval=1s CMD test -e /srv
STOPSIGNAL SIGQUIT
USER app
WORKDIR /srv/app
ENTRYPOINT ["/usr/bin/env"]
CMD ["printenv", "PATH"]
DOCKERFILE
    made derive "$1-root" "$1-plain" '' || return
    made derive "$1-named" "$1-app" app || return
    made derive "$1-uid" "$1-plain" 4242 || return

    for field in WorkingDir Entrypoint Cmd StopSignal Healthcheck Volumes Env Shell; do
        eq "the derived image keeps $field" "$(docker inspect -f "{{json .Config.$field}}" "$run:$1-app")" \
            "$(docker inspect -f "{{json .Config.$field}}" "$run:$1-named")"
    done

    as_root "$1"
    as_named_user "$1"
    as_bare_uid "$1"
    commands "$1"
}

as_root() {
    user=root
    start root "$1-root" "${hostile_env[@]}"
    up "ssh in, host key pinned" || return
    eq "the login user is root" root "$(in_box cat /etc/vps-docker/login-user)"
    eq "no host key in the image" '' "$(in_box 'ls /etc/ssh/ssh_host_* 2>/dev/null')"

    pin "$work/stranger.pub"
    has "another host key is refused" 'Host key verification failed' "$(in_box true 2>&1)"
    pin "$work/host.pub"
    has "another client key is refused" 'Permission denied (publickey)' "$(with_key stranger "root@$address" true 2>&1)"
    has "no password is asked for" 'Permission denied (publickey)' "$(with_key client -o PreferredAuthentications=none "root@$address" true 2>&1)"
    has "another user is refused" 'Permission denied (publickey)' "$(with_key client "daemon@$address" true 2>&1)"
    eq "only an ed25519 host key is shown" 'ssh-ed25519' "$(ssh-keyscan -p 2222 "$address" 2>/dev/null | cut -d' ' -f2 | sort -u)"

    eq "the working directory" "/srv/it's a dir" "$(in_box pwd)"
    for name in HOSTILE a.b-c; do eq "hostile value of $name" "$(hex "$hostile")" "$(variable_of in_box "$name")"; done
    eq "control characters and UTF-8" "$(hex "$control")" "$(variable_of in_box CONTROL)"
    eq "an empty value" "$(hex '')" "$(variable_of in_box EMPTY)"
    secrets in_box
    eq "an empty secret" "$(hex '')" "$(variable_of in_box EMPTY_SECRET)"
    lacks "docker inspect shows no secret" secret "$(docker inspect "$current")"
    docker commit -c "LABEL $label=$$" "$current" "$run:$1-committed" >/dev/null
    eq "an image of the container holds none" '' \
        "$(docker run --rm --entrypoint sh "$run:$1-committed" -c 'find /run/vps-docker /etc/vps-docker/env -type f; env | grep SECRET')"
    lacks "nor does its history" SECRET "$(docker history --no-trunc "$run:$1-committed")"
    refuse "the container cannot change them" in_box 'echo x >>/etc/vps-docker/env/environment'
    eq "UID, which bash keeps to itself" "$(hex 77)" "$(variable_of in_box UID)"
    for pair in home=h uid=u gid=g sshd=s state=s environment=e login_user=l x=-n y==; do
        eq "value of ${pair%%=*}" "$(hex "${pair#*=}")" "$(variable_of in_box "${pair%%=*}")"
    done
    eq "HOME is the user's" "$(hex /root)" "$(variable_of in_box HOME)"
    eq "SHELL is the user's" "$(hex /bin/bash)" "$(variable_of in_box SHELL)"
    eq "no trace of the wrapper" '' "$(in_box env | grep -a -e '^SSH_ORIGINAL_COMMAND' -e '^OLDPWD')"
    eq "nothing was evaluated" '' "$(in_box 'ls /pwned 2>/dev/null')"
    eq "a login shell keeps the image's PATH" '/opt/tool/bin' "$(echo 'echo ${PATH%%:*}' | with_key client -T "root@$address" 2>/dev/null | tail -n 1)"
    has "a terminal" 'login_shell' "$(echo 'shopt login_shell; tty; exit' | with_key client -tt "root@$address" 2>/dev/null)"
    eq "the environment file is root's and not for all" '640 root:root' "$(in_box stat -c "'%a %U:%G'" /run/vps-docker/environment)"

    in_box 'exit 42'
    eq "the exit code of a remote command" 42 $?
    eq "quotes and lines of a remote command" "a b${nl}\$x" "$(in_box "printf '%s\n' 'a b' '\$x'${nl}:")"
    check "no signal is ignored in a session" none_ignored "$(in_box 'grep SigIgn /proc/self/status')"

    local effective
    effective=$(docker exec "$current" /usr/sbin/sshd -T -f /etc/vps-docker/sshd_config 2>&1)
    for line in 'port 2222' 'passwordauthentication no' 'kbdinteractiveauthentication no' 'usepam no' 'strictmodes yes' \
        'hostkey /etc/vps-docker/ssh/ssh_host_ed25519_key' 'authorizedkeysfile /etc/vps-docker/ssh/authorized_keys' 'maxsessions 64'; do
        has "sshd -T: $line" "$line" "$effective"
    done
    eq "only one host key" 1 "$(grep -c ^hostkey\  <<<"$effective")"
    [ "$1" != 13 ] || has "sshd -T: no penalties for a shared address" 'persourcepenalties no' "$effective"
    lacks "no option is unknown, deprecated or unsupported" ' option' "$(docker logs "$current" 2>&1)"
    has "forwarding" SSH-2.0 "$(with_key client -W 127.0.0.1:2222 "root@$address" </dev/null 2>&1 | tr -d '\0' | head -n 1)"

    transfers
    many_sessions
    recovery

    local before after
    before=$(in_box 'cd /etc && cat passwd shadow vps-docker/sshd_config vps-docker/login-user profile.d/zz-* | md5sum')
    check "the installer runs again" docker exec "$current" sh /usr/local/lib/vps-docker/install-sshd.sh
    after=$(in_box 'cd /etc && cat passwd shadow vps-docker/sshd_config vps-docker/login-user profile.d/zz-* | md5sum')
    eq "and changes nothing" "$before" "$after"

    in_box 'trap "" TERM HUP; touch /tmp/stubborn; sleep 100' &
    check "a session that ignores signals" eventually in_box test -e /tmp/stubborn
    docker stop "$current" >/dev/null
    eq "docker stop, such a session open: not killed, exit code 0" 0 "$(exit_code)"
    wait $!
}

# secrets HOW: what the VPS gave is there as it is, and wins.
secrets() {
    eq "hostile value of a secret" "$(hex "$hostile")" "$(variable_of "$1" SECRET)"
    eq "control characters and UTF-8 of a secret" "$(hex "$control")" "$(variable_of "$1" CONTROL_SECRET)"
    eq "a secret wins" "$(hex secret)" "$(variable_of "$1" OVERRIDDEN)"
    eq "a secret of a name that the entrypoint uses" "$(hex m2)" "$(variable_of "$1" mark)"
}

transfers() {
    local dir="$work/transfer" scp=(-P 2222 -i "$work/client" -q)
    rm -rf "$dir"
    mkdir -p "$dir/tree/with space"
    head -c 3000000 /dev/urandom >"$dir/blob"
    echo text >"$dir/tree/with space/file"
    eq "a binary stream through a command" "$(md5sum <"$dir/blob")" "$(in_box cat <"$dir/blob" | md5sum)"
    for flag in '' -O; do
        check "scp $flag in" scp "${options[@]}" "${scp[@]}" $flag -r "$dir/blob" "$dir/tree" "$user@$address:/tmp/"
        check "scp $flag out" scp "${options[@]}" "${scp[@]}" $flag "$user@$address:/tmp/blob" "$dir/back"
        check "scp $flag round trip" cmp "$dir/blob" "$dir/back"
        rm -f "$dir/back"
    done
    printf 'put %s /tmp/sftp\nget /tmp/sftp %s\n' "$dir/blob" "$dir/back" >"$dir/batch"
    check "sftp" sftp "${options[@]}" -P 2222 -i "$work/client" -b "$dir/batch" "$user@$address"
    check "sftp round trip" cmp "$dir/blob" "$dir/back"
    local shell="ssh -p 2222 -i $work/client -F /dev/null -o BatchMode=yes -o UserKnownHostsFile=$work/known_hosts -o StrictHostKeyChecking=yes"
    check "rsync in" rsync -a -e "$shell" "$dir/tree/" "$user@$address:/tmp/rsync/"
    check "rsync out" rsync -a -e "$shell" "$user@$address:/tmp/rsync/" "$dir/rsync/"
    check "rsync round trip" diff -r "$dir/tree" "$dir/rsync"
}

many_sessions() {
    local control=(-S "$work/control") pids=() done_count=0 i
    with_key client -fNM "${control[@]}" "$user@$address"
    for i in $(seq 40); do
        ssh -F /dev/null "${control[@]}" box 'sleep 1' & pids+=($!)
    done
    for i in "${pids[@]}"; do if wait "$i"; then done_count=$((done_count + 1)); fi; done
    eq "40 sessions at once on one connection" 40 $done_count
    ssh -F /dev/null "${control[@]}" -O exit box 2>/dev/null
}

listener() { docker exec "$current" sh -c 'for p in /proc/[0-9]*; do tr "\0" " " <$p/cmdline | grep -qE "sshd.*\[listener\]|^/usr/sbin/sshd -D" && echo ${p#/proc/}; done' 2>/dev/null | head -n 1; }
no_zombie() { ! docker exec "$current" sh -c 'cat /proc/[0-9]*/status' 2>/dev/null | grep '^State:.Z'; }
adopted() { docker exec "$current" sh -c 'cat /proc/[0-9]*/status' | grep -A8 '^Name:.sleep' | grep -c '^PPid:.1$'; }

recovery() {
    # Orphans end up with PID 1; half of them end while we look, and none may stay as a zombie.
    in_box 'for i in 1 2 3 4 5 6 7 8; do (setsid sleep 1 >/dev/null 2>&1 </dev/null &); done'
    eq "orphans are adopted by PID 1" 8 "$(adopted)"
    check "orphans end" eventually eval '[ "$(adopted)" = 0 ]'
    check "and are reaped" eventually no_zombie

    with_key client "$user@$address" 'sleep 3; echo survived' >"$work/survivor" &
    local session=$! old
    eventually eval '[ "$(docker exec "$current" grep -l survived /proc/[0-9]*/cmdline 2>/dev/null | wc -l)" -gt 0 ]'
    old=$(listener)
    docker exec "$current" kill -9 "$old"
    check "sshd, killed, is started again" eventually eval '[ -n "$(listener)" ] && [ "$(listener)" != "$old" ]'
    up "and lets in"
    wait "$session"
    eq "a session outlives that" survived "$(cat "$work/survivor")"

    docker restart "$current" >/dev/null
    point
    up "docker restart brings sshd back"
    eq "with the environment" "$(hex "$hostile")" "$(variable_of in_box HOSTILE)"
    eq "and the secret" "$(hex "$hostile")" "$(variable_of in_box SECRET)"
    give_env SECRET other CONTROL_SECRET "$control" OVERRIDDEN secret mark m2
    docker restart "$current" >/dev/null
    point
    up "and again"
    eq "a secret given anew is there" "$(hex other)" "$(variable_of in_box SECRET)"
    eq "and one that was taken away is not" '' "$(variable_of in_box EMPTY_SECRET)"
    give_env SECRET "$hostile" CONTROL_SECRET "$control" EMPTY_SECRET '' OVERRIDDEN secret mark m2
    docker kill -s KILL "$current" >/dev/null
    docker start "$current" >/dev/null
    point
    up "a killed container comes back"
}

as_named_user() {
    user=app
    start named "$1-named" --no-healthcheck "${hostile_env[@]}"
    up "ssh in as a locked user with nologin" || return
    eq "the user, by name" 'app app' "$(in_box 'echo $(id -un) $(id -gn)')"
    eq "the working directory" /srv/app "$(in_box pwd)"
    check "a home to write to" in_box 'test "$HOME" = /home/app && touch "$HOME/file"'
    eq "hostile value" "$(hex "$hostile")" "$(variable_of in_box HOSTILE)"
    eq "hostile value, name a shell cannot hold" "$(hex "$hostile")" "$(variable_of in_box a.b-c)"
    has "root is refused" 'Permission denied (publickey)' "$(with_key client "root@$address" true 2>&1)"
    refuse "the user cannot change the environment of sessions" in_box 'echo x >>/run/vps-docker/environment'
    refuse "others cannot read the environment" docker exec -u daemon "$current" cat /run/vps-docker/environment
    secrets in_box
    refuse "the user cannot read the file of the secrets" in_box 'cat /etc/vps-docker/env/environment'
    refuse "the user cannot read the host key" in_box 'cat /etc/vps-docker/ssh/ssh_host_ed25519_key'
    check "a session leaves its mark for the idle watcher" docker exec "$current" test /run/vps-docker/session -nt /run/vps-docker/path
    eq "vps-docker-keep-alive ends as its command does" 7 "$(in_box 'vps-docker-keep-alive sh -c "exit 7"'; echo $?)"
    check "and marks the process of its command" in_box 'vps-docker-keep-alive sh -c "test -e /run/vps-docker/keep-alive/\$\$-*"'
    transfers
    docker stop "$current" >/dev/null
    eq "docker stop with the image's SIGQUIT: exit code 0" 0 "$(exit_code)"
}

as_bare_uid() {
    user=uid4242
    start uid "$1-uid"
    up "ssh in as a uid without passwd entry" || return
    eq "the uid, and group 0 as with docker" '4242 0' "$(in_box 'echo $(id -u) $(id -g)')"
    check "a home to write to" in_box 'touch "$HOME/file"'
    eq "the working directory" "/srv/it's a dir" "$(in_box pwd)"
    docker rm -f "$current" >/dev/null

    local install='sh /usr/local/lib/vps-docker/install-sshd.sh' root="docker run --rm --user 0 --entrypoint sh $run:$1-uid -c"
    for form in app-1:users=app-1:100 4343:0=uid4343:0 4343:users=uid4343:100 0:0=root:0 daemon=daemon:1 1=daemon:1 root=root:0; do
        eq "USER ${form%=*}" "${form#*=}" "$($root "echo app-1:x:900:900::/:/bin/sh >>/etc/passwd; n=\$($install ${form%=*} | tail -n 1); echo \$n:\$(id -g \$n)")"
    done
    for form in nobody-here 12:no-group 'a b'; do
        $root "$install '$form'" >"$work/out" 2>&1
        eq "USER $form is refused with 67" 67 $?
    done
    eq "not root is refused with 77" 77 "$(docker run --rm --user 12 --entrypoint sh "$run:$1-uid" -c "$install; echo \$?" 2>/dev/null)"
}

arguments=(first 'a b' "${nl}line${nl}" '$(touch /pwned)' "it's \"q\" \\" '' '*' -n --)
# What a command gets, as one line of hexadecimal.
command_facts='printf "%s\0" "$(id -u):$(id -g)" "$PWD" "$HOME" "$HOSTILE" "$@"; grep -z ^a.b-c= /proc/$$/environ'
facts_of() { docker wait "$current" >/dev/null; docker logs "$current" 2>/dev/null | od -An -tx1 | tr -d ' \n'; }
expected() { { printf '%s\0' "$@"; [ -z "${odd-1}" ] || printf '%s\0' "a.b-c=$hostile"; } | od -An -tx1 | tr -d ' \n'; }

commands() {
    start command "$1-root" "${hostile_env[@]}" -- bash -c "$command_facts; exit 7" "${arguments[@]}"
    eq "a command of root: user, directory, environment, arguments" \
        "$(expected 0:0 "/srv/it's a dir" /root "$hostile" "${arguments[@]:1}")" "$(facts_of)"
    eq "its exit code" 7 "$(exit_code)"

    eq "its stdin" "a${nl}b" "$(printf 'a\nb' | docker run -i --rm --init --entrypoint $entrypoint "$run:$1-named" cat 2>/dev/null)"

    start secret "$1-named" "${hostile_env[@]}" -- sleep 1000
    eventually eval 'docker exec "$current" grep -q sleep /proc/*/comm'
    of_command() { docker exec --user app "$current" sh -c 'for p in /proc/[0-9]*; do read -r name <$p/comm; [ "$name" != sleep ] || [ "$(tr "\0" " " <$p/cmdline)" != "sleep 1000 " ] || cat $p/environ; done'; }
    secrets of_command
    docker rm -f "$current" >/dev/null

    # Each way to become another user: with setpriv, then runuser, then su alone, then gosu.
    local ids
    ids=$(docker run --rm --entrypoint id "$run:$1-named" -u app):$(docker run --rm --entrypoint id "$run:$1-named" -g app)
    local hide='' way odd
    for way in setpriv runuser su; do
        odd=1
        if [ $way = su ]; then odd=; fi
        start command "$1-named" "${hostile_env[@]}" --entrypoint bash -- -c "rm -f $hide; exec $entrypoint \"\$@\"" bash \
            bash -c "$(if [ $odd ]; then echo "$command_facts"; else echo "${command_facts%;*}"; fi); exit 7" "${arguments[@]}"
        eq "a command by $way" "$(expected "$ids" /srv/app /home/app "$hostile" "${arguments[@]:1}")" "$(facts_of)"
        eq "its exit code by $way" 7 "$(exit_code)"
        hide="$hide /usr/bin/$way /sbin/$way /usr/sbin/$way /bin/$way"
    done
    start command "$1-named" --entrypoint sh -- -c "rm -f $hide; exec $entrypoint \"\$@\"" sh true
    docker wait "$current" >/dev/null
    has "without any of them: an error that says so" 'install setpriv' "$(docker logs "$current" 2>&1)"
    start command "$1-named" -- no-such-command
    docker wait "$current" >/dev/null
    eq "a command that is not there: 127" 127 "$(exit_code)"

    user=app
    start service "$1-named" "${hostile_env[@]}" -- \
        bash -c 'trap "echo asked to quit; exit 5" QUIT; grep SigIgn /proc/$$/status; touch ready; while :; do sleep 0.1; done'
    up "ssh in beside a command" || return
    check "the command runs in the image's directory" eventually in_box 'test -e /srv/app/ready'
    eq "docker has seen a healthy container" healthy "$(eventually eval '[ "$(docker inspect -f "{{.State.Health.Status}}" "$current")" = healthy ]'; docker inspect -f '{{.State.Health.Status}}' "$current")"
    docker exec "$current" kill -9 "$(listener)"
    up "sshd, killed beside a command, comes back"
    check "and leaves no zombie with the command" eventually no_zombie
    docker stop "$current" >/dev/null
    has "docker stop: the command gets the image's STOPSIGNAL" 'asked to quit' "$(docker logs "$current" 2>&1)"
    check "and ignores no signal" none_ignored "$(docker logs "$current" 2>&1)"
    eq "and its exit code is the container's" 5 "$(exit_code)"
    start service "$1-named" -- sleep 1000
    docker stop "$current" >/dev/null
    eq "a command without handlers: ended by SIGQUIT, not killed" 131 "$(exit_code)"
}

# bash and busybox as /bin/sh, busybox's su and gosu: what Fedora, Arch and Alpine have in these places.
shells() {
    part=shells
    base_image 12
    build sh-base <<DOCKERFILE || { not_ok "image with other shells" "$(tail "$work/build-sh-base.log")"; return; }
FROM vps-docker-test/debian:12
RUN apt-get update -q && apt-get install -qy --no-install-recommends openssh-server busybox-static gosu && useradd app -s /usr/sbin/nologin
DOCKERFILE
    build sh-busybox <<DOCKERFILE
FROM $run:sh-base
RUN mkdir /bb && for a in sh ash su tr sed cat id date sleep chgrp chmod mkdir rm grep env chown; do ln -s /bin/busybox /bb/\$a; done
RUN rm /usr/bin/setpriv /usr/sbin/runuser /usr/bin/su /usr/sbin/gosu /usr/bin/env; ln -s /bin/busybox /usr/bin/env; ln -sf /bin/busybox /bin/sh
RUN usermod -s /bin/sh root; rm /bin/bash
ENV PATH=/bb:/usr/sbin:/usr/bin:/sbin:/bin
USER app
DOCKERFILE
    build sh-bash <<DOCKERFILE
FROM $run:sh-base
RUN ln -sf /bin/bash /bin/sh
USER app
DOCKERFILE
    build sh-gosu <<DOCKERFILE
FROM $run:sh-base
RUN rm /usr/bin/setpriv /usr/sbin/runuser /usr/bin/su
USER app
DOCKERFILE
    local shell odd
    for shell in busybox bash gosu; do
        part="shells: $shell"
        made derive "sh-$shell-derived" "sh-$shell" app || continue
        user=app
        start shell "sh-$shell-derived" "${hostile_env[@]}" -w /opt
        up "ssh in" || continue
        eq "hostile value" "$(hex "$hostile")" "$(variable_of in_box HOSTILE)"
        # ash, the user's shell there, drops such names itself.
        secrets in_box
        [ $shell = busybox ] || eq "hostile value of a.b-c" "$(hex "$hostile")" "$(variable_of in_box a.b-c)"
        eq "UID" "$(hex 77)" "$(variable_of in_box UID)"
        eq "working directory" /opt "$(in_box pwd)"
        eq "a login shell" "$(in_box 'echo $PATH')" "$(echo 'echo $PATH' | with_key client -T "app@$address" 2>/dev/null | tail -n 1)"
        docker exec "$current" kill -9 "$(listener)"
        up "sshd, killed, comes back"
        start shell "sh-$shell-derived" -e PATH=/nowhere
        if eventually in_box /bin/true; then ok "ssh in, with a PATH that leads nowhere"; else not_ok "ssh in, with a PATH that leads nowhere" "$(docker logs "$current" 2>&1)"; fi
        eq "and that PATH" "$(hex /nowhere)" "$(in_box /bin/cat /proc/self/environ | LC_ALL=C sed -zn "s/^PATH=//p" | od -An -tx1 | tr -d " \n")"
        give_env PATH "/it's:/usr/bin:/bin" SECRET "$hostile" CONTROL_SECRET "$control" OVERRIDDEN secret mark m2
        docker restart "$current" >/dev/null
        point
        up "and with another of the VPS's"
        eq "which wins" "$(hex "/it's:/usr/bin:/bin")" "$(variable_of in_box PATH)"
        eq "in a login shell too" "/it's:/usr/bin:/bin" "$(echo 'echo $PATH' | with_key client -T "app@$address" 2>/dev/null | tail -n 1)"
        give_env SECRET "$hostile" CONTROL_SECRET "$control" OVERRIDDEN secret mark m2
        docker stop "$current" >/dev/null
        eq "docker stop: exit code 0" 0 "$(exit_code)"

        odd=
        start shell "sh-$shell-derived" "${hostile_env[@]}" -w /opt -- sh -c "${command_facts%;*}; exit 7" "${arguments[@]}"
        eq "a command" "$(expected 1000:1000 /opt /home/app "$hostile" "${arguments[@]:1}")" "$(facts_of)"
        eq "its exit code" 7 "$(exit_code)"
        start shell "sh-$shell-derived" -- sleep 1000
        docker stop "$current" >/dev/null
        eq "a command without handlers: ended by SIGTERM, not killed" 143 "$(exit_code)"
    done
}

scratch() {
    part=scratch
    base_image 12
    build busybox <<DOCKERFILE || { not_ok "an image with busybox" "$(tail "$work/build-busybox.log")"; return; }
FROM vps-docker-test/debian:12 AS tools
RUN apt-get update -q && apt-get install -qy --no-install-recommends busybox-static
LABEL $label=$$
FROM scratch
COPY --from=tools /bin/busybox /bin/sh
COPY --from=tools /bin/busybox /bin/busybox
DOCKERFILE
    build empty <<DOCKERFILE
FROM scratch
LABEL empty=1
DOCKERFILE
    derive busybox-derived busybox ''
    eq "an image without package manager: exit code 78 of docker build" 78 $?
    has "a text that says what to do" 'install openssh-server into the image yourself' "$(cat "$work/build-busybox-derived.log")"
    derive empty-derived empty ''
    case $? in 0) not_ok "an image without a shell fails" ;; *) ok "an image without a shell fails" ;; esac
    has "and Docker's text names the shell" '/bin/sh' "$(cat "$work/build-empty-derived.log")"
}

managers() {
    part=managers
    base_image 12
    # Debian's sshd as an RPM and as a pacman package, in repositories of their own, and gone from the image.
    build pm <<'DOCKERFILE' || { not_ok "the package managers' image" "$(tail -n 30 "$work/build-pm.log")"; return; }
FROM vps-docker-test/debian:12
RUN apt-get update -q && apt-get install -qy --no-install-recommends openssh-server dnf zypper pacman-package-manager makepkg createrepo-c rpm libarchive-tools zstd && ln -s dnf /usr/bin/yum
RUN mkdir -p /repo/rpm /repo/pac /repo/root/usr/sbin /repo/root/usr/lib/ssh \
 && cp /usr/sbin/sshd /repo/root/usr/sbin/ && cp /usr/lib/openssh/sftp-server /repo/root/usr/lib/ssh/ \
 && printf '%s\n' 'Name: openssh-server' 'Version: 9.2' 'Release: 1' 'Summary: sshd' 'License: BSD' 'AutoReqProv: no' 'Provides: /bin/sh' '%description' 'sshd' \
    '%install' 'cp -a /repo/root/. %{buildroot}/' '%post' 'echo key >/etc/ssh/ssh_host_rsa_key' '%files' '/usr/sbin/sshd' '/usr/lib/ssh/sftp-server' >/repo/spec \
 && rpmbuild -bb --define '_rpmdir /repo/rpm' --define '__strip /bin/true' /repo/spec && createrepo_c /repo/rpm \
 && cd /repo/root && printf '%s\n' 'pkgname = openssh' 'pkgver = 9.2-1' 'pkgdesc = sshd' 'url = x' 'builddate = 1' 'packager = x' 'size = 1' 'arch = any' >.PKGINFO \
 && bsdtar --zstd -cf /repo/pac/openssh-9.2-1-any.pkg.tar.zst .PKGINFO usr && cd /repo/pac && repo-add here.db.tar.gz *.zst \
 && mkdir -p /etc/yum.repos.d /etc/zypp/repos.d && printf '%s\n' '[local]' 'name=local' 'baseurl=file:///repo/rpm' 'enabled=1' 'gpgcheck=0' 'repo_gpgcheck=0' | tee /etc/yum.repos.d/local.repo >/etc/zypp/repos.d/local.repo \
 && printf '%s\n' '[options]' 'Architecture = auto' 'SigLevel = Never' '[here]' 'Server = file:///repo/pac' >/etc/pacman.conf \
 && rm -f /usr/sbin/sshd /usr/lib/openssh/sftp-server /usr/bin/apt-get /etc/ssh/ssh_host_*
DOCKERFILE
    local manager keep other
    for manager in dnf yum zypper pacman; do
        part="managers: $manager (real)"
        keep=
        for other in dnf yum zypper pacman; do [ $other = $manager ] || keep="$keep /usr/bin/$other"; done
        # yum is a link to dnf: dnf has to stay, under a name that the installer does not look for.
        build "pm-$manager" <<DOCKERFILE
FROM $run:pm
RUN [ $manager != yum ] || ln -sf \$(readlink -f /usr/bin/dnf) /usr/bin/yum; rm -f $keep
DOCKERFILE
        made derive "pm-$manager-derived" "pm-$manager" '' || continue
        has "it was the one" "installing sshd with $manager" "$(cat "$work/build-pm-$manager-derived.log")"
        user=root
        start pm "pm-$manager-derived"
        up "ssh in" || continue
        eq "the package's host keys are gone" '' "$(in_box 'ls /etc/ssh/ssh_host_* 2>/dev/null')"
        check "sftp-server at another place" scp "${options[@]}" -s -P 2222 -i "$work/client" -q "$work/client.pub" "root@$address:/tmp/"
        docker rm -f "$current" >/dev/null
    done

    # Stand-ins record how they were called and then put sshd where the package would.
    local sh="docker run --rm -v $assets:/assets:ro --entrypoint sh $run:pm -c"
    stand_in() {
        local bins='rm -f /usr/bin/dnf /usr/bin/yum /usr/bin/zypper /usr/bin/pacman; cp -r /assets /a'
        $sh "$bins; printf '%s\n' '#!/bin/sh' 'echo \"${1##*/} \$*\" >>/calls' '$2' >$1; chmod +x $1; PATH=/stand:\$PATH sh /a/install-sshd.sh >/out 2>/err; echo code \$?; cat /calls; tail -n 1 /out; cat /err" 2>&1
    }
    local put='cp /repo/root/usr/sbin/sshd /usr/sbin/' out
    part='managers (stand-in)'
    # What an sshd without PAM answers (Alpine's is built so).
    out=$($sh "cp -r /assets /a; printf '%s\n' '#!/bin/sh' 'grep -q UsePAM \$3 && echo \$3 line 1: Unsupported option UsePAM >&2' 'exit 1' >/usr/sbin/sshd; chmod +x /usr/sbin/sshd; sh /a/install-sshd.sh; cat /etc/vps-docker/sshd_config" 2>&1)
    lacks "an option that sshd was built without is left out" UsePAM "$out"
    has "and one that it has stays" PerSourcePenalties "$out"
    out=$(stand_in /usr/bin/apk "$put")
    has "apk" "code 0${nl}apk add --no-cache openssh-server openssh-sftp-server${nl}root" "$out"
    out=$(stand_in /usr/bin/microdnf "$put")
    has "microdnf" "code 0${nl}microdnf install -y --nodocs --setopt=install_weak_deps=0 openssh-server${nl}microdnf clean all${nl}root" "$out"
    out=$(stand_in /usr/bin/zypper "case \"\$*\" in *openssh-server) exit 104;; *openssh) $put;; esac")
    has "zypper of a release with one package for both" "install --no-recommends openssh${nl}zypper --non-interactive clean --all${nl}root" "$out"
    out=$(stand_in /usr/bin/pacman "case \$1 in -Sy) echo \"exit 127\" >/usr/sbin/sshd; chmod +x /usr/sbin/sshd;; -Syu) $put;; esac")
    has "pacman: all is updated where a new sshd does not start" "pacman -Syu --noconfirm${nl}root" "$out"
    out=$(stand_in /usr/bin/apk 'test $(wc -l </calls) -gt 1 || exit 1; '"$put")
    has "a manager that fails once is asked again" "code 0" "$out"
    out=$(stand_in /usr/bin/apk 'exit 1')
    has "one that keeps failing ends with 75" "code 75" "$out"
    has "and a text" 'reaches the package mirrors' "$out"
}

[ $# -gt 0 ] || set -- 11 12 13 shells scratch managers
for part in "$@"; do
    case $part in
    11 | 12 | 13) debian "$part" ;;
    shells | scratch | managers) "$part" ;;
    *) echo "Bail out! no part $part"; exit 2 ;;
    esac
done
echo "1..$count"
[ $failures = 0 ] || { echo "# $failures of $count failed"; exit 1; }
