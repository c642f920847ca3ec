//! Hetzner Cloud for `vps-docker`.
//!
//! An instance is a Hetzner *server*, a tag a *label*, a plan a *server type*, a region a *location*.
//! The token belongs to one project, and that is the account.
//!
//! ```no_run
//! # async fn example(token: String) -> vps_docker_core::Result<()> {
//! use provider_hetzner::{HetznerConfig, HetznerProvider};
//! use vps_docker_core::VpsClient;
//!
//! let provider = HetznerProvider::new(HetznerConfig::new(token))?;
//! let catalog = provider.catalog().await?;
//! let plan = catalog.plan(None)?; // the cheapest that will do
//! # Ok(())
//! # }
//! ```
//!
//! Written after the [API's documentation](https://docs.hetzner.cloud/reference/cloud) and tested
//! against a simulator of it; not yet run against the live API.
//!
//! Beside the files that every provider crate has, what the API has of its own makes some more:
//! `actions.rs` (what it starts and one has to follow), and on top of that `power.rs`, `snapshot.rs`
//! and `firewall.rs`; `listing.rs` (its lists have names); `catalog.rs` and `keys.rs` keep the others
//! short.

mod actions;
mod catalog;
mod client;
mod config;
mod convert;
mod error;
mod firewall;
mod keys;
mod listing;
mod power;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod properties;
mod snapshot;
mod wire;

#[cfg(test)]
mod document_tests;
#[cfg(test)]
mod flow_tests;

pub use client::HetznerProvider;
pub use config::HetznerConfig;

use vps_docker_core::Result;
use vps_docker_core::registry::{Linked, Registration, Registry, inventory};

/// The name under which the provider is registered.
pub const NAME: &str = "hetzner";

/// Registers the provider; `inventory` does so in every program that this crate is linked into.
///
/// # Errors
/// [`Invalid`](vps_docker_core::ErrorKind::Invalid) when the name is taken.
pub fn register(registry: &mut Registry) -> Result<()> {
    registry.add(Registration {
        name: NAME,
        description: "Hetzner Cloud: by the hour, in Germany, Finland, the USA and Singapore",
        options: config::OPTIONS,
        build: |options| {
            let config = HetznerConfig::from_options(options)?;
            Ok(std::sync::Arc::new(HetznerProvider::new(config)?))
        },
    })
}

inventory::submit!(Linked(register));
