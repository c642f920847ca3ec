use tokio::io::AsyncReadExt;

use super::{DockerOverSsh, ImageConfig, LocalEngine};
use crate::error::{Error, ErrorKind, Result};
use crate::files::adaptive_gzip;
use crate::model::{ImageReference, ImageSource};

/// What this side's engine has, looked up while the VPS boots.
type LocalImage = Option<ImageConfig>;

/// Looks the image up on this side, where the source may need it.
pub(crate) async fn look_up_locally(
    engine: &LocalEngine,
    reference: &ImageReference,
    source: ImageSource,
) -> Result<LocalImage> {
    match source {
        ImageSource::Pull | ImageSource::Present | ImageSource::Built => Ok(None),
        ImageSource::Auto => engine.image(reference).await,
        ImageSource::Ship => match engine.image(reference).await? {
            Some(image) => Ok(Some(image)),
            None => Err(Error::new(
                ErrorKind::NotFound,
                format!(
                    "the image {reference} is to be shipped, but this side's Docker engine does \
                     not have it; `docker pull` or `docker build` it here first"
                ),
            )),
        },
    }
}

/// Gets the image to the VPS by the given source and describes it. `on_vps` is what the VPS has
/// already. Idempotent.
pub(crate) async fn bring_image(
    docker: &DockerOverSsh,
    engine: &LocalEngine,
    reference: &ImageReference,
    source: ImageSource,
    local: LocalImage,
    on_vps: Option<ImageConfig>,
    progress: &(dyn Fn(String) + Send + Sync),
) -> Result<ImageConfig> {
    match (source, on_vps, local) {
        (ImageSource::Auto | ImageSource::Present | ImageSource::Built, Some(present), _) => {
            progress(format!("{reference} is there already"));
            return Ok(present);
        }
        (ImageSource::Ship, Some(present), Some(local)) if present.id == local.id => {
            progress(format!("{reference} is there already"));
            return Ok(present);
        }
        (ImageSource::Present | ImageSource::Built, None, _) => {
            return Err(Error::new(
                ErrorKind::NotFound,
                format!("the image {reference} is expected on the VPS, but it is not there"),
            ));
        }
        (ImageSource::Ship, _, _) => ship(docker, engine, reference, progress).await?,
        (ImageSource::Pull, _, _) | (ImageSource::Auto, None, None) => {
            pull(docker, reference, progress).await?;
        }
        (ImageSource::Auto, None, Some(local)) if local.is_only_local() => {
            ship(docker, engine, reference, progress).await?;
        }
        (ImageSource::Auto, None, Some(_)) => {
            if let Err(error) = pull(docker, reference, progress).await {
                progress(format!("{error}; shipping this side's image instead"));
                ship(docker, engine, reference, progress).await?;
            }
        }
    }
    docker.image(reference).await?.ok_or_else(|| {
        Error::new(
            ErrorKind::Docker,
            format!("the image {reference} was brought to the VPS but is not there"),
        )
    })
}

async fn pull(
    docker: &DockerOverSsh,
    reference: &ImageReference,
    progress: &(dyn Fn(String) + Send + Sync),
) -> Result<()> {
    progress(format!("the VPS pulls {reference}"));
    docker
        .run(["pull", "--quiet", reference.as_str()])
        .await
        .map(drop)
        .map_err(|error| {
            Error::new(
                ErrorKind::Docker,
                format!(
                    "the VPS cannot pull {reference}; if the image is only on this machine's \
                     Docker engine it is shipped from there by itself: check its name with \
                     `docker image ls`"
                ),
            )
            .with_source(error)
        })
}

/// `docker save` here, `docker load` there, over the open connection.
async fn ship(
    docker: &DockerOverSsh,
    engine: &LocalEngine,
    reference: &ImageReference,
    progress: &(dyn Fn(String) + Send + Sync),
) -> Result<()> {
    progress(format!("shipping {reference} from this side"));
    let mut save = engine.save(reference)?;
    let mut load = docker.spawn(["load", "--quiet"]).await?;
    let taken = "piped by its maker";
    let from = save.stdout.take().expect(taken);
    let to = load.stdin.take().expect(taken);
    let mut complaint = String::new();
    let mut stderr = save.stderr.take().expect(taken);
    let (sent, loaded, _) = tokio::join!(
        adaptive_gzip::copy(from, to),
        load.finish(b""),
        stderr.read_to_string(&mut complaint),
    );
    // The side that failed first tells why; the other one only saw a broken pipe.
    loaded?.success(ErrorKind::Docker, "`docker load` on the VPS")?;
    let saved = save.wait().await.map_err(|error| {
        Error::new(ErrorKind::Docker, "`docker save` did not end").with_source(error)
    })?;
    if !saved.success() {
        return Err(Error::new(
            ErrorKind::Docker,
            format!("`docker save {reference}` failed: {}", complaint.trim()),
        ));
    }
    let sent = sent.map_err(|error| {
        Error::new(ErrorKind::Unreachable, "the image could not be sent").with_source(error)
    })?;
    progress(format!(
        "shipped {:.1} MB as {:.1} MB",
        sent.plain as f64 / 1e6,
        sent.on_the_wire as f64 / 1e6
    ));
    Ok(())
}
