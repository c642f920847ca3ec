use std::collections::HashSet;
use std::fs::File;
use std::io;
use std::ops::Range;

use data_encoding::HEXLOWER;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use super::tar_entries::TarEntries;
use crate::error::{Error, ErrorKind, Result};

/// Larger than any manifest or configuration.
const DOCUMENT_LIMIT: u64 = 4 * 1024 * 1024;

/// What an archive of `docker save` holds, in the layout of Docker up to 24 or in the OCI layout of
/// later ones: both have a `manifest.json`, which alone is gone by.
#[derive(Debug)]
pub(super) struct Contents {
    entries: TarEntries,
    images: Vec<ArchivedImage>,
}

#[derive(Debug)]
struct ArchivedImage {
    /// `sha256:` and the digest of its configuration.
    id: String,
    /// The digests of its layers' contents, the lowest one first.
    layers: Vec<String>,
    /// What they are in the archive.
    files: Vec<String>,
}

/// An image, as `manifest.json` lists it.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Manifest {
    config: String,
    layers: Option<Vec<String>>,
}

/// What is of interest in an image's configuration.
#[derive(Deserialize)]
struct Config {
    rootfs: RootFs,
}

#[derive(Deserialize)]
struct RootFs {
    diff_ids: Option<Vec<String>>,
}

impl Contents {
    /// Reads all but the layers.
    ///
    /// # Errors
    /// [`ErrorKind::Docker`] when it is torn or something else.
    pub(super) fn read(file: &File) -> Result<Self> {
        let entries = TarEntries::read(file).map_err(|error| unreadable(error, "its entries"))?;
        let document = |name: &str| {
            let content = entries.content(file, name, DOCUMENT_LIMIT);
            content.map_err(|error| unreadable(error, &format!("{name:?}")))
        };
        let manifests: Vec<Manifest> = parse(&document("manifest.json")?)?;
        let images = manifests
            .into_iter()
            .map(|manifest| ArchivedImage::new(&document(&manifest.config)?, manifest.layers))
            .collect::<Result<_>>()?;
        Ok(Self { entries, images })
    }

    /// Whether the image of that id is in it.
    pub(super) fn has(&self, id: &str) -> bool {
        self.images.iter().any(|image| image.id == id)
    }

    /// The digests of the layers' contents of every image, the lowest one first.
    pub(super) fn layers(&self) -> Vec<&[String]> {
        self.images.iter().map(|image| &*image.layers).collect()
    }

    /// The parts of the archive that are left without the files of layers: of every image as many
    /// of its lowest ones as `left_out` says.
    pub(super) fn without(&self, left_out: impl Fn(&[String]) -> usize) -> Vec<Range<u64>> {
        let (mut lowest, mut higher) = (HashSet::new(), HashSet::new());
        for image in &self.images {
            let left_out = left_out(&image.layers);
            for (height, file) in image.files.iter().enumerate() {
                let side = if height < left_out {
                    &mut lowest
                } else {
                    &mut higher
                };
                side.extend(self.entries.find(file));
            }
        }
        // The same content may be a higher layer too, and is in the archive only once.
        self.entries
            .without(|entry: usize| lowest.contains(&entry) && !higher.contains(&entry))
    }
}

impl ArchivedImage {
    fn new(config: &[u8], files: Option<Vec<String>>) -> Result<Self> {
        let layers = parse::<Config>(config)?.rootfs.diff_ids.unwrap_or_default();
        let files = files.unwrap_or_default();
        if layers.len() != files.len() {
            return Err(Error::new(
                ErrorKind::Docker,
                "`docker save` wrote an image that disagrees with its manifest",
            ));
        }
        Ok(Self {
            id: format!("sha256:{}", HEXLOWER.encode(&Sha256::digest(config))),
            layers,
            files,
        })
    }
}

fn parse<T: DeserializeOwned>(json: &[u8]) -> Result<T> {
    serde_json::from_slice(json).map_err(|error| unreadable(error.into(), "a document"))
}

fn unreadable(error: io::Error, what: &str) -> Error {
    let message = format!("cannot read {what} in what `docker save` wrote");
    Error::new(ErrorKind::Docker, message).with_source(error)
}
