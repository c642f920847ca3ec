use std::collections::HashSet;
use std::pin::Pin;

use futures_util::future::try_join_all;
use tokio::io::AsyncRead;

use super::archive::SavedArchive;
use super::load::load;
use super::present::PresentImages;
use super::{NamedImage, Shipped};
use crate::docker::{DockerEngine, DockerOverSsh, ImageConfig};
use crate::error::{Error, ErrorKind, Result};
use crate::files::adaptive_gzip::Sent;
use crate::ssh::RemoteProcess;

/// Images on their way together.
pub(super) struct Shipment<'a> {
    from: &'a dyn DockerEngine,
    to: &'a DockerOverSsh,
    /// As they are where they come from.
    images: &'a [NamedImage],
    progress: &'a (dyn Fn(String) + Send + Sync),
    sent: Sent,
    layers_sent: usize,
}

impl<'a> Shipment<'a> {
    pub(super) fn new(
        from: &'a dyn DockerEngine,
        to: &'a DockerOverSsh,
        images: &'a [NamedImage],
        progress: &'a (dyn Fn(String) + Send + Sync),
    ) -> Self {
        Self {
            from,
            to,
            images,
            progress,
            sent: Sent::default(),
            layers_sent: 0,
        }
    }

    /// Sends what is needed, and describes the images as they are on the VPS then.
    pub(super) async fn run(mut self) -> Result<(Vec<ImageConfig>, Shipped)> {
        for image in self.images {
            image.saved_name()?;
        }
        let present = PresentImages::list(self.to).await?;
        let is_there = |image: &&NamedImage| present.has(&image.image.id);
        let (there, missing): (Vec<_>, Vec<_>) = self.images.iter().partition(is_there);
        for image in there {
            self.tell(format!("{} is there already", image.reference));
            self.name_it(image).await?;
        }
        let shares = |image: &&NamedImage| present.shared(image.image.layers()) > 0;
        let described = if missing.is_empty() {
            self.describe(|image, there| there.id == image.id).await?
        } else if !missing.iter().any(shares) {
            self.send_all(&missing).await?
        } else {
            match self.send_missing(&missing, &present).await {
                Err(error) if all_may_do_better(&error) => {
                    self.tell(format!("{error}; shipping all of it instead"));
                    self.send_all(&missing).await?
                }
                done => done?,
            }
        };
        let shipped = Shipped {
            layers: count(&layers_of(self.images), |_| 0),
            layers_sent: self.layers_sent,
            bytes_plain: self.sent.plain,
            bytes_on_the_wire: self.sent.on_the_wire,
        };
        Ok((described, shipped))
    }

    /// Only the name is wanting, if anything.
    async fn name_it(&self, image: &NamedImage) -> Result<()> {
        let (id, name) = (&image.image.id, &image.reference);
        match self.to.image(name).await? {
            Some(there) if there.id == *id => Ok(()),
            _ => self.to.run(["tag", id, name.as_str()]).await.map(drop),
        }
    }

    /// The archive goes over while it is being made, untouched.
    async fn send_all(&mut self, missing: &[&NamedImage]) -> Result<Vec<ImageConfig>> {
        let layers = layers_of(missing.iter().copied());
        self.tell_what_goes(missing, &layers, |_| 0);
        let (save, archive) = self.save(missing).await?;
        let load = load(self.to, archive, &mut self.sent);
        let (loaded, saved) = tokio::join!(load, save.finish(b""));
        let loaded = loaded?;
        // The side that failed first tells why. A torn archive is the fault of the one who saves;
        // one that cannot get rid of its archive has only heard of the other's failure.
        if loaded.got_all() {
            saved?.success(ErrorKind::Docker, "`docker save`")?;
        }
        loaded.check()?;
        self.tell_what_went();
        // Stores of different kinds call the same image by different ids.
        self.describe(|image, there| {
            there.id == image.id
                || (there.layers(), &there.config) == (image.layers(), &image.config)
        })
        .await
    }

    /// The archive is written down here first, and sent without what the VPS has.
    async fn send_missing(
        &mut self,
        missing: &[&NamedImage],
        present: &PresentImages,
    ) -> Result<Vec<ImageConfig>> {
        let (save, archive) = self.save(missing).await?;
        let written = SavedArchive::write_down(archive, &self.to.scratch_dir);
        let (written, saved) = tokio::join!(written, save.finish(b""));
        let written = written?;
        saved?.success(ErrorKind::Docker, "`docker save`")?;

        // A name may have moved to another image meanwhile: what was saved counts.
        let archive = SavedArchive::open(written).await?;
        let contents = archive.contents();
        let shared = |layers: &[String]| present.shared(layers);
        self.tell_what_goes(missing, &contents.layers(), shared);
        load(
            self.to,
            archive.read(contents.without(shared)),
            &mut self.sent,
        )
        .await?
        .check()?;
        self.tell_what_went();
        self.describe(|image, there| there.id == image.id || contents.has(&there.id))
            .await
    }

    /// Starts `docker save` and parts its output from it.
    async fn save(&self, images: &[&NamedImage]) -> Result<(RemoteProcess, Archive)> {
        let names: Result<Vec<String>> = images.iter().map(|image| image.saved_name()).collect();
        let mut save = self.from.start_save(&names?).await?;
        let nothing = Box::pin(tokio::io::empty());
        let archive = std::mem::replace(&mut save.stdout, nothing);
        Ok((save, archive))
    }

    /// Describes the images as they are on the VPS, each of which has to be what was brought.
    async fn describe(
        &self,
        is_it: impl Fn(&ImageConfig, &ImageConfig) -> bool,
    ) -> Result<Vec<ImageConfig>> {
        let describe = async |image: &NamedImage| {
            let name = &image.reference;
            if let Some(there) = self.to.image(name).await? {
                if is_it(&image.image, &there) {
                    return Ok(there);
                }
                // Where it comes from, the name may have moved on its way.
                let now = self.from.look_up(name).await?;
                if now.is_some_and(|now| is_it(&now, &there)) {
                    return Ok(there);
                }
            }
            Err(Error::new(
                ErrorKind::Docker,
                format!("{name} was brought to the VPS, but another image has that name there now"),
            ))
        };
        try_join_all(self.images.iter().map(describe)).await
    }

    fn tell_what_goes(
        &mut self,
        images: &[&NamedImage],
        layers: &[&[String]],
        shared: impl Fn(&[String]) -> usize,
    ) {
        self.layers_sent = count(layers, shared);
        let names: Vec<&str> = images
            .iter()
            .map(|image| image.reference.as_str())
            .collect();
        self.tell(format!(
            "shipping {} from {}: {} of {} layers",
            names.join(" and "),
            self.from.place(),
            self.layers_sent,
            count(layers, |_| 0),
        ));
    }

    fn tell_what_went(&self) {
        self.tell(format!(
            "shipped {:.1} MB as {:.1} MB",
            self.sent.plain as f64 / 1e6,
            self.sent.on_the_wire as f64 / 1e6
        ));
    }

    fn tell(&self, text: String) {
        (self.progress)(text);
    }
}

/// The output of `docker save`.
type Archive = Pin<Box<dyn AsyncRead + Send>>;

fn layers_of<'a>(images: impl IntoIterator<Item = &'a NamedImage>) -> Vec<&'a [String]> {
    images
        .into_iter()
        .map(|image| image.image.layers())
        .collect()
}

/// How many layers images have above the shared ones; one that several of them have counts once.
fn count(images: &[&[String]], shared: impl Fn(&[String]) -> usize) -> usize {
    let mut layers = HashSet::new();
    for image in images {
        layers.extend((shared(image) + 1..=image.len()).map(|height| &image[..height]));
    }
    layers.len()
}

/// Whether the whole archive may get there where the one without some layers did not.
fn all_may_do_better(error: &Error) -> bool {
    let is_of_the_way = matches!(
        error.kind(),
        ErrorKind::Unreachable | ErrorKind::HostKeyMismatch
    );
    !is_of_the_way && !error.to_string().contains("no space left")
}
