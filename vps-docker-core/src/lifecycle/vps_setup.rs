use std::time::Duration;

use tokio::io::{AsyncBufReadExt, BufReader};

use crate::cloud_init::{BootstrapReport, await_script};
use crate::docker::{CONTAINER_SSH_DIR, FIT_MEMORY, ImageConfig};
use crate::error::{Error, ErrorKind, Result};
use crate::keys::PublicKey;
use crate::model::ImageReference;
use crate::ssh::{Transport, TransportExt, join};
use crate::store::STATE_VOLUME;

/// Follows the bootstrap's own reports until it says that it is done.
///
/// # Errors
/// [`ErrorKind::Bootstrap`] as soon as it says that it failed, with the failing command's output.
pub(super) async fn wait_for_bootstrap(
    vps: &dyn Transport,
    limit: Duration,
    tell: &(dyn Fn(String) + Send + Sync),
) -> Result<()> {
    let script = await_script(limit);
    let command = join(["sh", "-c", &script, "await-bootstrap"]);
    let mut remote = vps.spawn(&command).await?;
    let nothing = Box::pin(tokio::io::empty());
    let mut lines = BufReader::new(std::mem::replace(&mut remote.stdout, nothing)).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        let report = BootstrapReport::parse(&line)?;
        if report.is_final() {
            return report.check();
        }
        tell(report.step);
    }
    let output = remote.finish(b"").await?;
    Err(Error::new(
        ErrorKind::Bootstrap,
        format!("the bootstrap's report broke off: {}", output.stderr.trim()),
    )
    .retryable())
}

/// Removes the host that a copied disk holds, all but its images and its data volume. Idempotent.
pub(super) async fn forget_other_host(vps: &dyn Transport) -> Result<()> {
    let command = join(["sh", "-c", include_str!("forget-host.sh"), "forget-host"]);
    vps.run(&command, b"")
        .await?
        .success(ErrorKind::Docker, "removing the host that the disk is of")
        .map(drop)
}

/// What [`prepare_vps`] made and found.
#[derive(Clone, Debug)]
pub(super) struct Prepared {
    pub(super) container_host_key: PublicKey,
    /// The image, where the VPS has it already.
    pub(super) image: Option<ImageConfig>,
}

/// In one round trip: makes the state volume and the container's host key, whose private half
/// never leaves the VPS, lets our key into the container, and looks for the image. Idempotent.
pub(super) async fn prepare_vps(
    vps: &dyn Transport,
    container_client_key: &PublicKey,
    image: &ImageReference,
) -> Result<Prepared> {
    let authorized_keys = format!("{}\n", container_client_key.openssh());
    let command = join([
        "sh",
        "-c",
        include_str!("prepare-vps.sh"),
        "prepare-vps",
        CONTAINER_SSH_DIR,
        STATE_VOLUME,
        image.as_str(),
        FIT_MEMORY,
    ]);
    let output = vps
        .run(&command, authorized_keys.as_bytes())
        .await?
        .success(ErrorKind::Docker, "preparing the VPS")?;
    let (key, image) = output.split_once('\n').unwrap_or((&output, ""));
    Ok(Prepared {
        container_host_key: key.parse()?,
        image: match image.trim() {
            "" | "[]" => None,
            json => Some(ImageConfig::parse(json)?),
        },
    })
}
