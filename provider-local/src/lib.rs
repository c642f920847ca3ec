//! A VPS on your own Docker engine, for `vps-docker`.
//!
//! Each instance is a container with systemd as PID 1, Debian's own cloud-init and sshd, and a
//! Docker engine of its own inside; it has an address of its own on a bridge network, keeps its
//! disk over a power cycle and needs neither an account nor money. What runs on it runs as it
//! would on a rented VPS, so it serves to try everything out and to test against.
//!
//! **Not a security boundary.** The VPS has `SYS_ADMIN` on the kernel of this machine: give it to
//! nobody whom you would not give root. Linux only, as only there the bridge is reachable.
//!
//! ```no_run
//! # async fn example() -> vps_docker_core::Result<()> {
//! use provider_local::{LocalConfig, LocalProvider};
//!
//! let provider = LocalProvider::new(LocalConfig::default());
//! // Minutes the first time, nothing later; `create_instance` would do it as well.
//! provider.prepare_images(|event| eprintln!("{event}")).await?;
//! # Ok(())
//! # }
//! ```
//!
//! Beside the files that every provider crate has there are more here, because this one is also
//! the cloud itself: `machine.rs` is the hypervisor, `network.rs` the network, `seed.rs` the
//! config drive, `images/` the image catalogue ([`LocalProvider::prepare_images`]), `store.rs` the
//! database, and so on.

mod address;
mod archive;
mod client;
mod cloud;
mod config;
mod convert;
mod copy;
mod create;
mod engine;
mod error;
mod images;
mod lock;
mod machine;
mod metadata;
mod network;
mod power;
mod seed;
mod snapshot;
mod step;
mod store;
mod uninterrupted;
mod wire;

pub use client::LocalProvider;
pub use config::LocalConfig;
pub use images::{ContainerBase, ImageEvent};

use vps_docker_core::Result;
use vps_docker_core::registry::{Linked, Registration, Registry, inventory};

/// The name under which the provider is registered.
pub const NAME: &str = "local";

/// Adds the provider to a registry.
///
/// # Errors
/// [`Invalid`](vps_docker_core::ErrorKind::Invalid) when the name is taken.
pub fn register(registry: &mut Registry) -> Result<()> {
    registry.add(Registration {
        name: NAME,
        description: "a VPS on your own Docker engine; free, needs Linux",
        options: config::OPTIONS,
        build: |options| {
            let config = LocalConfig::from_options(options)?;
            Ok(std::sync::Arc::new(LocalProvider::new(config)))
        },
    })
}

inventory::submit!(Linked(register));
