use super::DockerOverSsh;
use super::remote_pipe::{Wire, pipe};
use crate::error::{ErrorKind, Result};

/// Brings an image from one VPS to another, through this side: `docker save | docker load`, compressed
/// on the way out where that is faster. Its digest stays what it is.
pub(crate) async fn move_image(
    from: &DockerOverSsh,
    to: &DockerOverSsh,
    reference: &str,
    progress: &(dyn Fn(String) + Send + Sync),
) -> Result<()> {
    progress(format!("moving the image {reference}"));
    let save = from.spawn(["save", reference]).await?;
    let load = to.spawn(["load", "--quiet"]).await?;
    let what = (ErrorKind::Docker, "`docker save` on the other VPS");
    let (loaded, sent) = pipe(save, load, Wire::Gzip, what).await?;
    loaded.success(ErrorKind::Docker, "`docker load` on the VPS")?;
    progress(format!(
        "moved {:.1} MB as {:.1} MB",
        sent.plain as f64 / 1e6,
        sent.on_the_wire as f64 / 1e6
    ));
    Ok(())
}
