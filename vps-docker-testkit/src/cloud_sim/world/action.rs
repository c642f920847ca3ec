use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use super::instance::Phase;
use crate::cloud_sim::id::Id;

/// A change that takes time. Clouds without such a thing never show it.
#[derive(Clone, Debug)]
pub(crate) struct Action {
    pub(crate) id: Id,
    pub(crate) change: Change,
    /// What it changes; of [`Change::Other`] it may be another thing than an instance.
    pub(crate) instance: Id,
    pub(crate) status: Status,
    pub(crate) started: Timestamp,
    pub(crate) finished: Option<Timestamp>,
    pub(super) began: Instant,
    pub(super) stuck: bool,
    /// When it will be over, where that is known.
    pub(super) due: Option<Instant>,
    /// Actions that end when this one does.
    pub(super) companions: Vec<Id>,
}

/// What an action does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    Create,
    Power(Power),
    /// Makes that snapshot.
    Snapshot(Id),
    Rebuild,
    Delete,
    /// Something of the cloud's own that leaves the phase alone, by the name it has there.
    Other(&'static str),
}

/// A turn of the power switch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Power {
    On,
    /// The plug is pulled.
    Off,
    /// The system is asked to stop.
    Shutdown,
    /// The system is asked to start again.
    Reboot,
    /// The plug is pulled and put back.
    Reset,
}

/// How an action goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    Running,
    Success,
    Error(String),
}

/// When an action is over.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Due {
    In(Duration),
    /// When [`World::finish`](super::World::finish) is called.
    WhenTold,
    /// It is stuck.
    Never,
}

impl Change {
    pub(super) fn phase_meanwhile(self) -> Option<Phase> {
        match self {
            Self::Create => Some(Phase::Ordered),
            Self::Power(Power::On) => Some(Phase::Starting),
            Self::Power(Power::Off | Power::Shutdown) => Some(Phase::Stopping),
            Self::Rebuild => Some(Phase::Rebuilding),
            Self::Delete => Some(Phase::Deleting),
            // A reboot is running all the time, to those who look from outside.
            Self::Power(Power::Reboot | Power::Reset) | Self::Snapshot(_) | Self::Other(_) => None,
        }
    }

    pub(super) fn phase_after(self, done: bool) -> Option<Phase> {
        match self {
            Self::Create | Self::Rebuild if !done => Some(Phase::Failed),
            // A switch that did not turn left the machine as it was, most likely.
            Self::Power(Power::On) if !done => Some(Phase::Off),
            Self::Create
            | Self::Rebuild
            | Self::Power(Power::On | Power::Reboot | Power::Reset) => Some(Phase::Running),
            Self::Power(Power::Off | Power::Shutdown) if !done => Some(Phase::Running),
            Self::Power(Power::Off | Power::Shutdown) => Some(Phase::Off),
            Self::Snapshot(_) | Self::Delete | Self::Other(_) => None,
        }
    }

    /// Whether others have to wait for its end. A shutdown is only asked for.
    pub(super) fn locks(self) -> bool {
        !matches!(self, Self::Power(Power::Shutdown) | Self::Other(_))
    }
}

impl Action {
    /// Per cent; below 100 until it is over.
    pub(crate) fn progress(&self) -> u8 {
        if self.status != Status::Running {
            return 100;
        }
        let Some(due) = self.due else {
            return 50;
        };
        let whole = due.duration_since(self.began).as_millis().max(1);
        let passed = self.began.elapsed().as_millis();
        u8::try_from(passed * 100 / whole).unwrap_or(99).min(99)
    }

    /// Whether it will never be over.
    pub(crate) fn is_stuck(&self) -> bool {
        self.stuck
    }

    pub(crate) fn is_running(&self) -> bool {
        self.status == Status::Running
    }
}
