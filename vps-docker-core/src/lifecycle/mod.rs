//! The engine: hosts from instances.

mod create;
mod destroy;
mod engine;
mod find;
mod gc;
mod host;
mod host_files;
mod host_idle;
mod host_life;
mod hosts;
mod instance_spec;
mod leftover;
mod locate;
mod look;
mod order;
mod plan;
mod provider;
mod provision;
mod reconnecting;
mod rename;
mod rollback;
mod run_container;
mod settings;
mod timeline;
mod vps_setup;

pub use create::CreateHost;
pub use destroy::Destroyed;
pub use gc::{Collected, Garbage, GarbageItem};
pub use host::Host;
pub use hosts::{HostListing, ListedHost};
pub use provider::VpsDockerProvider;
pub use settings::{Settings, SettingsBuilder};
