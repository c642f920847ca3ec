# Debian's sshd and busybox, nothing else: a tenth of Debian, for tests that create many hosts.
FROM debian:bookworm-slim AS whole
RUN apt-get update -q && apt-get install -qy --no-install-recommends openssh-server busybox-static
RUN set -eu; \
    mkdir -p /small/bin /small/sbin /small/usr/bin /small/usr/sbin /small/etc /small/root /small/run /small/tmp /small/var; \
    chmod 1777 /small/tmp; \
    cp /bin/busybox /small/bin/; \
    busybox --list-full | while read -r name; do [ -e "/small/$name" ] || ln /small/bin/busybox "/small/$name"; done; \
    programs='/usr/sbin/sshd /usr/lib/openssh/sftp-server'; \
    for file in $programs $(ldd $programs | grep -o '/[^ :]*' | sort -u); do cp -L --parents "$file" /small; done; \
    grep -E '^(root|sshd|nobody):' /etc/passwd | sed 's|/bin/bash$|/bin/sh|' >/small/etc/passwd; \
    cp /etc/group /etc/nsswitch.conf /small/etc/; \
    echo 'root:*:1::::::' >/small/etc/shadow
FROM scratch
COPY --from=whole /small /
