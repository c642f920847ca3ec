use tar::{Builder, Header};

/// Path, mode and content.
type File = (&'static str, u32, &'static str);

/// What stays on every VPS.
const FILES: &[File] = &[
    (
        "etc/vps-docker/forget-user-data.sh",
        0o700,
        include_str!("forget-user-data.sh"),
    ),
    (
        "etc/vps-docker/close-metadata.sh",
        0o700,
        include_str!("close-metadata.sh"),
    ),
    (
        "etc/systemd/system/vps-docker-forget-user-data.service",
        0o644,
        include_str!("vps-docker-forget-user-data.service"),
    ),
    (
        "etc/systemd/system/vps-docker-metadata.service",
        0o644,
        include_str!("vps-docker-metadata.service"),
    ),
    (
        "etc/systemd/networkd.conf.d/vps-docker.conf",
        0o644,
        include_str!("networkd.conf"),
    ),
];

/// What stays where the firewall is the VPS's own.
const FIREWALL: &[File] = &[
    (
        "etc/vps-docker/firewall.sh",
        0o700,
        include_str!("firewall.sh"),
    ),
    (
        "etc/systemd/system/vps-docker-firewall.service",
        0o644,
        include_str!("vps-docker-firewall.service"),
    ),
];

/// What stays on every VPS, as an archive for `/`.
pub(super) fn archive() -> Vec<u8> {
    archive_of(FILES)
}

/// What belongs to the VPS's own firewall.
pub(super) fn firewall_archive() -> Vec<u8> {
    archive_of(FIREWALL)
}

fn archive_of(files: &[File]) -> Vec<u8> {
    let mut archive = Builder::new(Vec::new());
    for (path, mode, content) in files {
        let mut header = Header::new_gnu();
        header.set_mode(*mode);
        header.set_size(content.len() as u64);
        archive
            .append_data(&mut header, path, content.as_bytes())
            .expect("nothing fails in memory");
    }
    archive.into_inner().expect("nothing fails in memory")
}
