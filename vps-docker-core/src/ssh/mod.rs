//! SSH to a VPS or a container: pinned, multiplexed, gated.
//!
//! One `ssh` process per connection is the master; every command is a session of it over its
//! control socket, without a process of its own. Nothing here ever accepts an unpinned host key.
//!
//! Unix only: the multiplexing needs unix sockets.

mod agent;
mod banner;
mod connection;
mod ended;
mod ender;
mod failure;
mod forward;
mod gate;
mod host_key;
mod link;
#[cfg(test)]
pub(crate) mod local_shell;
mod once;
mod pipe;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod properties;
mod pty;
mod quote;
mod remote_command;
mod socket_dir;
mod sudo;
mod terminal;
mod title;
mod transport;

pub(crate) use agent::check_agent_holds;
pub use banner::wait_for_banner;
pub(crate) use connection::Identity;
pub use connection::{ConnectOptions, Connection};
pub(crate) use host_key::presented_host_key;
pub(crate) use once::{ask_certified, run_once};
pub(crate) use pipe::pipe;
pub use quote::{join, quote};
pub(crate) use remote_command::{Input, RemoteCommand};
pub(crate) use socket_dir::{LONGEST_SOCKET_PATH, private_dir, socket_dir};
pub(crate) use sudo::Sudo;
pub use terminal::{Terminal, TerminalSize, Window};
pub use transport::{Output, RemoteProcess, Transport, TransportExt};
