//! SSH to a VPS or a container: pinned, multiplexed, gated.
//!
//! One `ssh` process per connection is the master; every command is a session of it over its
//! control socket, without a process of its own. Nothing here ever accepts an unpinned host key.
//!
//! Unix only: the multiplexing needs unix sockets.

mod banner;
mod connection;
mod failure;
mod gate;
mod host_key;
#[cfg(test)]
pub(crate) mod local_shell;
mod once;
mod quote;
mod title;
mod transport;

pub use banner::wait_for_banner;
pub use connection::{ConnectOptions, Connection};
pub(crate) use host_key::presented_host_key;
pub(crate) use once::run_once;
pub use quote::{join, quote};
pub use transport::{Output, RemoteProcess, Transport, TransportExt};
