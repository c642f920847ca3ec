#!/bin/sh
# Brings sshd into the image it runs in, and makes the image's user one that sshd lets in.
#
# Runs as root while the image is built, from the directory that also holds sshd_config.
#   $1, else VPS_DOCKER_USER   the image's own USER: empty (root), name, uid, name:group or uid:gid
# The last line on stdout is the login name, which is also kept in /etc/vps-docker/login-user.
#
# Exit codes a caller can tell apart:
#   78  no sshd and no package manager we know     75  the package manager failed (mirror, disk, lock)
#   77  not root                                   67  that user is not in this image
#   70  sshd is there but does not run
#
# Only builtins are used until sshd is found, so that the error of exit 78 is also seen in an image
# that holds nothing but a shell.
set -eu

assets=${0%/*}
config_dir=/etc/vps-docker
profile=/etc/profile.d/zz-vps-docker.sh
# The image's own PATH may hold nothing but its application.
PATH=${PATH:+$PATH:}/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin

main() {
    umask 022
    find_sshd || install_sshd
    check_root
    resolve_user "${1-${VPS_DOCKER_USER-}}"
    make_usable
    write_config
    echo "$login_user"
}

say() { printf 'vps-docker: %s\n' "$*" >&2; }
die() { code=$1; shift; say "$*"; exit "$code"; }
have() { command -v "$1" >/dev/null 2>&1; }

# --- sshd -------------------------------------------------------------------------------------------

find_sshd() {
    # It starts itself anew for each connection and wants to be called by an absolute path.
    sshd=$(command -v sshd 2>/dev/null) && [ -x "$sshd" ]
}

check_root() {
    if have id && [ "$(id -u)" != 0 ]; then
        die 77 "this has to run as root (found uid $(id -u))"
    fi
}

install_sshd() {
    if have apt-get; then manager=apt
    elif have apk; then manager=apk
    elif have dnf; then manager=dnf
    elif have microdnf; then manager=microdnf
    elif have yum; then manager=yum
    elif have zypper; then manager=zypper
    elif have pacman; then manager=pacman
    else
        die 78 "this image has no sshd and no package manager to install one with" \
            "(looked for apt-get, apk, dnf, microdnf, yum, zypper and pacman)." \
            "Use an image that has one of them, or install openssh-server into the image yourself."
    fi
    check_root
    say "installing sshd with $manager"
    "with_$manager" || die 75 "$manager could not install the SSH server (its own messages are above)." \
        "Check that this machine reaches the package mirrors of the image and that the image's release" \
        "is still on them, or install openssh-server into the image yourself."
    # The container's host key is made on its VPS; a key inside an image would be shared by all who have it.
    rm -f /etc/ssh/ssh_host_*
    find_sshd || die 75 "$manager reported success, but there is no sshd"
}

# Mirrors hiccup and locks are held by others: three tries, 2 s and 4 s apart.
try() {
    for pause in 2 4 0; do
        if "$@"; then return 0; fi
        [ "$pause" = 0 ] || { say "that failed; again in $pause s"; sleep "$pause"; }
    done
    return 1
}

with_apt() {
    export DEBIAN_FRONTEND=noninteractive
    had_lists=
    for file in /var/lib/apt/lists/*_Packages*; do if [ -e "$file" ]; then had_lists=1; fi; done
    # Debian's package makes three host keys, an RSA one among them, unless the files exist.
    mkdir -p /etc/ssh
    for kind in rsa ecdsa ed25519; do
        [ -e "/etc/ssh/ssh_host_${kind}_key" ] || : >"/etc/ssh/ssh_host_${kind}_key"
    done
    # Lists that came with the image are tried first: they may be fresh, and they are the image's to keep.
    if [ -z "$had_lists" ] || ! apt_install; then
        try apt_update_and_install || return 1
    fi
    apt-get clean
    [ -n "$had_lists" ] || rm -rf /var/lib/apt/lists/*
}
# One broken extra repository of the image makes update fail and harms nothing: the installation decides.
apt_update_and_install() { apt_get update || say "not every package list could be fetched"; apt_install; }
apt_install() { apt_get install --no-install-recommends openssh-server; }
apt_get() {
    apt-get -q -y -o Acquire::Retries=3 -o Acquire::Languages=none -o DPkg::Lock::Timeout=60 \
        -o Dpkg::Use-Pty=0 -o Dpkg::Options::=--force-unsafe-io \
        -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold "$@"
}

with_apk() { try apk add --no-cache openssh-server openssh-sftp-server; }

# The list is meant to be split.
# shellcheck disable=SC2046
with_dnf() {
    try dnf -y --setopt=install_weak_deps=False --setopt=tsflags=nodocs install $(rpm_packages) || return 1
    dnf clean all
}
# shellcheck disable=SC2046
with_microdnf() {
    try microdnf install -y --nodocs --setopt=install_weak_deps=0 $(rpm_packages) || return 1
    microdnf clean all
}
# shellcheck disable=SC2046
with_yum() {
    try yum -y --setopt=tsflags=nodocs install $(rpm_packages) || return 1
    yum clean all
}
# Minimal images of the Red Hat family may have nothing that runs a command as another user.
rpm_packages() {
    echo openssh-server
    have setpriv || have su || have runuser || echo util-linux
}

with_zypper() {
    try zypper_install || return 1
    zypper --non-interactive clean --all
}
# Older releases ship client and server in one package.
zypper_install() {
    zypper --non-interactive install --no-recommends openssh-server ||
        zypper --non-interactive install --no-recommends openssh
}

with_pacman() {
    try pacman -Sy --noconfirm --needed openssh || return 1
    # A new openssh on old libraries may not start; only then is the whole image brought up to date.
    if find_sshd && ! sshd_runs; then try pacman -Syu --noconfirm || return 1; fi
    rm -rf /var/cache/pacman/pkg/* /var/lib/pacman/sync/*
}

# sshd itself says with 1 or 255 what it misses here (host keys, /run/sshd); a loader that lacks libraries,
# a shell that cannot execute it and a crash have the codes between.
sshd_runs() {
    status=0
    "$sshd" -t -f /dev/null >/dev/null 2>&1 || status=$?
    [ "$status" -lt 126 ] || [ "$status" = 255 ]
}

# --- the login user ---------------------------------------------------------------------------------

# Docker's own rules: the name or the uid of a passwd entry; else a bare uid, whose group is then 0.
resolve_user() {
    wanted=${1%%:*} wanted_group=''
    case $1 in *:*) wanted_group=${1#*:} ;; esac
    : "${wanted:=root}"

    login_user='' uid='' gid='' home='' shell='' found=''
    if [ -e /etc/passwd ]; then
        while IFS=: read -r p_name _ p_uid p_gid _ p_home p_shell || [ -n "$p_name" ]; do
            if [ "$p_name" = "$wanted" ] || [ "$p_uid" = "$wanted" ]; then
                login_user=$p_name uid=$p_uid gid=$p_gid home=$p_home shell=$p_shell found=1
                break
            fi
        done </etc/passwd
    fi
    if [ -z "$found" ]; then
        case $wanted in
        root) login_user=root uid=0 gid=0 home=/root ;;
        *[!0-9]*) die 67 "the image's user '$wanted' is not in its /etc/passwd" ;;
        *) login_user=uid$wanted uid=$wanted gid=0 ;;
        esac
    fi

    case $wanted_group in
    '') ;;
    *[!0-9]*) gid=$(gid_of "$wanted_group") || die 67 "the image's group '$wanted_group' is not in its /etc/group" ;;
    *) gid=$wanted_group ;;
    esac
}

gid_of() {
    while IFS=: read -r g_name _ g_gid _ || [ -n "$g_name" ]; do
        if [ "$g_name" = "$1" ]; then echo "$g_gid"; return 0; fi
    done </etc/group
    return 1
}

make_usable() {
    case $shell in
    */nologin | */false | */sync | */true) shell='' ;;
    esac
    if [ -z "$shell" ] || [ ! -x "$shell" ]; then
        if [ -x /bin/bash ]; then shell=/bin/bash; else shell=/bin/sh; fi
    fi

    # An ENV HOME of the image is the home its author meant; /root is Docker's own default here.
    if [ -z "$found" ] && [ "$uid" != 0 ]; then
        case ${HOME:-} in '' | / | /root) home=/home/$login_user ;; *) home=$HOME ;; esac
    fi
    # sshd complains on every session of a user without a home, and editors need one to write to.
    if [ ! -d "$home" ]; then
        case $home in '' | /nonexistent* | /dev/*) home=/home/$login_user ;; esac
        if [ ! -d "$home" ]; then
            mkdir -p "$home"
            chown "$uid:$gid" "$home"
            chmod 0755 "$home"
        fi
    fi

    # The group of USER name:group becomes the primary one: sshd, unlike Docker, takes groups from these files.
    rewrite /etc/passwd passwd_line
    if [ -z "$found" ]; then
        printf '%s\n' "$login_user:x:$uid:$gid:vps-docker:$home:$shell" >>/etc/passwd
    fi
    if [ -e /etc/shadow ]; then
        rewrite /etc/shadow shadow_line
        grep -q "^$login_user:" /etc/shadow || printf '%s\n' "$login_user:*::0:99999:7:::" >>/etc/shadow
    fi
}

# In place, so that owner, mode and links stay as they are.
rewrite() {
    [ -e "$1" ] || return 0
    while IFS= read -r line || [ -n "$line" ]; do
        case $line in
        "$login_user":*) "$2" "$line" ;;
        *) printf '%s\n' "$line" ;;
        esac
    done <"$1" >"$1.vps-docker"
    cat "$1.vps-docker" >"$1"
    rm -f "$1.vps-docker"
}

passwd_line() {
    IFS=: read -r l_name l_password l_uid _ l_gecos _ <<LINE
$1
LINE
    case $l_password in '!'*) l_password='*' ;; esac
    printf '%s\n' "$l_name:$l_password:$l_uid:$gid:$l_gecos:$home:$shell"
}

# Without PAM, sshd refuses every key of an account whose password starts with '!' or that has expired.
shadow_line() {
    IFS=: read -r l_name l_password l_last l_min l_max l_warn l_inactive _ l_rest <<LINE
$1
LINE
    case $l_password in '!'*) l_password='*' ;; esac
    printf '%s\n' "$l_name:$l_password:$l_last:$l_min:$l_max:$l_warn:$l_inactive::$l_rest"
}

# --- our files --------------------------------------------------------------------------------------

write_config() {
    sshd_runs || die 70 "$sshd does not start in this image; see what '$sshd -t' prints"
    mkdir -p "$config_dir/ssh"
    chmod 0755 "$assets"/*.sh
    mkdir -p /usr/local/bin
    ln -sf "$assets/keep-alive.sh" /usr/local/bin/vps-docker-keep-alive
    printf '%s\n' "$login_user" >"$config_dir/login-user"
    printf '%s\n' "$sshd" >"$config_dir/sshd-path"

    sftp_server=
    for file in /usr/lib/openssh/sftp-server /usr/lib/ssh/sftp-server /usr/libexec/openssh/sftp-server \
        /usr/libexec/sftp-server /usr/lib/misc/sftp-server /usr/local/libexec/sftp-server; do
        if [ -x "$file" ]; then sftp_server=$file; break; fi
    done
    [ -n "$sftp_server" ] || say "this image has no sftp-server: sftp and scp will not work in it"

    while IFS= read -r line; do
        case $line in
        '#'* | '') continue ;;
        '?'*)
            line=${line#\?}
            knows "$line" || continue
            ;;
        *@SFTP_SERVER@)
            [ -n "$sftp_server" ] || continue
            line=${line%@SFTP_SERVER@}$sftp_server
            ;;
        *@LOGIN_USER@) line=${line%@LOGIN_USER@}$login_user ;;
        esac
        printf '%s\n' "$line"
    done <"$assets/sshd_config" >"$config_dir/sshd_config"

    # A login shell runs /etc/profile, which in most distributions replaces the image's PATH.
    if [ -d /etc/profile.d ]; then
        # shellcheck disable=SC2016
        printf '%s\n' '# vps-docker: the PATH of the image again, for sessions that came in by SSH.' \
            'if [ -n "${SSH_CONNECTION-}" ] && [ -r /run/vps-docker/path ]; then . /run/vps-docker/path; fi' >"$profile"
    fi
}

# Whether this sshd knows an option, and was built with it: an unknown one is fatal, an unsupported one
# fills the log at every connection.
knows() {
    printf '%s\n' "$1" >"$config_dir/probe"
    answer=$("$sshd" -t -f "$config_dir/probe" 2>&1 || :)
    rm -f "$config_dir/probe"
    case $answer in
    *'onfiguration option'* | *'nsupported option'* | *'eprecated option'*) return 1 ;;
    esac
}

main "$@"
