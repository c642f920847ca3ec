//! What is remembered: on this side the [`DataDir`] with keys, pins and the [`Journal`]; on the VPS
//! the [`HostStore`] with the host's record.

mod data_dir;
mod file;
mod host_entry;
mod host_store;
mod journal;
mod record;

pub use data_dir::DataDir;
pub use host_entry::HostEntry;
pub(crate) use host_entry::KnownHost;
pub use host_store::HostStore;
pub(crate) use host_store::STATE_VOLUME;
pub use journal::{Journal, JournalEntry, OpenEntry};
pub use record::{HostRecord, SCHEMA_VERSION};
