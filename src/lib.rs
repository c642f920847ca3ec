//! This crate is the front door: the engine of [`vps_docker_core`], re-exported, and the provider
//! crates, one feature each, all on by default. What follows is the project's README.
//!

#![doc = include_str!("../README.md")]

pub use vps_docker_core::*;

pub use vps_docker_core::model::{
    CreateEvent, HostInfo, HostName, HostSpec, HostState, ImageSource, Phase,
};
pub use vps_docker_core::registry::{ProviderOptions, Registry};
pub use vps_docker_core::store::DataDir;

/// The provider `local`: a VPS on your own Docker engine. Named here, so that the linker keeps its
/// registration.
#[cfg(feature = "local")]
pub use provider_local;

/// The provider `vultr`.
#[cfg(feature = "vultr")]
pub use provider_vultr;

/// The provider `hetzner`.
#[cfg(feature = "hetzner")]
pub use provider_hetzner;

/// The provider `contabo`.
#[cfg(feature = "contabo")]
pub use provider_contabo;

/// The provider `digitalocean`.
#[cfg(feature = "digitalocean")]
pub use provider_digitalocean;

/// The exit code that programs of this family end with after an error of the given kind.
#[must_use]
pub fn exit_code(kind: ErrorKind) -> u8 {
    match kind {
        ErrorKind::Invalid | ErrorKind::Unsupported => 2,
        ErrorKind::NotFound => 3,
        ErrorKind::Auth | ErrorKind::Permission => 4,
        ErrorKind::Payment => 5,
        ErrorKind::Quota | ErrorKind::Capacity => 6,
        ErrorKind::Timeout | ErrorKind::Unreachable => 7,
        ErrorKind::HostKeyMismatch => 8,
        _ => 1,
    }
}
