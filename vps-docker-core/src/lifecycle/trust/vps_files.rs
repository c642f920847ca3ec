use tar::{Builder, Header};

/// What stays on the VPS: path, mode and content.
const FILES: &[(&str, u32, &str)] = &[
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

/// As an archive for `/`.
pub(super) fn archive() -> Vec<u8> {
    let mut archive = Builder::new(Vec::new());
    for (path, mode, content) in FILES {
        let mut header = Header::new_gnu();
        header.set_mode(*mode);
        header.set_size(content.len() as u64);
        archive
            .append_data(&mut header, path, content.as_bytes())
            .expect("nothing fails in memory");
    }
    archive.into_inner().expect("nothing fails in memory")
}
