//! Docker on the VPS, spoken to over SSH, and how images get there.

mod build;
mod build_output;
mod build_source;
mod container_state;
mod derived_image;
mod dockerfile;
mod image_transfer;
mod inspect;
mod local_engine;
mod over_ssh;
mod run;

pub use local_engine::LocalEngine;
pub use over_ssh::DockerOverSsh;

pub(crate) use build::build_image;
pub(crate) use build_source::BuildSource;
pub(crate) use container_state::ContainerState;
pub(crate) use derived_image::{DerivedImage, derive};
pub(crate) use image_transfer::{bring_image, look_up_locally};
pub(crate) use inspect::ImageConfig;
pub(crate) use run::{CONTAINER_NAME, CONTAINER_SSH_DIR, ContainerRun, container_command};

/// Scripts that run on the VPS, each in one round trip.
pub(crate) const STOP_CONTAINER: &str = include_str!("stop-container.sh");
pub(crate) const START_CONTAINER: &str = include_str!("start-container.sh");
pub(crate) const RENAME_CONTAINER: &str = include_str!("rename-container.sh");
