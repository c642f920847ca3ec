use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use super::engine::Engine;
use super::reconnecting::Reconnecting;
use super::timeline::Timeline;
use crate::docker::{
    BroughtImages, BuildSource, DockerOverSsh, ImageConfig, LocalImages, bring_image, build_image,
    container_command, derive, look_up_locally,
};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{ContainerSpec, Phase, RegistryLogin};

/// What there is to be run.
#[derive(Debug)]
pub(super) struct Runnable {
    /// The image with sshd in it.
    pub(super) reference: String,
    /// The words of the container's command.
    pub(super) command: Vec<String>,
    pub(super) login: Login,
    /// The id of the image that sshd was brought into.
    pub(super) base_image: Option<String>,
    /// The digest of what that was built of.
    pub(super) build_digest: Option<String>,
}

/// Who logs in to the container.
#[derive(Debug)]
pub(super) enum Login {
    /// Read from a record.
    Known(Option<String>),
    /// The user of this image.
    Of(ImageConfig),
}

impl Login {
    /// The user's name, once the container runs.
    pub(super) async fn user(&self, docker: &DockerOverSsh, host_dir: &str) -> Result<String> {
        match self {
            Self::Known(Some(user)) => Ok(user.clone()),
            Self::Known(None) => Ok("root".to_owned()),
            Self::Of(base) => base.login_user(docker, host_dir).await,
        }
    }
}

/// Brings what a container is to run to its VPS, for a host that is created and for one that lives.
#[derive(Debug)]
pub(super) struct Bringing<'a> {
    pub(super) engine: &'a Engine,
    pub(super) container: &'a ContainerSpec,
    /// Where the image is built.
    pub(super) build: Option<&'a BuildSource>,
    pub(super) registry_logins: &'a [RegistryLogin],
    pub(super) timeline: &'a Timeline,
}

impl Bringing<'_> {
    /// What this side has of the image. Needs no VPS.
    pub(super) async fn local_images(&self) -> Result<Option<LocalImages>> {
        let settings = &self.engine.settings;
        look_up_locally(
            &settings.local_engine,
            &self.container.image,
            self.container.image_source,
            settings.image_build_timeout,
        )
        .await
    }

    /// The image with sshd in it, on the VPS. `on_vps` is what may be used of what the VPS has already.
    /// Idempotent; what runs there goes on.
    pub(super) async fn bring(
        &self,
        vps: &Arc<Reconnecting>,
        local: Option<LocalImages>,
        on_vps: Option<ImageConfig>,
    ) -> Result<Runnable> {
        let settings = &self.engine.settings;
        let container = self.container;
        let tell = |text: String| self.timeline.progress(Phase::Image, text);
        let docker = DockerOverSsh::new(vps.clone()).registry_logins(self.registry_logins.to_vec());
        let bring = async {
            let engine = &settings.local_engine;
            let (image, source) = (&container.image, container.image_source);
            let Some(build) = self.build else {
                let brought =
                    bring_image(&docker, engine, image, source, local, on_vps, &tell).await?;
                return Ok((brought, None));
            };
            // What is changed while it is built is seen the next time.
            let digest = build.digest().await?;
            let built = build_image(&docker, engine, build, image, &tell).await?;
            Ok((BroughtImages::alone(built), Some(digest)))
        };
        let limit = settings.image_transfer_timeout;
        let bring = within(limit, "image_transfer_timeout", bring);
        let (brought, build_digest) = self.timeline.phase(Phase::Image, bring).await?;
        let build = async {
            match brought.derived {
                Some(derived) => Ok(derived),
                None => derive(&docker, &container.image, &brought.base).await,
            }
        };
        let limit = settings.image_build_timeout;
        let build = within(limit, "image_build_timeout", build);
        let derived = self.timeline.phase(Phase::Sshd, build).await?;
        Ok(Runnable {
            reference: derived.to_string(),
            command: container_command(container, &brought.base)?,
            base_image: Some(brought.base.id.clone()),
            build_digest,
            login: Login::Of(brought.base),
        })
    }
}

/// Ends work that takes longer than the setting of that name allows.
pub(super) async fn within<T>(
    limit: Duration,
    name: &str,
    work: impl Future<Output = Result<T>>,
) -> Result<T> {
    timeout(limit, work).await.unwrap_or_else(|_elapsed| {
        Err(Error::new(
            ErrorKind::Timeout,
            format!("it took longer than {name} ({} s)", limit.as_secs_f32()),
        ))
    })
}
