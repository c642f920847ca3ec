use serde::Serialize;

use super::{
    Exposure, HostName, IdlePolicy, Image, ImageReference, Plan, Region, Resources, Security,
};

/// What a create would order and run, with every choice made. Nothing has been ordered.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct HostPlan {
    /// The host's name.
    pub name: HostName,
    /// The provider's registered name.
    pub provider: String,
    /// Plan, with its price, and region, in the order in which they are tried; never empty.
    pub places: Vec<(Plan, Region)>,
    /// Operating system of the VPS.
    pub os: Image,
    /// Image of the container.
    pub image: ImageReference,
    /// How much of the VPS the container may use.
    pub resources: Resources,
    /// What it may do to the kernel.
    pub security: Security,
    /// When it is stopped for want of use.
    pub idle_policy: IdlePolicy,
    /// From where the host may be reached; from everywhere, at all ports, when absent.
    pub exposure: Option<Exposure>,
    /// What keeps others out.
    pub firewall: Firewall,
    /// The port of the container's sshd, which is reached like that of the VPS, 22.
    pub container_ssh_port: u16,
}

/// What keeps others out of a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Firewall {
    /// Nothing: nobody was named who may reach it.
    None,
    /// The provider's, in front of the VPS.
    Provider,
    /// The VPS's own.
    Vps,
}
