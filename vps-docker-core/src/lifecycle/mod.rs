//! The engine: hosts from instances.

mod create;
mod destroy;
mod engine;
mod find;
mod host;
mod host_files;
mod instance_spec;
mod leftover;
mod order;
mod plan;
mod provider;
mod provision;
mod reconnecting;
mod rollback;
mod settings;
mod timeline;
mod vps_setup;

pub use create::CreateHost;
pub use destroy::Destroyed;
pub use host::Host;
pub use provider::VpsDockerProvider;
pub use settings::{Settings, SettingsBuilder};
