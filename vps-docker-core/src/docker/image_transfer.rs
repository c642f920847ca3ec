use super::ship::{find, ship};
use super::{DockerOverSsh, ImageConfig, LocalEngine};
use crate::error::{Error, ErrorKind, Result};
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
        ImageSource::Pull | ImageSource::Present => Ok(None),
        ImageSource::Auto => engine.image(reference).await,
        ImageSource::Ship => find(engine, reference).await.map(Some),
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
    let ship_it = async |local: ImageConfig| {
        let shipped = ship(engine, docker, reference, &local, progress).await;
        shipped.map(|(there, _)| there)
    };
    match (source, on_vps, local) {
        (ImageSource::Auto | ImageSource::Present, Some(present), _) => {
            progress(format!("{reference} is there already"));
            return Ok(present);
        }
        (ImageSource::Ship, Some(present), Some(local)) if present.id == local.id => {
            progress(format!("{reference} is there already"));
            return Ok(present);
        }
        (ImageSource::Present, None, _) => {
            return Err(Error::new(
                ErrorKind::NotFound,
                format!("the image {reference} is expected on the VPS, but it is not there"),
            ));
        }
        (ImageSource::Ship, _, Some(local)) => return ship_it(local).await,
        (ImageSource::Ship, _, None) => return ship_it(find(engine, reference).await?).await,
        (ImageSource::Pull, _, _) | (ImageSource::Auto, None, None) => {
            pull(docker, reference, progress).await?;
        }
        (ImageSource::Auto, None, Some(local)) if local.is_only_local() => {
            return ship_it(local).await;
        }
        (ImageSource::Auto, None, Some(local)) => {
            if let Err(error) = pull(docker, reference, progress).await {
                progress(format!("{error}; shipping this side's image instead"));
                return ship_it(local).await;
            }
        }
    }
    docker.image(reference).await?.ok_or_else(|| {
        Error::new(
            ErrorKind::Docker,
            format!("the VPS pulled {reference}, but it is not there"),
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
