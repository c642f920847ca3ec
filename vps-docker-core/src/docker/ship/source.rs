use std::pin::Pin;

use async_trait::async_trait;
use tokio::io::AsyncRead;

use crate::docker::{DockerOverSsh, ImageConfig, LocalEngine};
use crate::error::{Error, ErrorKind, Result};
use crate::model::ImageReference;
use crate::ssh::RemoteProcess;

/// The output of `docker save`.
pub(super) type Archive = Pin<Box<dyn AsyncRead + Send>>;

/// An engine that images are taken from.
#[async_trait]
pub(crate) trait ArchiveSource: Send + Sync {
    /// Where that is, for a sentence.
    fn place(&self) -> &'static str;

    /// The image, or `None` when it does not have it.
    async fn look_up(&self, reference: &ImageReference) -> Result<Option<ImageConfig>>;

    /// Starts `docker save`, which writes the archive to its standard output. May be asked again.
    async fn start_save(&self, name: &str) -> Result<RemoteProcess>;
}

#[async_trait]
impl ArchiveSource for LocalEngine {
    fn place(&self) -> &'static str {
        "this side's Docker engine"
    }

    async fn look_up(&self, reference: &ImageReference) -> Result<Option<ImageConfig>> {
        self.image(reference).await
    }

    async fn start_save(&self, name: &str) -> Result<RemoteProcess> {
        self.save(name)
    }
}

#[async_trait]
impl ArchiveSource for DockerOverSsh {
    fn place(&self) -> &'static str {
        "the other VPS"
    }

    async fn look_up(&self, reference: &ImageReference) -> Result<Option<ImageConfig>> {
        self.image(reference).await
    }

    async fn start_save(&self, name: &str) -> Result<RemoteProcess> {
        self.spawn(["save", name]).await
    }
}

/// The image, which has to be there.
///
/// # Errors
/// [`ErrorKind::NotFound`].
pub(crate) async fn find(
    from: &dyn ArchiveSource,
    reference: &ImageReference,
) -> Result<ImageConfig> {
    from.look_up(reference).await?.ok_or_else(|| {
        Error::new(
            ErrorKind::NotFound,
            format!(
                "the image {reference} is to be shipped, but {} does not have it; `docker pull` \
                 or `docker build` it there first",
                from.place()
            ),
        )
    })
}

/// What to ask `docker save` for, so that the image arrives under its name and nothing else does.
pub(super) fn saved_name(reference: &ImageReference, image: &ImageConfig) -> Result<String> {
    let text = reference.as_str();
    if text.contains('@') {
        return Err(Error::new(
            ErrorKind::Invalid,
            format!(
                "{text} is a registry's name for the image and cannot be given to one that is \
                 shipped; `docker tag` it and use that name"
            ),
        ));
    }
    let hex = image.id.trim_start_matches("sha256:");
    let is_id = image.id == text || hex.starts_with(text);
    let last = text.rsplit('/').next().unwrap_or(text);
    if is_id || last.contains(':') {
        return Ok(text.to_owned());
    }
    // Without a tag, all that the repository has would be saved.
    Ok(format!("{text}:latest"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn just_one_image_is_asked_for() {
        let id = format!("sha256:{}", "0abc".repeat(16));
        let image = ImageConfig::parse(&format!(r#"[{{"Id": "{id}"}}]"#)).expect("readable");
        for (asked, saved) in [
            ("debian", "debian:latest"),
            ("debian:12", "debian:12"),
            ("localhost:5000/team/app", "localhost:5000/team/app:latest"),
            ("localhost:5000/team/app:1", "localhost:5000/team/app:1"),
            ("0abc0abc0abc", "0abc0abc0abc"),
            (&id, &id),
        ] {
            let reference = ImageReference::new(asked).expect("legal");
            assert_eq!(saved_name(&reference, &image).expect("it can be"), saved);
        }
        let digest = ImageReference::new("debian@sha256:00ff").expect("legal");
        let error = saved_name(&digest, &image).expect_err("not a name to give");
        assert_eq!(error.kind(), ErrorKind::Invalid);
    }
}
