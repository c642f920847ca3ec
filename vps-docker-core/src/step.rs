//! Steps: what others can see of our work.

use std::fmt::Display;

/// Tells that a step has taken effect outside this process: a file is there, a command was started
/// or has ended. A `tracing` event of its own target, at the level TRACE.
///
/// A process that is killed leaves what its steps so far have made; the crash tests kill one at
/// every step there is, and find the steps by these events. So whatever changes something that
/// outlives us says so here, right after it has.
pub(crate) fn step(deed: &'static str, what: impl Display) {
    tracing::trace!(target: "vps_docker::step", deed, %what);
}
