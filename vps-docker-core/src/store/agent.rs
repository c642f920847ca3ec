use serde::{Deserialize, Serialize};

use super::SCHEMA_VERSION;
use super::document::Document;
use crate::model::{AgentName, Timestamp};

/// What a client keeps under a host: one JSON value of its own, not interpreted. It stands in the
/// state volume, so that every client finds it, also while the host is stopped.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AgentRecord {
    /// See [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// Raised by one at every write; compared before it. 0: not written yet.
    pub generation: u64,
    /// What it is found by.
    pub name: AgentName,
    /// When it was written last.
    pub updated_at: Timestamp,
    /// The client's own. No secrets: it is readable by every client of the host.
    pub data: serde_json::Value,
}

impl AgentRecord {
    /// A record that is not written yet.
    #[must_use]
    pub fn new(name: AgentName, data: serde_json::Value) -> Self {
        Self {
            schema_version: SCHEMA_VERSION,
            generation: 0,
            name,
            updated_at: Timestamp::now(),
            data,
        }
    }

    pub(super) fn path_of(name: &AgentName) -> String {
        format!("agents/{name}.json")
    }
}

impl Document for AgentRecord {
    fn path(&self) -> String {
        Self::path_of(&self.name)
    }

    fn generation(&mut self) -> &mut u64 {
        &mut self.generation
    }
}
