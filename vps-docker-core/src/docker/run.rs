use super::{DerivedImage, DockerOverSsh, ImageConfig};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{ContainerCommand, ContainerSpec, HostId, HostName, HostTags};

/// The name of the one container.
pub(crate) const CONTAINER_NAME: &str = "vps-docker";
/// The volume that is mounted at `host_dir`.
const DATA_VOLUME: &str = "vps-docker-data";
/// On the VPS: the container sshd's host key and authorized keys.
pub(crate) const CONTAINER_SSH_DIR: &str = "/etc/vps-docker/container-ssh";
/// Where the container's sshd listens inside.
const CONTAINER_SSHD_PORT: u16 = 2222;
const ENTRYPOINT: &str = "/usr/local/lib/vps-docker/entrypoint.sh";

/// How the one container is started.
#[derive(Debug)]
pub(crate) struct ContainerRun<'a> {
    pub(crate) host_id: &'a HostId,
    pub(crate) name: &'a HostName,
    pub(crate) spec: &'a ContainerSpec,
    pub(crate) base: &'a ImageConfig,
    pub(crate) image: &'a DerivedImage,
    pub(crate) host_dir: &'a str,
    pub(crate) ssh_port: u16,
}

impl ContainerRun<'_> {
    /// The arguments of `docker`.
    pub(crate) fn arguments(&self) -> Vec<String> {
        let mut args: Vec<String> = [
            "run",
            "--detach",
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
            format!("--label={}", HostTags::MARKER),
            format!("--label={}={}", HostTags::HOST, self.host_id),
            format!("--label={}={}", HostTags::NAME, self.name),
        ]);
        if self.spec.command == ContainerCommand::None {
            // Both are about a command that does not run.
            args.extend(["--no-healthcheck".into(), "--stop-signal=SIGTERM".into()]);
        }
        args.extend(self.spec.start_args.as_slice().iter().cloned());
        args.push(self.image.reference.to_string());
        args.extend(self.command().cloned());
        args
    }

    /// The words of the command. Setting the entrypoint drops the image's own: they are handed to
    /// ours as arguments.
    fn command(&self) -> impl Iterator<Item = &String> {
        let config = &self.base.config;
        let (first, second) = match &self.spec.command {
            ContainerCommand::None => (&[][..], &[][..]),
            ContainerCommand::Image => (&config.entrypoint[..], &config.cmd[..]),
            ContainerCommand::Words(words) => (&words[..], &[][..]),
        };
        first.iter().chain(second)
    }

    /// Refuses the image's own command where it has none.
    pub(crate) fn check(&self) -> Result<()> {
        let config = &self.base.config;
        if self.spec.command == ContainerCommand::Image
            && config.entrypoint.is_empty()
            && config.cmd.is_empty()
        {
            return Err(Error::new(
                ErrorKind::Invalid,
                format!(
                    "the image {} has no command of its own; give one, or none",
                    self.spec.image
                ),
            ));
        }
        Ok(())
    }
}

/// Docker's word for what the container is doing and its last exit code; `None` when there is no
/// container.
pub(crate) async fn container_state(docker: &DockerOverSsh) -> Result<Option<(String, i64)>> {
    let listed = docker
        .run([
            "ps",
            "--all",
            "--no-trunc",
            "--filter",
            &format!("name=^/{CONTAINER_NAME}$"),
            "--format",
            "{{.State}} {{.Status}}",
        ])
        .await?;
    let Some(line) = listed.lines().next() else {
        return Ok(None);
    };
    let (state, status) = line.split_once(' ').ok_or_else(|| {
        Error::new(
            ErrorKind::Docker,
            format!("`docker ps` says {line:?}, which is no state"),
        )
    })?;
    // "Exited (137) 2 seconds ago"
    let code = status
        .split_once('(')
        .and_then(|(_, rest)| rest.split_once(')'))
        .and_then(|(code, _)| code.parse().ok())
        .unwrap_or(0);
    Ok(Some((state.to_owned(), code)))
}
