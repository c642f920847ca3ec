use std::time::Duration;

use sha2::{Digest, Sha256};

use super::ship::NamedImage;
use super::{DockerEngine, DockerOverSsh, ImageConfig, LocalEngine};
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

/// How old a derived image of this side may be when it is shipped: what it has of the distribution
/// is as old, and a VPS would fetch what is new.
const FRESH: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// The label that says of which image a derived one is made.
const BASE_LABEL: &str = "vps-docker-base";

/// Builds the derived image of `base`, the user's image with sshd in it, on the VPS, unless it is
/// there, and returns its name. It is named by the content of the base image and of our assets, so
/// that it is built once.
pub(crate) async fn derive(
    docker: &DockerOverSsh,
    reference: &ImageReference,
    base: &ImageConfig,
) -> Result<ImageReference> {
    let derived = name_of(base);
    build(docker, reference, base, &derived, &[]).await?;
    Ok(derived)
}

/// The derived image of `base` on this side, which is built unless it is there and fresh; `None`
/// when that fails, for a VPS may manage. It stays here, for hosts that are made later; what else
/// was made does not.
pub(super) async fn derive_here(engine: &LocalEngine, base: &NamedImage) -> Option<NamedImage> {
    let name = name_of(&base.image);
    let old = NamedImage::look_up(engine, &name).await.ok().flatten();
    match &old {
        Some(old) if old.image.is_younger_than(FRESH) => return Some(old.clone()),
        _ => {}
    }
    // What Docker remembers of an earlier build may be as old.
    let anew = ["--no-cache"];
    if let Err(error) = build(engine, &base.reference, &base.image, &name, &anew).await {
        tracing::debug!(%error, "sshd is brought into the image on the VPS instead");
        let label = format!("{BASE_LABEL}={}", base.image.id);
        let steps = engine.nameless(&label).await;
        engine.remove_images(&steps).await;
        return None;
    }
    if let Some(old) = old {
        engine.remove_images(&[old.image.id]).await;
    }
    NamedImage::look_up(engine, &name).await.ok().flatten()
}

async fn build(
    engine: &dyn DockerEngine,
    reference: &ImageReference,
    base: &ImageConfig,
    derived: &ImageReference,
    options: &[&str],
) -> Result<()> {
    if !base.config.on_build.is_empty() {
        return Err(Error::new(
            ErrorKind::Docker,
            format!(
                "the image {reference} has ONBUILD triggers and is meant to be built upon; build \
                 your own image from it and use that one"
            ),
        ));
    }
    let mut args: Vec<String> = options.iter().map(ToString::to_string).collect();
    args.extend([
        "--force-rm".to_owned(),
        "--label=vps-docker".to_owned(),
        format!("--build-arg=BASE={reference}"),
        format!("--build-arg=VPS_DOCKER_BASE={}", base.id),
        format!("--build-arg=VPS_DOCKER_USER={}", base.config.user),
        format!("--tag={derived}"),
        "-".to_owned(),
    ]);
    let output = engine.start_build(&args).await?.finish(&context()).await?;
    if let Some(reason) = refusal(&output.stderr) {
        return Err(Error::new(
            ErrorKind::Docker,
            format!("sshd cannot be brought into the image {reference}: {reason}"),
        ));
    }
    let what = format!("bringing sshd into the image {reference}");
    output.success(ErrorKind::Docker, &what).map(drop)
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

fn name_of(base: &ImageConfig) -> ImageReference {
    let mut hash = Sha256::new();
    hash.update(&base.id);
    for (name, content) in ASSETS {
        hash.update(name);
        hash.update([0]);
        hash.update(content);
        hash.update([0]);
    }
    let content = base32().encode(&hash.finalize()[..15]);
    ImageReference::new(format!("vps-docker/derived:{content}")).expect("a base32 tag is legal")
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
