//! What a VPS is told at its first boot.

mod document;
mod host_key;
mod write_file;

pub use document::{Chpasswd, CloudConfig, User, check_size};
pub use host_key::{AuthorizedKey, HostKeyPair};
pub use write_file::WriteFile;
