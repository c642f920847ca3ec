//! What is remembered: on this side the [`DataDir`] with keys, pins and the [`Journal`]; on the VPS
//! the [`HostStore`] with the record of the host and those of its agents.

mod agent;
mod client_key;
mod contents;
mod data_dir;
mod document;
mod file;
mod host_entry;
mod host_store;
mod journal;
mod machines;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod properties;
mod record;
mod run_dir;
mod snapshot;
mod stop_mark;
mod tls_files;
mod trusted_path;

pub use agent::AgentRecord;
pub use client_key::{ClientKey, ClientKeys, Credential};
pub(crate) use contents::Contents;
pub use data_dir::DataDir;
pub use host_entry::HostEntry;
pub(crate) use host_entry::KnownHost;
pub use host_store::HostStore;
pub(crate) use host_store::STATE_VOLUME;
pub use journal::{Journal, JournalEntry, OpenEntry};
pub(crate) use machines::Machines;
pub use record::{EndpointRecord, HostRecord, SCHEMA_VERSION};
pub(crate) use snapshot::parse_snapshot;
pub use snapshot::{HostSnapshot, SnapshotFile};
pub use stop_mark::StopMark;
pub(crate) use tls_files::KnownClient;
