//! What the engine holds of our instances: containers, and volumes that carry the tags.
//!
//! The labels of a container cannot be changed, those of a volume neither, but volumes cost next
//! to nothing: an instance's tags are the labels of an empty volume, `vps-docker-tags-<id>-<n>`.
//! To change them a volume with the next number is made and the older ones are removed; the
//! highest number is in effect, so a crash in between leaves the new tags. The first one is
//! made before anything else of an instance and the last one removed after everything else:
//! whatever is left of an instance, it is listed, with its tags.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use bollard::Docker;
use bollard::models::{ContainerSummary, Volume, VolumeCreateRequest};
use bollard::query_parameters::{
    ListContainersOptionsBuilder, ListVolumesOptionsBuilder, RemoveContainerOptionsBuilder,
    RemoveVolumeOptions, RenameContainerOptionsBuilder,
};
use vps_docker_core::model::{Instance, InstanceId, Tags};
use vps_docker_core::{Error, ErrorKind, Result};

use crate::convert;
use crate::error::{during, is_not_found};
use crate::machine::container_name;
use crate::step::step;
use crate::wire::{self, Description, Kind};

/// The instances of one account.
#[derive(Clone, Debug)]
pub(crate) struct Store {
    pub(crate) docker: Docker,
    pub(crate) account: String,
}

impl Store {
    /// One instance.
    pub(crate) async fn instance(&self, id: &InstanceId) -> Result<Instance> {
        self.instances(Some(id))
            .await?
            .pop()
            .ok_or_else(|| not_found(id))
    }

    /// All instances, or the one of the given id. Two calls, whatever their number; a third one
    /// when tags were being changed meanwhile.
    pub(crate) async fn instances(&self, id: Option<&InstanceId>) -> Result<Vec<Instance>> {
        let containers = self.containers(Some(Kind::Instance), id).await?;
        let mut volumes = self.volumes(Some(Kind::Tags), id).await?;
        let tagged = by_instance(&volumes, |volume| Some(&volume.labels));
        let all_tagged = containers
            .iter()
            .filter_map(|container| convert::instance_id(container.labels.as_ref()))
            .all(|id| tagged.contains_key(&id));
        if !all_tagged {
            volumes = self.volumes(Some(Kind::Tags), id).await?;
        }
        let mut tagged = by_instance(&volumes, |volume| Some(&volume.labels));
        let mut found = Vec::new();
        for (id, containers) in by_instance(&containers, |container| container.labels.as_ref()) {
            let volumes = tagged.remove(&id).unwrap_or_default();
            found.push(convert::instance(&id, containers.first(), &volumes)?);
        }
        for (id, volumes) in tagged {
            found.push(convert::instance(&id, None, &volumes)?);
        }
        Ok(found)
    }

    /// The container of an instance.
    pub(crate) async fn container(&self, id: &InstanceId) -> Result<ContainerSummary> {
        self.containers(Some(Kind::Instance), Some(id))
            .await?
            .pop()
            .ok_or_else(|| not_found(id))
    }

    /// The addresses that belong to instances, also to those that are powered off.
    pub(crate) async fn taken_addresses(&self) -> Result<BTreeSet<Ipv4Addr>> {
        let containers = self.containers(Some(Kind::Instance), None).await?;
        Ok(containers.iter().filter_map(convert::address).collect())
    }

    /// Writes the first tags of an instance: from now on it is listed.
    pub(crate) async fn begin(&self, id: &InstanceId, description: &Description) -> Result<()> {
        self.create_tag_volume(id, 1, description).await.map(|_| ())
    }

    /// Replaces the tags of an instance.
    pub(crate) async fn set_tags(&self, id: &InstanceId, tags: &Tags) -> Result<()> {
        let change = |description: &mut Description| description.tags.clone_from(tags);
        self.describe(id, change).await
    }

    /// Gives the instance another name. Its container goes first: the engine refuses a name that
    /// is taken.
    pub(crate) async fn rename(&self, id: &InstanceId, name: &str) -> Result<()> {
        let container = self.container(id).await?;
        let new = container_name(&self.account, name);
        let bears_it = |names: &Vec<String>| names.contains(&format!("/{new}"));
        if !container.names.as_ref().is_some_and(bears_it) {
            let options = RenameContainerOptionsBuilder::new().name(&new).build();
            self.docker
                .rename_container(&container.id.unwrap_or_default(), options)
                .await
                .map_err(during("rename container"))?;
            step("rename container");
        }
        let change = |description: &mut Description| description.name = name.to_owned();
        self.describe(id, change).await
    }

    async fn describe(&self, id: &InstanceId, change: impl FnOnce(&mut Description)) -> Result<()> {
        let volumes = self.volumes(Some(Kind::Tags), Some(id)).await?;
        let newest = volumes
            .iter()
            .max_by_key(|volume| convert::generation(&volume.name));
        let (labels, mut generation) = match newest {
            Some(volume) => (volume.labels.clone(), convert::generation(&volume.name)),
            // Somebody removed the volumes by hand.
            None => (self.container(id).await?.labels.unwrap_or_default(), 0),
        };
        let mut description = Description::from_labels(&labels)?;
        change(&mut description);
        loop {
            generation += 1;
            let made = self.create_tag_volume(id, generation, &description).await?;
            // The engine answers with the other one when a name is taken: somebody else has set
            // tags at the same time, and we were later.
            if Description::from_labels(&made.labels)? == description {
                break;
            }
        }
        for volume in volumes {
            self.remove_volume(&volume.name).await?;
        }
        Ok(())
    }

    /// Removes all that there is of an instance, its tags last, and returns the containers that
    /// there were. Idempotent.
    pub(crate) async fn remove(&self, id: &InstanceId) -> Result<Vec<ContainerSummary>> {
        let options = RemoveContainerOptionsBuilder::new()
            .force(true)
            .v(true)
            .build();
        let containers = self.containers(None, Some(id)).await?;
        for container in &containers {
            let container = container.id.as_deref().unwrap_or_default();
            match self
                .docker
                .remove_container(container, Some(options.clone()))
                .await
            {
                Ok(()) => step("remove container"),
                Err(error) if is_not_found(&error) => {}
                Err(error) => return Err(during("remove container")(error).with_instance(id)),
            }
        }
        let mut volumes = self.volumes(None, Some(id)).await?;
        volumes.sort_by_key(|volume| volume.labels.get(wire::KIND).is_some_and(is_tags));
        for volume in volumes {
            self.remove_volume(&volume.name)
                .await
                .map_err(|error| error.with_instance(id))?;
        }
        Ok(containers)
    }

    async fn create_tag_volume(
        &self,
        id: &InstanceId,
        generation: u64,
        description: &Description,
    ) -> Result<Volume> {
        let mut labels = wire::labels(Kind::Tags, &self.account, Some(id));
        labels.insert(wire::DESCRIPTION.into(), description.to_label());
        let made = self
            .docker
            .create_volume(VolumeCreateRequest {
                name: Some(format!("vps-docker-tags-{id}-{generation}")),
                labels: Some(labels),
                ..VolumeCreateRequest::default()
            })
            .await
            .map_err(during("create volume"))?;
        step("create volume");
        Ok(made)
    }

    pub(crate) async fn remove_volume(&self, name: &str) -> Result<()> {
        match self
            .docker
            .remove_volume(name, None::<RemoveVolumeOptions>)
            .await
        {
            Ok(()) => step("remove volume"),
            Err(error) if is_not_found(&error) => {}
            Err(error) => {
                let left = format!("the volume {name} is left");
                return Err(during("remove volume")(error).with_note(left));
            }
        }
        Ok(())
    }

    async fn containers(
        &self,
        kind: Option<Kind>,
        id: Option<&InstanceId>,
    ) -> Result<Vec<ContainerSummary>> {
        let options = ListContainersOptionsBuilder::new()
            .all(true)
            .filters(&wire::filter(kind, &self.account, id))
            .build();
        self.docker
            .list_containers(Some(options))
            .await
            .map_err(during("list containers"))
    }

    async fn volumes(&self, kind: Option<Kind>, id: Option<&InstanceId>) -> Result<Vec<Volume>> {
        let options = ListVolumesOptionsBuilder::new()
            .filters(&wire::filter(kind, &self.account, id))
            .build();
        self.docker
            .list_volumes(Some(options))
            .await
            .map(|listed| listed.volumes.unwrap_or_default())
            .map_err(during("list volumes"))
    }
}

fn is_tags(kind: &String) -> bool {
    kind == Kind::Tags.name()
}

fn not_found(id: &InstanceId) -> Error {
    Error::new(
        ErrorKind::NotFound,
        "there is no such instance on this Docker engine",
    )
    .with_instance(id)
}

fn by_instance<T: Clone>(
    things: &[T],
    labels: impl Fn(&T) -> Option<&std::collections::HashMap<String, String>>,
) -> BTreeMap<InstanceId, Vec<T>> {
    let mut grouped: BTreeMap<InstanceId, Vec<T>> = BTreeMap::new();
    for thing in things {
        if let Some(id) = convert::instance_id(labels(thing)) {
            grouped.entry(id).or_default().push(thing.clone());
        }
    }
    grouped
}
