use std::sync::Arc;

use super::engine::Engine;
use super::snapshot_source::SnapshotSource;
use crate::client::VpsClientExt;
use crate::docker::{BuildSource, NamedImage};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{
    BootImage, ContainerSpec, HostName, HostOrigin, HostSpec, HostTags, IdlePolicy, Image,
    ImageSource, Instance, InstanceId, Plan, Region,
};

/// A host with every choice made, whatever it will run on.
#[derive(Clone, Debug)]
pub(super) struct Planned {
    pub(super) container: ContainerSpec,
    /// Where image and data come from, if not from where images come from.
    pub(super) source: Option<Arc<SnapshotSource>>,
    pub(super) idle_policy: IdlePolicy,
    /// Where the container's image is built.
    pub(super) build: Option<BuildSource>,
}

/// Fills the settings' defaults in and checks what can be checked here.
pub(super) async fn plan(engine: &Arc<Engine>, spec: &HostSpec) -> Result<Planned> {
    let settings = &engine.settings;
    let source = match &spec.origin {
        HostOrigin::Snapshot { host, id } => {
            Some(Arc::new(SnapshotSource::find(engine, host, id).await?))
        }
        _ => None,
    };
    let container = match &source {
        Some(source) => source.container(spec, settings.container_ssh_port)?,
        None => spec.container(&settings.default_image, settings.container_ssh_port)?,
    };
    if source.is_none() && container.image_source == ImageSource::Ship {
        // What is not here cannot be shipped: said before anything is ordered.
        NamedImage::find(&settings.local_engine, &container.image).await?;
    }
    let idle_policy = spec.idle_policy.as_ref();
    let idle_policy = idle_policy.unwrap_or(&settings.default_idle_policy);
    let build = match &spec.build {
        None => None,
        Some(build) => Some(BuildSource::look(build.clone()).await?),
    };
    Ok(Planned {
        container,
        source,
        idle_policy: idle_policy.clone(),
        build,
    })
}

/// What is ordered of a provider.
#[derive(Clone, Debug)]
pub(super) struct Choices {
    pub(super) region: Region,
    pub(super) plan: Plan,
    pub(super) image: Image,
    /// That image, or a snapshot of an instance.
    pub(super) boot_image: BootImage,
}

/// Chooses from what the provider offers. Nothing is ordered.
pub(super) async fn choose(engine: &Engine, spec: &HostSpec) -> Result<Choices> {
    let settings = &engine.settings;
    let catalog = engine.client.catalog().await?;
    let region = catalog.region(choice(&spec.region, &settings.default_region))?;
    let plan = catalog.plan(choice(&spec.plan, &settings.default_plan))?;
    let image = catalog.image(choice(&spec.os, &settings.default_os))?;
    catalog.check_availability(plan, region)?;
    Ok(Choices {
        region: region.clone(),
        plan: plan.clone(),
        image: image.clone(),
        boot_image: boot_image(engine, spec, image).await?,
    })
}

async fn boot_image(engine: &Engine, spec: &HostSpec, image: &Image) -> Result<BootImage> {
    let HostOrigin::InstanceSnapshot(id) = &spec.origin else {
        return Ok(BootImage::Catalog(image.id.clone()));
    };
    let listed = engine.client.list_snapshots().await?;
    if listed.iter().any(|snapshot| snapshot.id == *id) {
        return Ok(BootImage::Snapshot(id.clone()));
    }
    Err(Error::new(
        ErrorKind::NotFound,
        format!("the provider has no instance snapshot {id}; list them to see what there is"),
    ))
}

fn choice<'a>(asked: &'a Option<String>, default: &'a Option<String>) -> Option<&'a str> {
    asked.as_deref().or(default.as_deref())
}

/// Refuses a name that an instance of ours carries, whoever ordered it, or that this side knows a
/// living instance by. What this side remembers of a host that is gone is forgotten.
pub(super) async fn check_name_free(engine: &Engine, name: &HostName) -> Result<()> {
    let carries_it = |instance: &Instance| instance.tag(HostTags::NAME) == Some(name.as_str());
    let listed = engine.client.marked_instances().await?;
    if let Some(instance) = listed.iter().find(|instance| carries_it(instance)) {
        return Err(name_taken(name, &instance.id));
    }
    let entry = engine.entry(name);
    let Some(known) = entry.read()? else {
        return Ok(());
    };
    // A listing may be late; pins that are forgotten too early cannot be had again.
    match engine.client.instance(&known.instance_id).await {
        Err(error) if error.kind() == ErrorKind::NotFound => entry.remove(),
        Err(error) => Err(error),
        Ok(instance) => Err(name_taken(name, &instance.id)),
    }
}

fn name_taken(name: &HostName, instance: &InstanceId) -> Error {
    Error::new(
        ErrorKind::NameTaken,
        "a host of that name exists; choose another name, or destroy that host first",
    )
    .with_host(name)
    .with_instance(instance)
}
