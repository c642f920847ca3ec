//! What a VPS is told at its first boot, and how it answers.
//!
//! * [`Bootstrap`] builds the [`CloudConfig`]: host key and authorized keys, a locked-down sshd, and
//!   a script that installs Docker.
//! * [`CloudConfig::render`] makes the `#cloud-config` text of it; [`check_size`] refuses one that
//!   is over the provider's limit before anything is ordered.
//! * The script reports in [`REPORT_PATH`] on the VPS; [`await_script`] is what to run there to
//!   follow it, [`BootstrapReport`] what comes back.
//!
//! Made for Debian 11 and later and Ubuntu 22.04 and later, with their own cloud-init and systemd.
//! Run so far on Debian 11, 12 and 13; not yet on Ubuntu.

mod bootstrap;
mod docker_source;
mod document;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod properties;
mod report;
#[cfg(test)]
mod script_tests;
mod write_file;
#[cfg(test)]
mod yaml_tests;

pub(crate) use bootstrap::BootstrapParts;
pub use bootstrap::{Bootstrap, BootstrapBuilder};
pub use docker_source::DockerSource;
pub use document::{Chpasswd, CloudConfig, User, check_size};
pub use report::{BootstrapReport, BootstrapState, BootstrapStep, REPORT_PATH, await_script};
pub use write_file::WriteFile;
