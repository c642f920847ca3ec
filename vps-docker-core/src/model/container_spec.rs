use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{ImageReference, StartArgs};

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
