//! Plain data: names, specifications, records. Nothing here does I/O.

mod build_args;
mod byte_size;
mod catalog;
mod container_spec;
mod cost;
mod environment;
mod event;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fields;
mod firewall;
mod health;
mod host;
mod host_changes;
mod host_plan;
mod host_spec;
mod host_spec_limits;
mod id;
mod idle_policy;
mod image_reference;
mod instance;
mod instance_snapshot_name;
mod limits;
mod money;
mod near;
mod pressure;
mod price_limit;
mod registry_login;
mod resources;
mod security;
mod span;
mod ssh_config;
mod start_args;
mod tags;
mod text;
mod timestamp;
mod tls_endpoint;

pub use build_args::{BuildArgs, BuildContext, BuildSecret, ImageBuild};
pub use byte_size::ByteSize;
pub use catalog::{Catalog, Image, Offer, Plan, Price, Region};
pub use container_spec::{ContainerCommand, ContainerSpec, ImageSource};
pub use cost::{CostTotal, Costs, InstanceCost, SnapshotCost, Standing};
pub use environment::Environment;
pub use event::{CreateEvent, Phase, PhaseTiming};
pub use firewall::{Cidr, Exposure, FirewallRule, FirewallRules, Protocol};
pub use health::{HealthCheck, HealthProbe};
pub use host::{HostInfo, HostState, SshEndpoint};
pub use host_changes::HostChanges;
pub use host_plan::{Firewall, HostPlan};
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
pub use pressure::Pressure;
pub use price_limit::PriceLimit;
pub use registry_login::RegistryLogin;
pub use resources::{Cpus, MemoryLimit, Resources};
pub use security::{Capability, Runtime, Security};
pub use span::parse_span;
pub(crate) use ssh_config::quoted;
pub use start_args::StartArgs;
pub use tags::{HostTags, Tags};
pub use text::printable;
pub use timestamp::Timestamp;
pub use tls_endpoint::{CertificateSerial, TlsClient, TlsClients, TlsEndpointOptions};
