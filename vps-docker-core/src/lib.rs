//! The engine of vps-docker: turn any cheap VPS into a Docker machine with an SSH door, safely.
//!
//! Data flows one way, and a module imports only from its left:
//!
//! `step → model → error → keys → {client, cloud_init, http, ssh, tls} → files → {registry, docker, store} → {adopted, idle} → lifecycle → application`
//!
//! * [`model`]: plain data, no I/O.
//! * [`Error`], [`ErrorKind`]: what went wrong, where, and what to do next.
//! * [`VpsClient`]: what a provider can do. Provider crates implement it and nothing else.
//! * [`VpsDockerProvider`]: the engine that makes hosts of instances.
//!
//! The library never prints, reads the environment or guesses a home directory; the only global
//! state is the [provider registry](registry).

pub mod adopted;
pub mod application;
pub mod client;
pub mod cloud_init;
pub mod docker;
mod error;
pub mod files;
pub mod http;
pub mod idle;
pub mod keys;
mod lifecycle;
pub mod model;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod properties;
pub mod registry;
pub mod ssh;
mod step;
pub mod store;
pub mod tls;

/// The secrets in public signatures are this crate's.
pub use secrecy;

pub use client::{Capabilities, InstanceWatch, VpsClient, VpsClientExt};
pub use error::{Error, ErrorKind, Result};
pub use lifecycle::{
    Collected, CreateHost, Destroyed, DockerSocket, Garbage, GarbageItem, Host, HostCommand,
    HostListing, ListedHost, LogsOptions, Machine, MachineBuilder, ReplaceContainer, Settings,
    SettingsBuilder, TlsEndpoint, VpsDockerProvider,
};
