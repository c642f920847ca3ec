//! Tells the crash tests where to kill us, as the engine does with its own steps.

/// Tells that something on the Docker engine has just been changed.
pub(crate) fn step(what: &'static str) {
    tracing::trace!(target: "vps_docker::step", deed = "local", what);
}
