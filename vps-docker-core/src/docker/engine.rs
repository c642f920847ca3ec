use async_trait::async_trait;

use super::{DockerOverSsh, ImageConfig, LocalEngine};
use crate::error::Result;
use crate::model::ImageReference;
use crate::ssh::RemoteProcess;

/// A Docker engine: this side's, or a VPS's. What can be done with images on either.
#[async_trait]
pub(crate) trait DockerEngine: Send + Sync {
    /// Where it is, for a sentence.
    fn place(&self) -> &'static str;

    /// The image, or `None` when it does not have it.
    async fn look_up(&self, reference: &ImageReference) -> Result<Option<ImageConfig>>;

    /// Starts to write images as a tar stream to its standard output. May be asked again.
    async fn start_save(&self, names: &[String]) -> Result<RemoteProcess>;

    /// Starts a build without BuildKit: it is not everywhere, and it asks a registry even for
    /// images that only the engine has.
    async fn start_build(&self, args: &[String]) -> Result<RemoteProcess>;
}

#[async_trait]
impl DockerEngine for LocalEngine {
    fn place(&self) -> &'static str {
        "this side's Docker engine"
    }

    async fn look_up(&self, reference: &ImageReference) -> Result<Option<ImageConfig>> {
        self.image(reference).await
    }

    async fn start_save(&self, names: &[String]) -> Result<RemoteProcess> {
        self.spawn(self.command("save").args(names))
    }

    async fn start_build(&self, args: &[String]) -> Result<RemoteProcess> {
        let mut build = self.command("build");
        self.spawn(build.args(args).env("DOCKER_BUILDKIT", "0"))
    }
}

#[async_trait]
impl DockerEngine for DockerOverSsh {
    fn place(&self) -> &'static str {
        "the other VPS"
    }

    async fn look_up(&self, reference: &ImageReference) -> Result<Option<ImageConfig>> {
        self.image(reference).await
    }

    async fn start_save(&self, names: &[String]) -> Result<RemoteProcess> {
        let save = ["save".to_owned()];
        self.spawn(save.iter().chain(names)).await
    }

    async fn start_build(&self, args: &[String]) -> Result<RemoteProcess> {
        self.spawn_build(args).await
    }
}
