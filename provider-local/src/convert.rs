//! Between the engine's words and ours.

use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, Ipv4Addr};

use bollard::models::{ContainerSummary, ContainerSummaryStateEnum, Volume};
use vps_docker_core::model::{
    Catalog, HostTags, Image, Instance, InstanceId, InstanceState, Money, Plan, Price, Region,
    Timestamp,
};
use vps_docker_core::{Error, ErrorKind, Result};

use crate::wire::{self, Description};

/// The only region.
pub(crate) const REGION: &str = "local";

/// Processors and memory of a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Size {
    pub(crate) cpus: u32,
    pub(crate) memory_mib: i64,
}

const PLANS: &[(&str, Size)] = &[
    (
        "small",
        Size {
            cpus: 2,
            memory_mib: 2048,
        },
    ),
    (
        "medium",
        Size {
            cpus: 2,
            memory_mib: 4096,
        },
    ),
    (
        "large",
        Size {
            cpus: 4,
            memory_mib: 8192,
        },
    ),
];

/// The catalogue on a machine with that many processors; the defaults stand first.
pub(crate) fn catalog(machine_cpus: u32) -> Catalog {
    let plan = |(id, size): &(&str, Size)| {
        let cpus = size.cpus.min(machine_cpus);
        Plan {
            id: (*id).to_owned(),
            description: format!("{cpus} vCPU, {} GiB", size.memory_mib / 1024),
            cpus,
            memory_mib: size.memory_mib.unsigned_abs(),
            disk_gib: None,
            price: Price {
                hourly: Some(Money::zero("EUR")),
                monthly: Some(Money::zero("EUR")),
            },
            regional_prices: BTreeMap::new(),
            regions: Vec::new(),
        }
    };
    Catalog {
        regions: vec![Region {
            id: REGION.into(),
            description: "this machine's Docker engine".into(),
        }],
        plans: PLANS.iter().map(plan).collect(),
        images: crate::images::CATALOG
            .iter()
            .map(|image| Image {
                id: image.id.into(),
                description: image.description.into(),
                has_docker: image.has_docker,
            })
            .collect(),
        snapshot_gb_month: Some(Money::zero("EUR")),
    }
}

/// The size of a plan of the catalogue.
pub(crate) fn size(plan: &str) -> Result<Size> {
    PLANS
        .iter()
        .find(|(id, _)| *id == plan)
        .map(|(_, size)| *size)
        .ok_or_else(|| Error::new(ErrorKind::Invalid, format!("unknown plan {plan:?}")))
}

/// One instance of what was found under its id: the container, unless it is not made yet, and
/// the volumes with its tags.
pub(crate) fn instance(
    id: &InstanceId,
    container: Option<&ContainerSummary>,
    tag_volumes: &[Volume],
) -> Result<Instance> {
    let newest = tag_volumes
        .iter()
        .max_by_key(|volume| generation(&volume.name));
    let labels = match (newest, container) {
        (Some(volume), _) => Some(&volume.labels),
        (None, Some(container)) => container.labels.as_ref(),
        (None, None) => None,
    };
    let none = HashMap::new();
    let mut description = Description::from_labels(labels.unwrap_or(&none))
        .map_err(|error| error.with_instance(id))?;
    if newest.is_none() {
        // The volumes are gone: `docker volume prune` of old engines takes them. What the instance
        // was born with still says whose it is, but a deadline of that time must not condemn it.
        description.tags.remove(HostTags::EXPIRES);
    }
    let mut instance = Instance::new(
        id.clone(),
        description.name,
        state(container.and_then(|container| container.state)),
    );
    instance.region = REGION.to_owned();
    instance.plan = description.plan;
    instance.tags = description.tags;
    instance.address = container.and_then(address).map(IpAddr::V4);
    instance.created_at = match container.and_then(|container| container.created) {
        Some(seconds) => Timestamp::from_unix_seconds(seconds),
        None => newest
            .and_then(|volume| volume.created_at.as_ref())
            .and_then(|text| text.parse().ok()),
    };
    Ok(instance)
}

/// The state of an instance, whose container may not have been made yet.
fn state(container: Option<ContainerSummaryStateEnum>) -> InstanceState {
    use ContainerSummaryStateEnum as Engine;
    match container {
        None | Some(Engine::CREATED) => InstanceState::Provisioning,
        // Paused only while a snapshot is being taken, restarting only during a reboot.
        Some(Engine::RUNNING | Engine::PAUSED | Engine::RESTARTING) => InstanceState::Running,
        Some(Engine::EXITED) => InstanceState::Stopped,
        Some(Engine::REMOVING) => InstanceState::Destroying,
        Some(Engine::DEAD) => InstanceState::Failed,
        Some(other) => InstanceState::Unknown(other.to_string()),
    }
}

/// The address that was given to a container at its creation, running or not.
pub(crate) fn address(container: &ContainerSummary) -> Option<Ipv4Addr> {
    container
        .network_settings
        .as_ref()?
        .networks
        .as_ref()?
        .values()
        .find_map(|endpoint| {
            endpoint
                .ipam_config
                .as_ref()?
                .ipv4_address
                .as_ref()?
                .parse()
                .ok()
        })
}

/// The instance that a container or volume is part of.
pub(crate) fn instance_id(labels: Option<&HashMap<String, String>>) -> Option<InstanceId> {
    labels?.get(wire::INSTANCE).map(InstanceId::new)
}

/// The number at the end of the name of a volume with tags; the highest is in effect.
pub(crate) fn generation(volume_name: &str) -> u64 {
    volume_name
        .rsplit('-')
        .next()
        .and_then(|number| number.parse().ok())
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use bollard::models::{ContainerSummaryNetworkSettings, EndpointIpamConfig, EndpointSettings};
    use vps_docker_core::model::Tags;

    use super::*;

    fn labels(tag: &str) -> HashMap<String, String> {
        let description = Description {
            name: "web".into(),
            plan: "small".into(),
            tags: Tags::from([(tag.into(), String::new())]),
        };
        HashMap::from([(wire::DESCRIPTION.to_owned(), description.to_label())])
    }

    fn tag_volume(generation: u64, tag: &str) -> Volume {
        Volume {
            name: format!("vps-docker-tags-0123-{generation}"),
            labels: labels(tag),
            created_at: Some("2026-11-21T05:11:01Z".into()),
            ..Volume::default()
        }
    }

    #[test]
    fn the_newest_tags_are_in_effect() {
        let container = ContainerSummary {
            labels: Some(labels("at-first")),
            state: Some(ContainerSummaryStateEnum::EXITED),
            created: Some(1_800_000_000),
            network_settings: Some(ContainerSummaryNetworkSettings {
                networks: Some(HashMap::from([(
                    "vps-docker".to_owned(),
                    EndpointSettings {
                        ipam_config: Some(EndpointIpamConfig {
                            ipv4_address: Some("198.18.7.9".into()),
                            ..EndpointIpamConfig::default()
                        }),
                        ..EndpointSettings::default()
                    },
                )])),
            }),
            ..ContainerSummary::default()
        };
        let id = InstanceId::new("0123");
        let volumes = [tag_volume(9, "older"), tag_volume(10, "newer")];
        let found = instance(&id, Some(&container), &volumes).expect("whole");
        assert!(found.tags.contains_key("newer"), "{:?}", found.tags);
        assert_eq!(found.state, InstanceState::Stopped);
        assert_eq!(found.address, Some(Ipv4Addr::new(198, 18, 7, 9).into()));
        assert_eq!(found.name, "web");

        let found = instance(&id, Some(&container), &[]).expect("whole");
        assert!(found.tags.contains_key("at-first"), "{:?}", found.tags);
    }

    #[test]
    fn pruned_tags_condemn_nobody() {
        let container = ContainerSummary {
            labels: Some(labels(HostTags::EXPIRES)),
            ..ContainerSummary::default()
        };
        let id = InstanceId::new("0123");
        let found = instance(&id, Some(&container), &[]).expect("whole");
        assert_eq!(found.tags, Tags::new());
    }

    #[test]
    fn an_instance_is_there_before_its_container() {
        let id = InstanceId::new("0123");
        let found = instance(&id, None, &[tag_volume(1, "marker")]).expect("whole");
        assert_eq!(found.state, InstanceState::Provisioning);
        assert!(found.tags.contains_key("marker"));
        assert!(found.created_at.is_some());
    }

    #[test]
    fn no_plan_exceeds_the_machine() {
        let catalog = catalog(1);
        assert!(catalog.plans.iter().all(|plan| plan.cpus == 1));
        assert_eq!(catalog.image(None).expect("one").id, "debian-12-docker");
        assert!(catalog.image(None).expect("one").has_docker);
        assert_eq!(catalog.plan(None).expect("one").id, "small");
    }
}
