//! Simulators of the four clouds' APIs: programs that answer as a cloud would, from memory or with real VPSs of
//! your own Docker engine behind them.
//!
//! ```no_run
//! # async fn example() -> vps_docker_core::Result<()> {
//! use vps_docker_testkit::cloud_sim::{Backend, CloudSim, Fault, Op, Provider};
//!
//! let sim = CloudSim::builder(Provider::Hetzner)
//!     .backend(Backend::memory())
//!     .time_scale(100.0)
//!     .start()
//!     .await?;
//! // A client is given `sim.url()` and `sim.token()`, and its first order fails though it is carried out.
//! sim.faults([Fault::status(Op::CreateInstance, 502).nth(1).after_effect()]);
//! // …
//! assert_eq!(sim.state().instances.len(), 0);
//! assert_eq!(sim.requests().invalid, 0);
//! # Ok(())
//! # }
//! ```
//!
#![doc = include_str!("README.md")]

mod answer;
mod call;
mod clock;
mod cloud;
#[allow(clippy::module_inception, reason = "the type that the module is about")]
mod cloud_sim;
mod connection;
mod contabo;
mod control;
mod credentials;
mod digitalocean;
mod fault;
mod hetzner;
mod id;
mod local;
mod offer;
mod openapi;
mod operations;
mod pipeline;
mod provider;
mod rate_limit;
mod records;
mod refusal;
mod seed;
mod sim;
mod state;
mod vultr;
mod world;

pub use cloud_sim::{Backend, CloudSim, CloudSimBuilder};
pub use contabo::{ContaboSeed, Hold};
pub use credentials::Credentials;
pub use fault::{Fault, FaultKind, Op};
pub use offer::{Plan, Price, Region};
pub use openapi::api_specs_dir;
pub use provider::Provider;
pub use records::{Record, Requests};
pub use seed::{Seed, Shortage};
pub use state::{Contract, Cost, InstanceState, KeyState, SnapshotState, State, UserDataState};
pub use vultr::VultrSeed;
