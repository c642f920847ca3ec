use crate::docker::{DockerEngine, ImageConfig};
use crate::error::{Error, ErrorKind, Result};
use crate::model::ImageReference;

/// An image and the name that it goes by.
#[derive(Clone, Debug)]
pub(crate) struct NamedImage {
    pub(crate) reference: ImageReference,
    pub(crate) image: ImageConfig,
}

impl NamedImage {
    /// The image, or `None` when the engine does not have it.
    pub(crate) async fn look_up(
        engine: &dyn DockerEngine,
        reference: &ImageReference,
    ) -> Result<Option<Self>> {
        let found = engine.look_up(reference).await?;
        Ok(found.map(|image| Self {
            reference: reference.clone(),
            image,
        }))
    }

    /// The image, which has to be there.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`].
    pub(crate) async fn find(
        engine: &dyn DockerEngine,
        reference: &ImageReference,
    ) -> Result<Self> {
        Self::look_up(engine, reference).await?.ok_or_else(|| {
            Error::new(
                ErrorKind::NotFound,
                format!(
                    "the image {reference} is to be shipped, but {} does not have it; `docker \
                     pull` or `docker build` it there first",
                    engine.place()
                ),
            )
        })
    }

    /// What to ask `docker save` for, so that the image arrives under its name and nothing else does.
    pub(super) fn saved_name(&self) -> Result<String> {
        let text = self.reference.as_str();
        if text.contains('@') {
            return Err(Error::new(
                ErrorKind::Invalid,
                format!(
                    "{text} is a registry's name for the image and cannot be given to one that is \
                     shipped; `docker tag` it and use that name"
                ),
            ));
        }
        let hex = self.image.id.trim_start_matches("sha256:");
        let is_id = self.image.id == text || hex.starts_with(text);
        let last = text.rsplit('/').next().unwrap_or(text);
        if is_id || last.contains(':') {
            return Ok(text.to_owned());
        }
        // Without a tag, all that the repository has would be saved.
        Ok(format!("{text}:latest"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn just_one_image_is_asked_for() {
        let id = format!("sha256:{}", "0abc".repeat(16));
        let named = |reference: &str| NamedImage {
            reference: ImageReference::new(reference).expect("legal"),
            image: ImageConfig::parse(&format!(r#"[{{"Id": "{id}"}}]"#)).expect("readable"),
        };
        for (asked, saved) in [
            ("debian", "debian:latest"),
            ("debian:12", "debian:12"),
            ("localhost:5000/team/app", "localhost:5000/team/app:latest"),
            ("localhost:5000/team/app:1", "localhost:5000/team/app:1"),
            ("0abc0abc0abc", "0abc0abc0abc"),
            (&id, &id),
        ] {
            assert_eq!(named(asked).saved_name().expect("it can be"), saved);
        }
        let digest = named("debian@sha256:00ff");
        let error = digest.saved_name().expect_err("not a name to give");
        assert_eq!(error.kind(), ErrorKind::Invalid);
    }
}
