//! The hypervisor's part: what the container of an instance is given.

use std::collections::HashMap;
use std::net::Ipv4Addr;

use bollard::models::{
    ContainerCreateBody, EndpointIpamConfig, EndpointSettings, HostConfig,
    HostConfigCgroupnsModeEnum, Mount, MountType, MountVolumeOptions, NetworkingConfig,
    RestartPolicy, RestartPolicyNameEnum,
};
use vps_docker_core::model::InstanceId;

use crate::convert::Size;
use crate::engine::Engine;
use crate::wire::{self, Description, Kind};

/// An explicit list instead of `--privileged`: that one fails where the engine itself lacks a
/// capability, and gives the devices of this machine away besides.
const CAPABILITIES: &[&str] = &[
    "AUDIT_CONTROL",
    "AUDIT_READ",
    "AUDIT_WRITE",
    "BLOCK_SUSPEND",
    "DAC_READ_SEARCH",
    "IPC_LOCK",
    "IPC_OWNER",
    "LEASE",
    "LINUX_IMMUTABLE",
    "MAC_ADMIN",
    "MAC_OVERRIDE",
    "MKNOD",
    "NET_ADMIN",
    "NET_BROADCAST",
    "NET_RAW",
    "SYSLOG",
    "SYS_ADMIN",
    "SYS_BOOT",
    "SYS_MODULE",
    "SYS_NICE",
    "SYS_PACCT",
    "SYS_PTRACE",
    "SYS_RAWIO",
    "SYS_TIME",
    "SYS_TTY_CONFIG",
    "WAKE_ALARM",
];

/// Everything that makes the machine of one instance.
#[derive(Debug)]
pub(crate) struct Machine<'a> {
    pub(crate) id: &'a InstanceId,
    pub(crate) account: &'a str,
    pub(crate) description: &'a Description,
    pub(crate) image: &'a str,
    pub(crate) size: Size,
    /// Whether the metadata service has its user-data.
    pub(crate) metadata: bool,
}

impl Machine<'_> {
    /// The request that creates the container.
    pub(crate) fn body(&self, engine: &Engine, address: Ipv4Addr) -> ContainerCreateBody {
        let mut labels = wire::labels(Kind::Instance, self.account, Some(self.id));
        labels.insert(wire::DESCRIPTION.into(), self.description.to_label());
        if self.metadata {
            labels.insert(wire::METADATA.into(), String::new());
        }
        let endpoint = EndpointSettings {
            ipam_config: Some(EndpointIpamConfig {
                ipv4_address: Some(address.to_string()),
                ..EndpointIpamConfig::default()
            }),
            ..EndpointSettings::default()
        };
        ContainerCreateBody {
            image: Some(self.image.to_owned()),
            hostname: Some(self.description.name.clone()),
            labels: Some(labels),
            // systemd is told by this signal to shut down in order.
            stop_signal: Some("SIGRTMIN+3".into()),
            host_config: Some(self.host_config(engine)),
            networking_config: Some(NetworkingConfig {
                endpoints_config: Some(HashMap::from([(self.account.to_owned(), endpoint)])),
            }),
            ..ContainerCreateBody::default()
        }
    }

    fn host_config(&self, engine: &Engine) -> HostConfig {
        let cpus = self.size.cpus.min(engine.cpus);
        HostConfig {
            cap_add: Some(CAPABILITIES.iter().copied().map(str::to_owned).collect()),
            security_opt: Some(vec![
                "seccomp=unconfined".into(),
                "apparmor=unconfined".into(),
            ]),
            // What the docker command calls systempaths=unconfined: the inner engine sets /proc/sys.
            masked_paths: Some(Vec::new()),
            readonly_paths: Some(Vec::new()),
            device_cgroup_rules: Some(vec!["a *:* rwm".into()]),
            tmpfs: Some(HashMap::from([
                ("/run".into(), "exec".into()),
                ("/run/lock".into(), String::new()),
            ])),
            // systemd and the inner Docker need control groups of their own; with the engine's whole
            // tree instead, inner containers would escape the limits set here, and a pause.
            cgroupns_mode: Some(HostConfigCgroupnsModeEnum::PRIVATE),
            mounts: Some(vec![self.disk()]),
            nano_cpus: Some(i64::from(cpus) * 1_000_000_000),
            memory: Some(self.size.memory_mib * 1024 * 1024),
            network_mode: Some(self.account.to_owned()),
            // A VPS comes back when its hypervisor does, and after `reboot` on it.
            restart_policy: Some(RestartPolicy {
                name: Some(RestartPolicyNameEnum::UNLESS_STOPPED),
                ..RestartPolicy::default()
            }),
            ..HostConfig::default()
        }
    }

    /// overlay2 does not stack on overlay2, so the inner engine needs a volume.
    fn disk(&self) -> Mount {
        Mount {
            typ: Some(MountType::VOLUME),
            source: Some(data_volume(self.id)),
            target: Some("/var/lib/docker".into()),
            volume_options: Some(MountVolumeOptions {
                no_copy: Some(true),
                labels: Some(wire::labels(Kind::Data, self.account, Some(self.id))),
                ..MountVolumeOptions::default()
            }),
            ..Mount::default()
        }
    }
}

/// The volume that holds `/var/lib/docker` of an instance.
pub(crate) fn data_volume(id: &InstanceId) -> String {
    format!("vps-docker-{id}")
}

/// The container's name: one name, one instance, as the engine itself sees to.
pub(crate) fn container_name(account: &str, name: &str) -> String {
    format!("{account}-{name}")
}
