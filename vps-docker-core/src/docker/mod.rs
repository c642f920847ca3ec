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
pub(crate) use container_env::{ContainerEnv, render_environment};
pub(crate) use container_state::ContainerState;
pub(crate) use derived_image::derive;
pub(crate) use engine::DockerEngine;
pub(crate) use image_transfer::{
    BroughtImages, LocalImages, bring_image, id_to_ship, look_up_locally,
};
pub(crate) use inspect::ImageConfig;
pub(crate) use pressure::{PRESSURE, parse_pressure};
pub(crate) use run::{
    CONTAINER_ENV_DIR, CONTAINER_NAME, CONTAINER_SSH_DIR, ContainerRun, container_command,
};
pub(crate) use ship::NamedImage;

/// A script that changes the host, behind what all of them begin with.
macro_rules! operation {
    ($($script:literal),*) => {
        concat!(
            include_str!("operation.sh"),
            include_str!("recover-replacement.sh"),
            include_str!("recover.sh")
            $(, include_str!($script))*
        )
    };
}

/// Scripts that run on the VPS, each in one round trip. Those that change the host wait for one
/// another, go on to their end when the client goes away, and first put in order what one left that
/// was killed.
pub(crate) const STOP_CONTAINER: &str = operation!("stop-container.sh");
pub(crate) const START_CONTAINER: &str = operation!("fit-memory.sh", "start-container.sh");
/// Makes the container of the words behind it and starts it, with as much memory as fits.
pub(crate) const RUN_CONTAINER: &str = concat!(
    include_str!("fit-memory.sh"),
    include_str!("run-container.sh")
);
/// Nothing but that.
pub(crate) const RECOVER: &str = operation!();
/// Puts another container in the place of the one that is there.
pub(crate) const REPLACE_CONTAINER: &str =
    operation!("fit-memory.sh", "await-door.sh", "replace.sh");
/// What fits a container's memory to the VPS; the bootstrap on the VPS does so at each boot.
pub(crate) const FIT_MEMORY: &str = include_str!("fit-memory.sh");
pub(crate) const RENAME_CONTAINER: &str = include_str!("rename-container.sh");
pub(crate) const TAKE_SNAPSHOT: &str = operation!("snapshot/sweep.sh", "snapshot/take.sh");
pub(crate) const RESTORE_SNAPSHOT: &str = operation!(
    "snapshot/sweep.sh",
    "snapshot/unpack.sh",
    "fit-memory.sh",
    "await-door.sh",
    "snapshot/restore.sh"
);
pub(crate) const DELETE_SNAPSHOT: &str = operation!("snapshot/sweep.sh", "snapshot/delete.sh");
pub(crate) const CHECK_SNAPSHOT: &str = concat!(
    include_str!("snapshot/unpack.sh"),
    include_str!("snapshot/check.sh")
);
pub(crate) const SEND_SNAPSHOT: &str = include_str!("snapshot/send.sh");
pub(crate) const FILL_FROM_SNAPSHOT: &str = concat!(
    include_str!("snapshot/unpack.sh"),
    include_str!("snapshot/fill.sh")
);
/// Connects to what the container has at a published port.
pub(crate) const PROBE_TCP: &str = include_str!("probe-tcp.sh");
