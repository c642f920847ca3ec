//! Moving an image to a VPS without a registry: only the layers that it lacks.
//!
//! `docker load` looks a layer up by the digests of all layers up to it and reads the archive only
//! for one that it does not find. So what the VPS has is asked for, and left out of the archive of
//! `docker save`.

mod archive;
#[cfg(test)]
mod archive_tests;
mod contents;
mod load;
mod named_image;
mod present;
mod shipment;
mod tar_entries;

use self::shipment::Shipment;
use super::{DockerEngine, DockerOverSsh, ImageConfig, LocalEngine};
use crate::error::Result;
use crate::model::ImageReference;

pub(crate) use self::named_image::NamedImage;

/// What a shipment moved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Shipped {
    /// How many layers the image has.
    pub layers: usize,
    /// How many of them were sent, because the VPS did not have them.
    pub layers_sent: usize,
    /// Bytes of what was sent, before compression.
    pub bytes_plain: u64,
    /// Bytes of what was sent as it went into the SSH connection.
    pub bytes_on_the_wire: u64,
}

impl DockerOverSsh {
    /// Moves an image from this side's engine to the VPS, without a registry: only the layers that
    /// the VPS lacks, compressed where that is faster than sending. `progress` hears in sentences
    /// what is done.
    ///
    /// The image has the same name and the same id there, which is checked. One that is there is
    /// not sent; one that is there by another name only gets this one. Where Docker refuses an
    /// archive with layers left out, the whole one is sent.
    ///
    /// Needs room for the image's archive in [`scratch_dir`](Self::scratch_dir) as long as it
    /// takes, unless the VPS has none of its layers. A VPS whose Docker keeps its images in
    /// containerd's store always gets the whole archive.
    ///
    /// Idempotent. Cancel-safe: an image that has not arrived wholly is not there, and Docker
    /// removes what it has of it.
    ///
    /// # Errors
    /// `NotFound` when this side does not have the image, `Invalid` for a reference with a digest,
    /// `Docker` with the words of the engine that refused, such as for want of disk space,
    /// `Unreachable`.
    pub async fn ship_image(
        &self,
        from: &LocalEngine,
        reference: &ImageReference,
        progress: &(dyn Fn(String) + Send + Sync),
    ) -> Result<Shipped> {
        self.ship_from(from, reference, progress).await
    }

    /// Moves an image from another VPS to this one, through this side, as
    /// [`ship_image`](Self::ship_image) does from here. The other VPS keeps it.
    ///
    /// # Errors
    /// Those of [`ship_image`](Self::ship_image).
    pub async fn ship_image_from(
        &self,
        other: &DockerOverSsh,
        reference: &ImageReference,
        progress: &(dyn Fn(String) + Send + Sync),
    ) -> Result<Shipped> {
        self.ship_from(other, reference, progress).await
    }

    async fn ship_from(
        &self,
        from: &dyn DockerEngine,
        reference: &ImageReference,
        progress: &(dyn Fn(String) + Send + Sync),
    ) -> Result<Shipped> {
        let image = NamedImage::find(from, reference).await?;
        let shipped = ship(from, self, &[image], progress).await?;
        Ok(shipped.1)
    }
}

/// Moves images that the source is known to have, together, and describes them as they are on the
/// VPS.
pub(crate) async fn ship(
    from: &dyn DockerEngine,
    to: &DockerOverSsh,
    images: &[NamedImage],
    progress: &(dyn Fn(String) + Send + Sync),
) -> Result<(Vec<ImageConfig>, Shipped)> {
    Shipment::new(from, to, images, progress).run().await
}
