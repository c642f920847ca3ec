//! Contabo for `vps-docker`.
//!
//! Contabo rents machines by contract, a month at least, and its API deletes none. So this provider
//! keeps what is paid for: to *destroy* wipes a machine and marks it released, to *create* reinstalls a
//! released one before anything is ordered, and nothing is ordered without consent
//! ([`ContaboConfig::allow_order`]). Tested against the simulator, not yet run against the live API.
//!
//! ```no_run
//! # async fn example() -> vps_docker_core::Result<()> {
//! use provider_contabo::{ContaboConfig, ContaboProvider};
//! use vps_docker_core::VpsClient;
//!
//! let config = ContaboConfig::new("client id", "client secret", "me@example.com", "API password");
//! let provider = ContaboProvider::new(config)?;
//! let catalog = provider.catalog().await?;
//! # Ok(())
//! # }
//! ```
//!
//! Beside the files that every provider crate has there are more here, because what others have behind
//! their API is done by us: `display_name.rs` (whose a machine is, in the one text that can be
//! changed), `create.rs`, `reuse.rs` and `claim.rs` (a released machine, or an order), `destroy.rs`,
//! `cloud.rs` (what all operations share), `term.rs` (until when a machine is paid for), `products.rs`
//! (which no call lists), and a file for each resource.

mod api;
mod catalog;
mod claim;
mod client;
mod cloud;
mod config;
mod convert;
mod create;
mod destroy;
mod display_name;
mod error;
mod firewall;
mod keys;
mod lenient;
mod power;
mod products;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod properties;
mod reuse;
mod snapshot;
mod term;
mod wire;

#[cfg(test)]
mod fake;
#[cfg(test)]
mod flow_tests;
#[cfg(test)]
mod wire_tests;

pub use client::ContaboProvider;
pub use config::ContaboConfig;

use vps_docker_core::Result;
use vps_docker_core::registry::{Linked, Registration, Registry, inventory};

/// The name under which the provider is registered.
pub const NAME: &str = "contabo";

/// Adds the provider to a registry.
///
/// # Errors
/// [`Invalid`](vps_docker_core::ErrorKind::Invalid) when the name is taken.
pub fn register(registry: &mut Registry) -> Result<()> {
    registry.add(Registration {
        name: NAME,
        description: "Contabo Cloud VPS and VDS; contracts of a month or more, kept and reused",
        options: config::OPTIONS,
        build: |options| {
            let config = ContaboConfig::from_options(options)?;
            Ok(std::sync::Arc::new(ContaboProvider::new(config)?))
        },
    })
}

inventory::submit!(Linked(register));
