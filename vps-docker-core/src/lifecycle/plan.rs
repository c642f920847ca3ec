use super::engine::Engine;
use crate::client::VpsClientExt;
use crate::docker::{BuildSource, look_up_locally};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{
    ContainerSpec, HostName, HostSpec, HostTags, IdlePolicy, Image, ImageSource, Instance,
    InstanceId, Plan, Region,
};

/// A specification with every choice made and known to exist.
#[derive(Clone, Debug)]
pub(super) struct Planned {
    pub(super) region: Region,
    pub(super) plan: Plan,
    pub(super) image: Image,
    pub(super) container: ContainerSpec,
    pub(super) idle_policy: IdlePolicy,
    /// Where the container's image is built.
    pub(super) build: Option<BuildSource>,
}

/// Makes every choice and checks it against what the provider offers. Nothing is ordered.
pub(super) async fn plan(engine: &Engine, spec: &HostSpec) -> Result<Planned> {
    let settings = &engine.settings;
    let container = spec.container(&settings.default_image, settings.container_ssh_port)?;
    if container.image_source == ImageSource::Ship {
        // What is not here cannot be shipped: said before anything is ordered.
        look_up_locally(&settings.local_engine, &container.image, ImageSource::Ship).await?;
    }
    let idle_policy = spec.idle_policy.as_ref();
    let idle_policy = idle_policy.unwrap_or(&settings.default_idle_policy);
    let build = match &spec.build {
        None => None,
        Some(build) => Some(BuildSource::look(build.clone()).await?),
    };
    let catalog = engine.client.catalog().await?;
    let region = catalog.region(choice(&spec.region, &settings.default_region))?;
    let plan = catalog.plan(choice(&spec.plan, &settings.default_plan))?;
    let image = catalog.image(choice(&spec.os, &settings.default_os))?;
    catalog.check_availability(plan, region)?;
    Ok(Planned {
        region: region.clone(),
        plan: plan.clone(),
        image: image.clone(),
        container,
        idle_policy: idle_policy.clone(),
        build,
    })
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
