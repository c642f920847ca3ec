//! The engine: hosts from instances.

mod create;
mod destroy;
mod engine;
mod find;
mod host;
mod leftover;
mod order;
mod plan;
mod provision;
mod rollback;
mod settings;
mod timeline;
mod vps_setup;

pub use create::CreateHost;
pub use destroy::Destroyed;
pub use engine::VpsDockerProvider;
pub use host::Host;
pub use settings::{Settings, SettingsBuilder};
