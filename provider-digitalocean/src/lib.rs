//! DigitalOcean for `vps-docker`: droplets as instances, over version 2 of DigitalOcean's API.
//!
//! ```no_run
//! # async fn example(token: String) -> vps_docker_core::Result<()> {
//! use provider_digitalocean::{DigitalOceanConfig, DigitalOceanProvider};
//! use vps_docker_core::VpsClient as _;
//!
//! let provider = DigitalOceanProvider::new(DigitalOceanConfig::new(token).project("web"))?;
//! let plan = provider.catalog().await?.plan(None)?.clone();
//! println!("{} costs {:?} a month", plan.id, plan.price.monthly);
//! # Ok(())
//! # }
//! ```
//!
//! Tested against a simulator of the API, not yet run against the live API.
//!
//! Beside the files that every provider crate has there are more here, one for each thing that the API
//! makes work of: `account.rs` (paging, and the droplets whose create is not settled), `actions.rs` and `power.rs` (202 is a promise, kept by actions), `create.rs` and
//! `project.rs` (a project is joined after the order), `destroy.rs` and `tags.rs` (tags are objects that
//! outlive the droplet), `keys.rs` (listing keys has a rate limit of its own), `snapshot.rs`,
//! `firewall.rs`, `catalog.rs`.

mod account;
mod actions;
mod catalog;
mod client;
mod config;
mod convert;
mod create;
mod destroy;
mod error;
mod firewall;
mod keys;
mod power;
mod project;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod properties;
mod snapshot;
#[cfg(test)]
mod spec_tests;
mod tags;
mod wire;

pub use client::DigitalOceanProvider;
pub use config::DigitalOceanConfig;

use vps_docker_core::Result;
use vps_docker_core::registry::{Linked, Registration, Registry, inventory};

/// The name under which the provider is registered.
pub const NAME: &str = "digitalocean";

/// Adds the provider to a registry.
///
/// # Errors
/// [`Invalid`](vps_docker_core::ErrorKind::Invalid) when the name is taken.
pub fn register(registry: &mut Registry) -> Result<()> {
    registry.add(Registration {
        name: NAME,
        description: "DigitalOcean droplets; billed by the hour",
        options: config::OPTIONS,
        build: |options| {
            let config = DigitalOceanConfig::from_options(options)?;
            Ok(std::sync::Arc::new(DigitalOceanProvider::new(config)?))
        },
    })
}

inventory::submit!(Linked(register));
