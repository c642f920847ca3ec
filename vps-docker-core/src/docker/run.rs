use super::{ImageConfig, confine};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{ContainerCommand, ContainerSpec, HostId, HostName, HostTags};

/// The name of the one container.
pub(crate) const CONTAINER_NAME: &str = "vps-docker";
/// The volume that is mounted at `host_dir`.
const DATA_VOLUME: &str = "vps-docker-data";
/// The label by which a container is known that took another's place; `recover-replacement.sh` reads it.
const DEPLOYMENT_LABEL: &str = "vps-docker-deployment";
/// On the VPS: the container sshd's host key and authorized keys.
pub(crate) const CONTAINER_SSH_DIR: &str = "/etc/vps-docker/container-ssh";
/// On the VPS: the container's environment.
pub(crate) const CONTAINER_ENV_DIR: &str = "/etc/vps-docker/container-env";
/// Where the container's sshd listens inside.
const CONTAINER_SSHD_PORT: u16 = 2222;
const ENTRYPOINT: &str = "/usr/local/lib/vps-docker/entrypoint.sh";

/// How the one container is started.
#[derive(Debug)]
pub(crate) struct ContainerRun<'a> {
    pub(crate) host_id: &'a HostId,
    pub(crate) name: &'a HostName,
    pub(crate) spec: &'a ContainerSpec,
    /// The words handed to our entrypoint; see [`container_command`].
    pub(crate) command: &'a [String],
    /// The image with sshd in it.
    pub(crate) image: &'a str,
    pub(crate) host_dir: &'a str,
    pub(crate) ssh_port: u16,
    /// Of a container that took another's place.
    pub(crate) deployment: Option<&'a str>,
}

impl ContainerRun<'_> {
    /// The words of `docker create`.
    pub(crate) fn arguments(&self) -> Vec<String> {
        let mut args: Vec<String> = [
            "--init",
            "--restart=unless-stopped",
            "--entrypoint",
            ENTRYPOINT,
            "--name",
            CONTAINER_NAME,
        ]
        .map(String::from)
        .to_vec();
        args.extend([
            format!("--hostname={}", self.name),
            format!("--publish={}:{CONTAINER_SSHD_PORT}", self.ssh_port),
            format!("--volume={DATA_VOLUME}:{}", self.host_dir),
            format!("--volume={CONTAINER_SSH_DIR}:/etc/vps-docker/ssh:ro"),
            format!("--volume={CONTAINER_ENV_DIR}:/etc/vps-docker/env:ro"),
            // What the entrypoint makes of the environment: no image is to have it.
            "--tmpfs=/run/vps-docker:mode=0755,size=16m".to_owned(),
            format!("--label={}", HostTags::MARKER),
            // Not the name: a label cannot be changed, a name can.
            format!("--label={}={}", HostTags::HOST, self.host_id),
        ]);
        if let Some(deployment) = self.deployment {
            args.push(format!("--label={DEPLOYMENT_LABEL}={deployment}"));
        }
        if self.spec.command == ContainerCommand::None {
            // Both are about a command that does not run.
            args.extend(["--no-healthcheck".into(), "--stop-signal=SIGTERM".into()]);
        }
        args.extend(confine::arguments(self.spec));
        args.extend(self.spec.start_args.as_slice().iter().cloned());
        args.push(self.image.to_owned());
        args.extend(self.command.iter().cloned());
        args
    }
}

/// The words of the container's command. Setting the entrypoint drops the image's own: they are
/// handed to ours as arguments.
///
/// # Errors
/// [`ErrorKind::Invalid`] when the image's own command is asked for and it has none.
pub(crate) fn container_command(spec: &ContainerSpec, base: &ImageConfig) -> Result<Vec<String>> {
    let config = &base.config;
    match &spec.command {
        ContainerCommand::None => Ok(Vec::new()),
        ContainerCommand::Words(words) => Ok(words.clone()),
        ContainerCommand::Image if config.entrypoint.is_empty() && config.cmd.is_empty() => {
            Err(Error::new(
                ErrorKind::Invalid,
                format!(
                    "the image {} has no command of its own; give one, or none",
                    spec.image
                ),
            ))
        }
        ContainerCommand::Image => Ok([&config.entrypoint[..], &config.cmd[..]].concat()),
    }
}
