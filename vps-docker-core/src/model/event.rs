use std::fmt;
use std::time::Duration;

use serde::{Serialize, Serializer};

/// Progress of a create, or of a replace, in the order in which it happens.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum CreateEvent {
    /// A phase begins. Phases may overlap.
    Started(Phase),
    /// Something worth a line happened within a phase.
    Progress(Phase, String),
    /// A phase ended well, after so long.
    Finished(Phase, Duration),
    /// It failed, and what was made is being removed, or what was before is being put back.
    RollingBack,
}

/// The steps of a create, and of what is brought up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Phase {
    /// Checks against the provider's catalogue and the names in use.
    Plan,
    /// The provider accepts the order. A machine that is adopted gets our key and its bootstrap.
    Order,
    /// The VPS boots, until its sshd answers. A machine that is adopted boots nothing: it has no such phase.
    Boot,
    /// The pinned connection to the VPS.
    Connect,
    /// The rest of cloud-init's work: Docker installed and answering.
    Bootstrap,
    /// The VPS gets a host key of its own, what was handed over in `user_data` is erased, and the
    /// metadata service shut to containers. A machine that is adopted keeps its key: it has no such phase.
    Rotate,
    /// The image gets to the VPS.
    Image,
    /// sshd is brought into the image.
    Sshd,
    /// The container starts.
    Container,
    /// The pinned connection to the container.
    Door,
    /// The application in the container becomes healthy. No part of a create.
    Health,
    /// The record is written, the tags made final.
    Record,
    /// What an application's hook does. No part of a create.
    Hook,
}

impl Phase {
    /// The phases of a create, in order.
    pub const ALL: [Self; 11] = [
        Self::Plan,
        Self::Order,
        Self::Boot,
        Self::Connect,
        Self::Bootstrap,
        Self::Rotate,
        Self::Image,
        Self::Sshd,
        Self::Container,
        Self::Door,
        Self::Record,
    ];

    /// The phase's name in machine output.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Plan => "plan",
            Self::Order => "order",
            Self::Boot => "boot",
            Self::Connect => "connect",
            Self::Bootstrap => "bootstrap",
            Self::Rotate => "rotate",
            Self::Image => "image",
            Self::Sshd => "sshd",
            Self::Container => "container",
            Self::Door => "door",
            Self::Health => "health",
            Self::Record => "record",
            Self::Hook => "hook",
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl Serialize for Phase {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// When a phase ran, counted from the beginning of the create.
#[derive(Clone, Debug, Serialize)]
pub struct PhaseTiming {
    /// Which one.
    pub name: Phase,
    /// How long it took, in seconds.
    pub seconds: f64,
    /// When it began, in seconds after the create began.
    pub started_after: f64,
}
