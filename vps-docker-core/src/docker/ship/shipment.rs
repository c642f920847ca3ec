use super::Shipped;
use super::archive::SavedArchive;
use super::load::load;
use super::present::PresentImages;
use super::source::{Archive, ArchiveSource, saved_name};
use crate::docker::adaptive_gzip::Sent;
use crate::docker::{DockerOverSsh, ImageConfig};
use crate::error::{Error, ErrorKind, Result};
use crate::model::ImageReference;
use crate::ssh::RemoteProcess;

/// An image on its way.
pub(super) struct Shipment<'a> {
    from: &'a dyn ArchiveSource,
    to: &'a DockerOverSsh,
    reference: &'a ImageReference,
    /// As it is where it comes from.
    image: &'a ImageConfig,
    progress: &'a (dyn Fn(String) + Send + Sync),
    sent: Sent,
    layers_sent: usize,
}

impl<'a> Shipment<'a> {
    pub(super) fn new(
        from: &'a dyn ArchiveSource,
        to: &'a DockerOverSsh,
        reference: &'a ImageReference,
        image: &'a ImageConfig,
        progress: &'a (dyn Fn(String) + Send + Sync),
    ) -> Self {
        Self {
            from,
            to,
            reference,
            image,
            progress,
            sent: Sent::default(),
            layers_sent: 0,
        }
    }

    /// Sends what is needed, and describes the image as it is on the VPS then.
    pub(super) async fn run(mut self) -> Result<(ImageConfig, Shipped)> {
        let name = saved_name(self.reference, self.image)?;
        let present = PresentImages::list(self.to).await?;
        let there = if present.has(&self.image.id) {
            self.tell(format!("{} is there already", self.reference));
            self.name_it().await?
        } else if present.shared(self.image.layers()) == 0 {
            self.send_all(&name).await?
        } else {
            match self.send_missing(&name, &present).await {
                Err(error) if all_may_do_better(&error) => {
                    self.tell(format!("{error}; shipping all of it instead"));
                    self.send_all(&name).await?
                }
                done => done?,
            }
        };
        let shipped = Shipped {
            layers: self.image.layers().len(),
            layers_sent: self.layers_sent,
            bytes_plain: self.sent.plain,
            bytes_on_the_wire: self.sent.on_the_wire,
        };
        Ok((there, shipped))
    }

    /// Only the name is wanting, if anything.
    async fn name_it(&self) -> Result<ImageConfig> {
        match self.to.image(self.reference).await? {
            Some(there) if there.id == self.image.id => return Ok(there),
            _ => {}
        }
        let tag = ["tag", &self.image.id, self.reference.as_str()];
        self.to.run(tag).await?;
        self.arrived(|there| there.id == self.image.id).await
    }

    /// The archive goes over while it is being made, untouched.
    async fn send_all(&mut self, name: &str) -> Result<ImageConfig> {
        let layers = self.image.layers().len();
        self.tell_what_goes(layers, layers);
        let (save, archive) = self.save(name).await?;
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
        self.arrived(|there| {
            there.id == self.image.id
                || (there.layers(), &there.config) == (self.image.layers(), &self.image.config)
        })
        .await
    }

    /// The archive is written down here first, and sent without what the VPS has.
    async fn send_missing(&mut self, name: &str, present: &PresentImages) -> Result<ImageConfig> {
        let (save, archive) = self.save(name).await?;
        let written = SavedArchive::write_down(archive, &self.to.scratch_dir);
        let (written, saved) = tokio::join!(written, save.finish(b""));
        let written = written?;
        saved?.success(ErrorKind::Docker, "`docker save`")?;

        // The name may have moved to another image meanwhile: what was saved counts.
        let archive = SavedArchive::open(written).await?;
        let layers = archive.layers();
        let shared = present.shared(&layers);
        self.tell_what_goes(layers.len() - shared, layers.len());
        load(self.to, archive.without_lowest(shared), &mut self.sent)
            .await?
            .check()?;
        self.tell_what_went();
        self.arrived(|there| there.id == archive.image_id()).await
    }

    /// Starts `docker save` and parts its output from it.
    async fn save(&self, name: &str) -> Result<(RemoteProcess, Archive)> {
        let mut save = self.from.start_save(name).await?;
        let nothing = Box::pin(tokio::io::empty());
        let archive = std::mem::replace(&mut save.stdout, nothing);
        Ok((save, archive))
    }

    async fn arrived(&self, is_it: impl Fn(&ImageConfig) -> bool) -> Result<ImageConfig> {
        let there = self.to.image(self.reference).await?;
        there.filter(is_it).ok_or_else(|| {
            Error::new(
                ErrorKind::Docker,
                format!(
                    "the image {} was brought to the VPS, but it is not the one that has that \
                     name there now",
                    self.reference
                ),
            )
        })
    }

    fn tell_what_goes(&mut self, layers: usize, of: usize) {
        self.layers_sent = layers;
        self.tell(format!(
            "shipping {layers} of {of} layers of {} from {}",
            self.reference,
            self.from.place()
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

/// Whether the whole archive may get there where the one without some layers did not.
fn all_may_do_better(error: &Error) -> bool {
    error.kind() != ErrorKind::Unreachable && !error.to_string().contains("no space left")
}
