//! Docker on the VPS, spoken to over SSH, and how images get there.

mod build;
mod build_output;
mod build_source;
mod confine;
mod container_env;
mod container_state;
mod derived_image;
mod dockerfile;
mod engine;
mod image_transfer;
mod inspect;
mod local_engine;
mod over_ssh;
mod pressure;
mod pull;
mod run;
mod secret_files;
mod ship;

pub use local_engine::LocalEngine;
pub use over_ssh::DockerOverSsh;
pub use ship::Shipped;

pub(crate) use build::build_image;
pub(crate) use build_source::BuildSource;
pub(crate) use container_env::ContainerEnv;
pub(crate) use container_state::ContainerState;
pub(crate) use derived_image::derive;
pub(crate) use engine::DockerEngine;
pub(crate) use image_transfer::{BroughtImages, LocalImages, bring_image, look_up_locally};
pub(crate) use inspect::ImageConfig;
pub(crate) use pressure::{PRESSURE, parse_pressure};
pub(crate) use run::{
    CONTAINER_ENV_DIR, CONTAINER_NAME, CONTAINER_SSH_DIR, ContainerRun, container_command,
};
pub(crate) use ship::NamedImage;

/// Scripts that run on the VPS, each in one round trip. Those that change the host wait for one
/// another, go on to their end when the client goes away, and first put in order what one left that
/// was killed.
pub(crate) const STOP_CONTAINER: &str = concat!(
    include_str!("operation.sh"),
    include_str!("stop-container.sh")
);
pub(crate) const START_CONTAINER: &str = concat!(
    include_str!("operation.sh"),
    include_str!("fit-memory.sh"),
    include_str!("start-container.sh")
);
/// Makes the container of the words behind it and starts it, with as much memory as fits.
pub(crate) const RUN_CONTAINER: &str = concat!(
    include_str!("fit-memory.sh"),
    include_str!("run-container.sh")
);
/// What fits a container's memory to the VPS; the bootstrap on the VPS does so at each boot.
pub(crate) const FIT_MEMORY: &str = include_str!("fit-memory.sh");
pub(crate) const RENAME_CONTAINER: &str = include_str!("rename-container.sh");
pub(crate) const TAKE_SNAPSHOT: &str = concat!(
    include_str!("operation.sh"),
    include_str!("snapshot/sweep.sh"),
    include_str!("snapshot/take.sh")
);
pub(crate) const RESTORE_SNAPSHOT: &str = concat!(
    include_str!("operation.sh"),
    include_str!("snapshot/sweep.sh"),
    include_str!("snapshot/unpack.sh"),
    include_str!("fit-memory.sh"),
    include_str!("snapshot/restore.sh")
);
pub(crate) const DELETE_SNAPSHOT: &str = concat!(
    include_str!("operation.sh"),
    include_str!("snapshot/sweep.sh"),
    include_str!("snapshot/delete.sh")
);
pub(crate) const CHECK_SNAPSHOT: &str = concat!(
    include_str!("snapshot/unpack.sh"),
    include_str!("snapshot/check.sh")
);
pub(crate) const SEND_SNAPSHOT: &str = include_str!("snapshot/send.sh");
pub(crate) const FILL_FROM_SNAPSHOT: &str = concat!(
    include_str!("snapshot/unpack.sh"),
    include_str!("snapshot/fill.sh")
);
