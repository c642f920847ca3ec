use sha2::{Digest, Sha256};

use super::{DockerOverSsh, ImageConfig};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{ImageReference, base32};

/// The build context: what goes into every derived image.
const ASSETS: [(&str, &str); 6] = [
    ("Dockerfile", include_str!("assets/Dockerfile")),
    ("install-sshd.sh", include_str!("assets/install-sshd.sh")),
    ("entrypoint.sh", include_str!("assets/entrypoint.sh")),
    ("session.sh", include_str!("assets/session.sh")),
    ("keep-alive.sh", include_str!("assets/keep-alive.sh")),
    ("sshd_config", include_str!("assets/sshd_config")),
];

/// The user's image with sshd in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DerivedImage {
    pub(crate) reference: ImageReference,
}

/// Builds the derived image of `base` on the VPS, unless it is there. Named by the content of the
/// base image and of our assets, so that it is built once.
pub(crate) async fn derive(
    docker: &DockerOverSsh,
    reference: &ImageReference,
    base: &ImageConfig,
) -> Result<DerivedImage> {
    if !base.config.on_build.is_empty() {
        return Err(Error::new(
            ErrorKind::Docker,
            format!(
                "the image {reference} has ONBUILD triggers and is meant to be built upon; build \
                 your own image from it and use that one"
            ),
        ));
    }
    let derived = ImageReference::new(format!("vps-docker/derived:{}", content_name(base)))
        .expect("a base32 tag is legal");
    let build = docker
        .spawn_build([
            "build",
            "--force-rm",
            "--label=vps-docker",
            &format!("--build-arg=BASE={reference}"),
            &format!("--build-arg=VPS_DOCKER_USER={}", base.config.user),
            &format!("--tag={derived}"),
            "-",
        ])
        .await?;
    let output = build.finish(&context()).await?;
    if let Some(reason) = refusal(&output.stderr) {
        return Err(Error::new(
            ErrorKind::Docker,
            format!("sshd cannot be brought into the image {reference}: {reason}"),
        ));
    }
    output.success(
        ErrorKind::Docker,
        &format!("bringing sshd into the image {reference}"),
    )?;
    Ok(DerivedImage { reference: derived })
}

/// The reasons that the user can do something about, by what the build ends with.
fn refusal(complaint: &str) -> Option<&'static str> {
    const REASONS: [(&str, &str); 4] = [
        (
            "returned a non-zero code: 78",
            "it has neither sshd nor a package manager that we know (apt-get, apk, dnf, microdnf, \
             yum, zypper, pacman); use an image that has one, or install openssh-server into yours",
        ),
        (
            "stat /bin/sh: no such file or directory",
            "it has no shell; use an image that has one and a package manager, or install a shell \
             and openssh-server into yours",
        ),
        (
            "returned a non-zero code: 67",
            "its USER names a user or group that is not in it; mend the image's USER",
        ),
        (
            "returned a non-zero code: 70",
            "the sshd that is in it does not start; install openssh-server into the image anew",
        ),
    ];
    let (_, reason) = REASONS.iter().find(|(sign, _)| complaint.contains(sign))?;
    Some(reason)
}

fn content_name(base: &ImageConfig) -> String {
    let mut hash = Sha256::new();
    hash.update(&base.id);
    for (name, content) in ASSETS {
        hash.update(name);
        hash.update([0]);
        hash.update(content);
        hash.update([0]);
    }
    base32().encode(&hash.finalize()[..15])
}

/// The build context as a tar archive, the same bytes every time so that Docker's cache knows it.
fn context() -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    for (name, content) in ASSETS {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(if name.ends_with(".sh") { 0o755 } else { 0o644 });
        header.set_mtime(0);
        archive
            .append_data(&mut header, name, content.as_bytes())
            .expect("writing into memory does not fail");
    }
    archive
        .into_inner()
        .expect("writing into memory does not fail")
}
