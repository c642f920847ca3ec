use serde::{Deserialize, Serialize};

use super::document::Document;
use super::file::parse_record;
use crate::error::Result;
use crate::model::{HostId, HostName, HostSnapshotId, SnapshotName, Timestamp};

/// A snapshot of a host: its container's image and its data volume, both of one moment. The record
/// is written by the VPS when all else is there, and removed before anything else is: a snapshot is
/// there entirely or not at all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct HostSnapshot {
    /// See [`SCHEMA_VERSION`](super::SCHEMA_VERSION).
    pub schema_version: u32,
    /// Raised by one at every write.
    pub generation: u64,
    /// The snapshot's identity.
    pub id: HostSnapshotId,
    /// The host's name, as it is now.
    pub host: HostName,
    /// The host's identity.
    pub host_id: HostId,
    /// What the user calls it.
    pub name: SnapshotName,
    /// The moment it is of, by the VPS's clock.
    pub created_at: Timestamp,
    /// What it takes on the VPS's disk and nothing else needs: the image's own layer and the data,
    /// in bytes.
    pub size_bytes: u64,
    /// What the host had come from when it was taken: the snapshot before it, or the one that had
    /// been restored. `None` for the first, and when those before it were deleted.
    pub parent: Option<HostSnapshotId>,
    /// The digest of the image `vps-docker/snapshot:ID`.
    pub image_id: String,
    /// How long the container was paused, in milliseconds; 0 for one that did not run.
    pub paused_ms: u64,
    /// The data, in the state volume's directory `snapshots/ID`.
    pub files: Vec<SnapshotFile>,
}

/// A file of a snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotFile {
    /// `most.tar` and `rest.tar`, maybe with `.gz`: what was packed before and while the container was
    /// paused; `dropped`: what of the first is not in the snapshot, ended by NUL each; `host.json`: the
    /// host's record.
    pub name: String,
    /// Length in bytes.
    pub size_bytes: u64,
    /// Digest of its content, in hexadecimal.
    pub sha256: String,
}

impl HostSnapshot {
    /// The image's name on the VPS.
    pub(crate) fn image(&self) -> String {
        format!("vps-docker/snapshot:{}", self.id)
    }

    /// What `sha256sum --check` reads, a line each.
    pub(crate) fn sums(&self) -> Vec<String> {
        let sum = |file: &SnapshotFile| format!("{}  {}", file.sha256, file.name);
        self.files.iter().map(sum).collect()
    }

    pub(super) fn path_of(id: &HostSnapshotId) -> String {
        format!("snapshots/{id}.json")
    }
}

/// Reads the record that the VPS prints when it has taken a snapshot.
pub(crate) fn parse_snapshot(text: &str) -> Result<HostSnapshot> {
    parse_record(text, "the record of the snapshot")
}

impl Document for HostSnapshot {
    fn path(&self) -> String {
        Self::path_of(&self.id)
    }

    fn generation(&mut self) -> &mut u64 {
        &mut self.generation
    }
}
