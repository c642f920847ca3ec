use serde::de::DeserializeOwned;

use super::file::parse_record;
use super::{AgentRecord, HostRecord, HostSnapshot, StopMark};
use crate::error::{Error, Result};

/// Everything in the state volume, as it was at one moment.
#[derive(Debug, Default)]
pub(crate) struct Contents {
    /// `None` when none was written yet.
    pub(crate) record: Option<HostRecord>,
    pub(crate) agents: Vec<AgentRecord>,
    /// The oldest first.
    pub(crate) snapshots: Vec<HostSnapshot>,
    pub(crate) stop: Option<StopMark>,
    /// Documents that cannot be read. They are left as they are and hide none of the others.
    pub(crate) corrupt: Vec<Error>,
}

impl Contents {
    /// What `read-documents.sh` is asked for.
    pub(super) const PATTERNS: [&str; 4] = [
        "host.json",
        "stop.json",
        "agents/*.json",
        "snapshots/*.json",
    ];

    /// Reads what it printed. Lines of other paths are passed over.
    pub(crate) fn parse(lines: &str) -> Self {
        let mut contents = Self::default();
        for (path, text) in lines.lines().filter_map(|line| line.split_once('\t')) {
            match path {
                "host.json" => contents.record = contents.read(path, text),
                "stop.json" => contents.stop = contents.read(path, text),
                _ if path.starts_with("agents/") => {
                    let agent = contents.read(path, text);
                    contents.agents.extend(agent);
                }
                _ if path.starts_with("snapshots/") => {
                    let snapshot = contents.read(path, text);
                    contents.snapshots.extend(snapshot);
                }
                _ => {}
            }
        }
        contents
            .snapshots
            .sort_by(|a: &HostSnapshot, b| (a.created_at, &a.id).cmp(&(b.created_at, &b.id)));
        if let Some(record) = &contents.record {
            // It may have been renamed since.
            for snapshot in &mut contents.snapshots {
                snapshot.host.clone_from(&record.name);
            }
        }
        contents
    }

    /// The record of a host that must have one that can be read.
    pub(crate) fn into_record(self) -> Result<Option<HostRecord>> {
        match (self.record, self.corrupt.into_iter().next()) {
            (Some(record), _) => Ok(Some(record)),
            (None, Some(error)) => Err(error),
            (None, None) => Ok(None),
        }
    }

    fn read<T: DeserializeOwned>(&mut self, path: &str, text: &str) -> Option<T> {
        parse_record(text, &format!("{path} on the VPS"))
            .map_err(|error| self.corrupt.push(error))
            .ok()
    }
}
