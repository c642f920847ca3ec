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
    image_id: String,
    layers: Vec<Layer>,
}

#[derive(Debug)]
struct Layer {
    digest: String,
    file: String,
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
    /// [`ErrorKind::Docker`] when it is torn, or no archive of just one image.
    pub(super) fn read(file: &File) -> Result<Self> {
        let entries = TarEntries::read(file).map_err(|error| unreadable(error, "its entries"))?;
        let document = |name: &str| {
            let content = entries.content(file, name, DOCUMENT_LIMIT);
            content.map_err(|error| unreadable(error, &format!("{name:?}")))
        };
        let manifests: Vec<Manifest> = parse(&document("manifest.json")?)?;
        let [manifest] = &manifests[..] else {
            return Err(mistaken(&format!("{} images", manifests.len())));
        };
        let config = document(&manifest.config)?;
        let digests = parse::<Config>(&config)?.rootfs.diff_ids;
        let digests = digests.unwrap_or_default();
        let files = manifest.layers.clone().unwrap_or_default();
        if digests.len() != files.len() {
            return Err(mistaken("an image that disagrees with its manifest"));
        }
        let layers = digests.into_iter().zip(files);
        Ok(Self {
            entries,
            image_id: format!("sha256:{}", HEXLOWER.encode(&Sha256::digest(&config))),
            layers: layers
                .map(|(digest, file)| Layer { digest, file })
                .collect(),
        })
    }

    /// `sha256:` and the digest of the image's configuration.
    pub(super) fn image_id(&self) -> &str {
        &self.image_id
    }

    /// The digests of its layers' contents, the lowest one first.
    pub(super) fn layers(&self) -> Vec<String> {
        let digests = self.layers.iter().map(|layer| layer.digest.clone());
        digests.collect()
    }

    /// The parts of the archive that are left without the files of that many of its lowest layers.
    pub(super) fn without_lowest(&self, layers: usize) -> Vec<Range<u64>> {
        let (lowest, higher) = self.layers.split_at(layers);
        let files = |layers: &[Layer]| -> HashSet<usize> {
            let found = layers.iter().map(|layer| self.entries.find(&layer.file));
            found.flatten().collect()
        };
        // The same content may be a higher layer too, and is in the archive only once.
        let (lowest, higher) = (files(lowest), files(higher));
        self.entries
            .without(|entry| lowest.contains(&entry) && !higher.contains(&entry))
    }
}

fn parse<T: DeserializeOwned>(json: &[u8]) -> Result<T> {
    serde_json::from_slice(json).map_err(|error| unreadable(error.into(), "a document"))
}

fn unreadable(error: io::Error, what: &str) -> Error {
    let message = format!("cannot read {what} in what `docker save` wrote");
    Error::new(ErrorKind::Docker, message).with_source(error)
}

fn mistaken(what: &str) -> Error {
    Error::new(
        ErrorKind::Docker,
        format!("`docker save` wrote {what}, which was not expected"),
    )
}
