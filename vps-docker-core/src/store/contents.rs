use serde::de::DeserializeOwned;

use super::file::parse_record;
use super::{AgentRecord, HostRecord, StopMark};
use crate::error::{Error, Result};

/// Everything in the state volume, as it was at one moment.
#[derive(Debug, Default)]
pub(crate) struct Contents {
    /// `None` when none was written yet.
    pub(crate) record: Option<HostRecord>,
    pub(crate) agents: Vec<AgentRecord>,
    pub(crate) stop: Option<StopMark>,
    /// Documents that cannot be read. They are left as they are and hide none of the others.
    pub(crate) corrupt: Vec<Error>,
}

impl Contents {
    /// What `read-documents.sh` is asked for.
    pub(super) const PATTERNS: [&str; 3] = ["host.json", "stop.json", "agents/*.json"];

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
                _ => {}
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
