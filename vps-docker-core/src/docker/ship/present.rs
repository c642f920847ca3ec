use crate::docker::DockerOverSsh;
use crate::error::{Error, ErrorKind, Result};

/// The images that a VPS has, down to their layers.
#[derive(Debug, Default)]
pub(super) struct PresentImages {
    images: Vec<PresentImage>,
    looks_layers_up: bool,
}

#[derive(Debug)]
struct PresentImage {
    id: String,
    layers: Vec<String>,
}

impl PresentImages {
    /// Asks the VPS, in one round trip.
    pub(super) async fn list(docker: &DockerOverSsh) -> Result<Self> {
        let output = docker.run_script(include_str!("present-images.sh")).await?;
        Self::parse(&output.success(ErrorKind::Docker, "listing the images on the VPS")?)
    }

    /// Reads what the script prints.
    fn parse(text: &str) -> Result<Self> {
        let Some((storage, images)) = text.split_once('\n') else {
            return Ok(Self::default());
        };
        let images = images.lines().map(PresentImage::parse);
        Ok(Self {
            images: images.collect::<Result<_>>()?,
            looks_layers_up: !storage.contains("io.containerd.snapshotter"),
        })
    }

    /// Whether the very image is there, whatever its name.
    pub(super) fn has(&self, id: &str) -> bool {
        self.images.iter().any(|image| image.id == id)
    }

    /// How many of these layers, counted from the lowest one, need not be sent.
    ///
    /// `docker load` finds a layer by the chain of digests up to it: the same content on top of
    /// something else is another layer. containerd's image store finds none: it takes the blobs of
    /// an archive as they come and may even be content with an image that lacks some.
    pub(super) fn shared(&self, layers: &[String]) -> usize {
        if !self.looks_layers_up {
            return 0;
        }
        let shared_with = |image: &PresentImage| {
            let pairs = image.layers.iter().zip(layers);
            pairs.take_while(|(there, here)| there == here).count()
        };
        self.images.iter().map(shared_with).max().unwrap_or(0)
    }
}

impl PresentImage {
    fn parse(line: &str) -> Result<Self> {
        let unreadable = || {
            Error::new(
                ErrorKind::Docker,
                format!("the VPS describes an image as {line:?}, which cannot be read"),
            )
        };
        let (id, layers) = line.split_once(' ').ok_or_else(unreadable)?;
        // An image without layers has `null`.
        let layers: Option<_> =
            serde_json::from_str(layers).map_err(|error| unreadable().with_source(error))?;
        Ok(Self {
            id: id.to_owned(),
            layers: layers.unwrap_or_default(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layers(names: &str) -> Vec<String> {
        names.chars().map(|name| format!("sha256:{name}")).collect()
    }

    fn present(storage: &str, images: &[&str]) -> PresentImages {
        let mut text = format!("{storage}\n");
        for (number, names) in images.iter().enumerate() {
            let layers = serde_json::to_string(&layers(names)).expect("writable");
            text.push_str(&format!("sha256:image{number} {layers}\n"));
        }
        PresentImages::parse(&text).expect("readable")
    }

    #[test]
    fn a_layer_is_shared_only_on_top_of_the_same_ones() {
        let present = present(r#"[["Backing Filesystem","extfs"]]"#, &["ab", "acd", ""]);
        for (names, shared) in [
            ("ab", 2),
            ("abx", 2),
            ("acd", 3),
            ("ac", 2),
            ("ax", 1),
            // The same contents at other places.
            ("ba", 0),
            ("xab", 0),
            ("aab", 1),
            ("", 0),
        ] {
            assert_eq!(present.shared(&layers(names)), shared, "{names:?}");
        }
        assert!(present.has("sha256:image1"));
        assert!(!present.has("sha256:image"));
    }

    #[test]
    fn containerds_store_shares_nothing() {
        let storage = r#"[["driver-type","io.containerd.snapshotter.v1"]]"#;
        assert_eq!(present(storage, &["ab"]).shared(&layers("ab")), 0);
    }

    #[test]
    fn a_vps_without_images_and_an_image_without_layers_are_read() {
        let empty = PresentImages::parse("").expect("readable");
        assert_eq!(empty.shared(&layers("a")), 0);
        let scratch = PresentImages::parse("[]\nsha256:1 null\n").expect("readable");
        assert!(scratch.has("sha256:1"));
        PresentImages::parse("[]\nsha256:1\n").expect_err("no layers");
        PresentImages::parse("[]\nsha256:1 [1]\n").expect_err("no digests");
    }
}
