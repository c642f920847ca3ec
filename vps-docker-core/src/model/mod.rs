//! Plain data: names, specifications, records. Nothing here does I/O.

mod build_args;
mod catalog;
mod container_spec;
mod environment;
mod event;
mod firewall;
mod host;
mod host_spec;
mod id;
mod idle_policy;
mod image_reference;
mod instance;
mod instance_snapshot_name;
mod limits;
mod money;
mod near;
mod registry_login;
mod ssh_config;
mod start_args;
mod tags;
mod text;
mod timestamp;

pub use build_args::{BuildArgs, BuildContext, BuildSecret, ImageBuild};
pub use catalog::{Catalog, Image, Offer, Plan, Price, Region};
pub use container_spec::{ContainerCommand, ContainerSpec, ImageSource};
pub use environment::Environment;
pub use event::{CreateEvent, Phase, PhaseTiming};
pub use firewall::{Cidr, Exposure, FirewallRule, FirewallRules, Protocol};
pub use host::{HostInfo, HostState, SshEndpoint};
pub use host_spec::{HostOrigin, HostSpec, HostSpecBuilder};
pub(crate) use id::base32;
pub use id::{
    AgentName, HostId, HostName, HostSnapshotId, InstanceId, OwnerId, SnapshotId, SnapshotName,
    SshKeyId,
};
pub use idle_policy::{CheckCommand, CpuPercent, IdleMode, IdlePolicy, ProcessName};
pub use image_reference::ImageReference;
pub use instance::{
    BootImage, DestroyOutcome, Instance, InstanceFilter, InstanceSnapshot, InstanceSpec,
    InstanceState, MachineSpec, PowerAction, SshKey,
};
pub use instance_snapshot_name::InstanceSnapshotName;
pub use limits::Limits;
pub use money::Money;
pub use near::near_matches;
pub use registry_login::RegistryLogin;
pub(crate) use ssh_config::quoted;
pub use start_args::StartArgs;
pub use tags::{HostTags, Tags};
pub use timestamp::Timestamp;
