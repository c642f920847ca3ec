use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{ImageReference, Resources, Security, StartArgs};
use crate::error::{Error, ErrorKind, Result};

/// The one container of a host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContainerSpec {
    /// The user's image. sshd is brought into it as a derived image on the VPS.
    pub image: ImageReference,
    /// How the image gets to the VPS.
    pub image_source: ImageSource,
    /// What runs in it beside sshd.
    pub command: ContainerCommand,
    /// Arguments handed to `docker run` as they are.
    pub start_args: StartArgs,
    /// How much of the VPS it may use.
    #[serde(default)]
    pub resources: Resources,
    /// What it may do to the kernel that it runs on.
    #[serde(default)]
    pub security: Security,
}

impl ContainerSpec {
    /// Refuses start args that ask for something else than what was asked for by name: which of the
    /// two holds would be a guess. Beside defaults, start args win.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] names the start arg.
    pub(crate) fn check(self) -> Result<Self> {
        let (resources, security) = (&self.resources, &self.security);
        let (usual, strict) = (Resources::default(), Security::default());
        let log = resources.log_size != usual.log_size || resources.log_files != usual.log_files;
        let capabilities = !security.add.is_empty() || !security.drop.is_empty();
        for (given, options, name) in [
            (
                resources.memory != usual.memory,
                &["--memory", "-m", "--memory-swap"][..],
                "memory",
            ),
            (
                resources.cpus.is_some(),
                &["--cpus", "--cpu-quota", "--cpu-period"],
                "cpus",
            ),
            (resources.pids != usual.pids, &["--pids-limit"], "pids"),
            (log, &["--log-driver", "--log-opt"], "log size"),
            (capabilities, &["--cap-add", "--cap-drop"], "capabilities"),
            (
                security.new_privileges,
                &["--security-opt"],
                "new privileges",
            ),
            (security.read_only_root, &["--read-only"], "read-only root"),
            (
                security.runtime != strict.runtime,
                &["--runtime"],
                "runtime",
            ),
            (
                *security != strict,
                &["--privileged"],
                "the container's security",
            ),
        ] {
            if let Some(option) = self.start_args.first_of(options).filter(|_| given) {
                return Err(Error::new(
                    ErrorKind::Invalid,
                    format!(
                        "the start argument {option} and the option {name:?} are given; leave out \
                         one of them"
                    ),
                ));
            }
        }
        Ok(self)
    }
}

/// How an image gets to the VPS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ImageSource {
    /// Present on the VPS: used. On this side's engine and never in a registry (no repository
    /// digest): shipped. Otherwise pulled, and shipped if the pull fails and this side has it.
    #[default]
    Auto,
    /// `docker pull` on the VPS, nothing else.
    Pull,
    /// From this side's Docker engine over the SSH connection, nothing else.
    Ship,
    /// It is on the VPS already (a golden image).
    Present,
    /// It is built on the VPS, from the host's build args.
    Built,
}

/// What runs in the container beside sshd.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ContainerCommand {
    /// Nothing: the container is a machine to log in to and stays up.
    #[default]
    None,
    /// The image's own ENTRYPOINT and CMD. When it ends, the container ends.
    Image,
    /// These words. When it ends, the container ends.
    Words(Vec<String>),
}

/// Labels of a host, for people and programs: kept in the record, not interpreted.
pub(crate) type Labels = BTreeMap<String, String>;
