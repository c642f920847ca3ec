//! SSH keys: ed25519 only. Made here, read from files, fingerprinted, pinned.

mod file;
mod key_pair;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod properties;
mod public_key;

pub use file::read_key_pair;
pub use key_pair::KeyPair;
pub use public_key::PublicKey;
