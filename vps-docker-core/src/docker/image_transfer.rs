use std::time::Duration;

use tokio::time::timeout;

use super::derived_image::derive_here;
use super::ship::{NamedImage, ship};
use super::{DockerOverSsh, ImageConfig, LocalEngine};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{ImageReference, ImageSource};

/// What this side's engine has of what a host needs, looked up while the VPS boots.
#[derive(Clone, Debug)]
pub(crate) struct LocalImages {
    base: NamedImage,
    /// The same with sshd, where it is to be shipped.
    derived: Option<NamedImage>,
}

/// What a host needs, on its VPS.
#[derive(Clone, Debug)]
pub(crate) struct BroughtImages {
    pub(crate) base: ImageConfig,
    /// The same with sshd, where it came along.
    pub(crate) derived: Option<ImageReference>,
}

/// Looks the image up on this side, where the source may need it, and brings sshd into the one that
/// will be shipped: that is done once and not on every VPS. Should that fail or take longer than
/// `build_limit`, the VPS does it.
pub(crate) async fn look_up_locally(
    engine: &LocalEngine,
    reference: &ImageReference,
    source: ImageSource,
    build_limit: Duration,
) -> Result<Option<LocalImages>> {
    let base = match source {
        ImageSource::Pull | ImageSource::Present | ImageSource::Built => None,
        ImageSource::Auto => NamedImage::look_up(engine, reference).await?,
        ImageSource::Ship => Some(NamedImage::find(engine, reference).await?),
    };
    let Some(base) = base else { return Ok(None) };
    let will_be_shipped = source == ImageSource::Ship || base.image.is_only_local();
    let derived = if will_be_shipped && engine.prepares_images {
        let derive = timeout(build_limit, derive_here(engine, &base)).await;
        derive.ok().flatten()
    } else {
        None
    };
    Ok(Some(LocalImages { base, derived }))
}

/// Gets the image to the VPS by the given source and describes it. `on_vps` is what the VPS has
/// already. Idempotent.
pub(crate) async fn bring_image(
    docker: &DockerOverSsh,
    engine: &LocalEngine,
    reference: &ImageReference,
    source: ImageSource,
    local: Option<LocalImages>,
    on_vps: Option<ImageConfig>,
    progress: &(dyn Fn(String) + Send + Sync),
) -> Result<BroughtImages> {
    let ship = async |local| ship_with_sshd(docker, engine, local, progress).await;
    match (source, on_vps, local) {
        (ImageSource::Auto | ImageSource::Present | ImageSource::Built, Some(present), _) => {
            progress(format!("{reference} is there already"));
            Ok(BroughtImages::alone(present))
        }
        (ImageSource::Present | ImageSource::Built, None, _) => Err(Error::new(
            ErrorKind::NotFound,
            format!("the image {reference} is expected on the VPS, but it is not there"),
        )),
        (ImageSource::Ship, _, Some(local)) => ship(local).await,
        (ImageSource::Ship, _, None) => {
            let base = NamedImage::find(engine, reference).await?;
            ship(LocalImages::alone(base)).await
        }
        (ImageSource::Auto, None, Some(local)) if local.base.image.is_only_local() => {
            ship(local).await
        }
        (ImageSource::Auto, None, Some(local)) => match pull(docker, reference, progress).await {
            Ok(pulled) => Ok(BroughtImages::alone(pulled)),
            Err(error) if error.kind() == ErrorKind::HostKeyMismatch => Err(error),
            Err(error) => {
                progress(format!("{error}; shipping this side's image instead"));
                ship(local).await
            }
        },
        (ImageSource::Pull, _, _) | (ImageSource::Auto, None, None) => {
            pull(docker, reference, progress)
                .await
                .map(BroughtImages::alone)
        }
    }
}

impl LocalImages {
    /// An image that nothing was made of.
    pub(crate) fn alone(base: NamedImage) -> Self {
        Self {
            base,
            derived: None,
        }
    }
}

/// The id of the image on this side, where it would be shipped from here whatever the VPS has. Changes nothing.
///
/// # Errors
/// [`ErrorKind::NotFound`] when it is to be shipped and is not here.
pub(crate) async fn id_to_ship(
    engine: &LocalEngine,
    reference: &ImageReference,
    source: ImageSource,
) -> Result<Option<String>> {
    let here = match source {
        ImageSource::Pull | ImageSource::Present | ImageSource::Built => None,
        ImageSource::Auto => NamedImage::look_up(engine, reference)
            .await?
            .filter(|here| here.image.is_only_local()),
        ImageSource::Ship => Some(NamedImage::find(engine, reference).await?),
    };
    Ok(here.map(|here| here.image.id))
}

impl BroughtImages {
    /// An image that came without the one made of it.
    pub(crate) fn alone(base: ImageConfig) -> Self {
        Self {
            base,
            derived: None,
        }
    }
}

/// Ships the image and, in the same archive, the one with sshd that has all of its layers too.
async fn ship_with_sshd(
    docker: &DockerOverSsh,
    engine: &LocalEngine,
    local: LocalImages,
    progress: &(dyn Fn(String) + Send + Sync),
) -> Result<BroughtImages> {
    let derived = local.derived.as_ref().map(|image| image.reference.clone());
    let images: Vec<NamedImage> = [local.base].into_iter().chain(local.derived).collect();
    let (described, _) = ship(engine, docker, &images, progress).await?;
    let base = described.into_iter().next().expect("as many as were sent");
    Ok(BroughtImages { base, derived })
}

async fn pull(
    docker: &DockerOverSsh,
    reference: &ImageReference,
    progress: &(dyn Fn(String) + Send + Sync),
) -> Result<ImageConfig> {
    progress(format!("the VPS pulls {reference}"));
    docker.pull(reference).await?;
    docker.image(reference).await?.ok_or_else(|| {
        Error::new(
            ErrorKind::Docker,
            format!("the VPS pulled {reference}, but it is not there"),
        )
    })
}
