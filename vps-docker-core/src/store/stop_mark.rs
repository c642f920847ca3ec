use serde::{Deserialize, Serialize};

use crate::model::Timestamp;

/// Who stopped the container and why. Written on the VPS before the container is stopped, removed
/// before it is started: with it a stop is told from a crash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StopMark {
    /// See [`SCHEMA_VERSION`](super::SCHEMA_VERSION).
    pub schema_version: u32,
    /// When, by the VPS's clock.
    pub at: Timestamp,
    /// `client`, or `idle` for the watcher on the VPS.
    pub by: String,
    /// In words.
    pub reason: String,
}
