//! Vultr for `vps-docker`: instances, prices, snapshots, keys and firewalls over Vultr's API v2.
//!
//! ```no_run
//! # async fn example(token: secrecy::SecretString) -> vps_docker_core::Result<()> {
//! use provider_vultr::{VultrConfig, VultrProvider};
//! use vps_docker_core::VpsClient;
//!
//! let vultr = VultrProvider::new(VultrConfig::new(token))?;
//! let catalog = vultr.catalog().await?;
//! let plan = catalog.plan(None)?;
//! let region = catalog.region(None)?;
//! println!("{} in {}: {:?}", plan.description, region.description, plan.price_in(&region.id));
//! # Ok(())
//! # }
//! ```
//!
//! **Tested against the simulator, not yet run against the live API.** The wire types follow
//! <https://www.vultr.com/api/>; each call names its page there by the operation's title.
//!
//! Beside the files that every provider crate has there are more here: `api.rs`, `fresh.rs` and
//! `watch.rs`, because Vultr has no actions and whoever waits must look; `catalog.rs`, because prices differ
//! by place; `lenient.rs` and `tags.rs`, because prices are floating-point numbers and tags are
//! texts; and `power.rs`, `snapshot.rs`, `firewall.rs`, `keys.rs`, each one resource.

mod api;
mod catalog;
mod client;
mod config;
mod convert;
mod error;
mod firewall;
#[cfg(test)]
mod flow_tests;
mod fresh;
mod keys;
mod lenient;
mod power;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod properties;
mod snapshot;
mod tags;
mod watch;
mod wire;
#[cfg(test)]
mod wire_tests;

pub use client::VultrProvider;
pub use config::VultrConfig;

use vps_docker_core::Result;
use vps_docker_core::registry::{Linked, Registration, Registry, inventory};

/// The name under which the provider is registered.
pub const NAME: &str = "vultr";

/// Adds the provider to a registry.
///
/// # Errors
/// [`Invalid`](vps_docker_core::ErrorKind::Invalid) when the name is taken.
pub fn register(registry: &mut Registry) -> Result<()> {
    registry.add(Registration {
        name: NAME,
        description: "Vultr; billed by the hour, in USD",
        options: config::OPTIONS,
        build: |options| {
            let config = VultrConfig::from_options(options)?;
            Ok(std::sync::Arc::new(VultrProvider::new(config)?))
        },
    })
}

inventory::submit!(Linked(register));
