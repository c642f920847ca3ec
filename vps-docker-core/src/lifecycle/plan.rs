use std::sync::Arc;

use super::engine::Engine;
use super::snapshot_source::SnapshotSource;
use crate::client::VpsClientExt;
use crate::docker::{BuildSource, NamedImage};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{
    BootImage, ContainerSpec, Exposure, Firewall, HostName, HostOrigin, HostPlan, HostSpec,
    IdlePolicy, Image, ImageSource, InstanceId, InstanceSnapshot, Offer, Plan, Region, Runtime,
    SnapshotId,
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
    check_idle_policy(idle_policy, container.security.runtime)?;
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

/// Refuses a mode that cannot see anything: it would hold the container up for ever.
pub(super) fn check_idle_policy(policy: &IdlePolicy, runtime: Runtime) -> Result<()> {
    let mode = policy.mode().name();
    if runtime == Runtime::Default || matches!(mode, "cpu" | "custom" | "disabled") {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::Invalid,
        format!(
            "the idle mode {mode} looks at processes and connections of the container, which \
             {runtime} hides from the VPS; choose cpu, custom or disabled"
        ),
    ))
}

/// The same for whoever wants to know before anything is ordered: reads, and changes nothing.
pub(super) async fn plan_host(engine: &Arc<Engine>, spec: &HostSpec) -> Result<HostPlan> {
    let planned = plan(engine, spec).await?;
    let choices = choose(engine, spec).await?;
    let client = &engine.client;
    is_remembered_in_vain(engine, &spec.name).await?;
    Ok(HostPlan {
        name: spec.name.clone(),
        provider: client.provider_name().to_owned(),
        places: choices.places,
        os: choices.image,
        image: planned.container.image,
        resources: planned.container.resources,
        security: planned.container.security,
        idle_policy: planned.idle_policy,
        firewall: firewall(engine, spec.exposure.as_ref()),
        exposure: spec.exposure.clone(),
        container_ssh_port: engine.settings.container_ssh_port,
    })
}

/// Who keeps that exposure.
pub(super) fn firewall(engine: &Engine, exposure: Option<&Exposure>) -> Firewall {
    match exposure {
        None => Firewall::None,
        Some(_) if engine.client.capabilities().firewall => Firewall::Provider,
        Some(_) => Firewall::Vps,
    }
}

/// What is ordered of a provider.
#[derive(Clone, Debug)]
pub(super) struct Choices {
    /// Plan and region, in the order in which they are tried; never empty.
    pub(super) places: Vec<(Plan, Region)>,
    pub(super) image: Image,
    /// That image, or a snapshot of an instance.
    pub(super) boot_image: BootImage,
}

/// Chooses from what the provider offers. Nothing is ordered.
pub(super) async fn choose(engine: &Engine, spec: &HostSpec) -> Result<Choices> {
    let settings = &engine.settings;
    let catalog = engine.catalog.get(&*engine.client).await?;
    let plans = choice(&spec.plan, &settings.default_plan);
    let regions = choice(&spec.region, &settings.default_region);
    let mut offers = catalog.offers(plans, regions)?;
    spec.price_limit.retain(&mut offers, &catalog)?;
    let image = catalog.image(choice(&spec.os, &settings.default_os))?;
    let boot_image = match &spec.origin {
        HostOrigin::InstanceSnapshot(id) => {
            let snapshot = instance_snapshot(engine, id).await?;
            retain_fit(&mut offers, &snapshot)?;
            BootImage::Snapshot(snapshot.id)
        }
        _ => BootImage::Catalog(image.id.clone()),
    };
    let places = offers.iter();
    Ok(Choices {
        places: places
            .map(|offer| (offer.plan.clone(), offer.region.clone()))
            .collect(),
        image: image.clone(),
        boot_image,
    })
}

async fn instance_snapshot(engine: &Engine, id: &SnapshotId) -> Result<InstanceSnapshot> {
    let client = &engine.client;
    if !client.capabilities().create_from_snapshot {
        let provider = client.provider_name();
        return Err(Error::unsupported(provider, "create from a snapshot"));
    }
    let mut listed = client.list_snapshots().await?.into_iter();
    listed.find(|snapshot| snapshot.id == *id).ok_or_else(|| {
        Error::new(
            ErrorKind::NotFound,
            format!("the provider has no instance snapshot {id}; list them to see what there is"),
        )
    })
}

/// Leaves out where the snapshot is not, and what it does not fit into.
fn retain_fit(offers: &mut Vec<Offer<'_>>, snapshot: &InstanceSnapshot) -> Result<()> {
    let invalid = |message| Err(Error::new(ErrorKind::Invalid, message));
    let regions = &snapshot.regions;
    offers.retain(|offer| regions.is_empty() || regions.contains(&offer.region.id));
    if offers.is_empty() {
        return invalid(format!(
            "the snapshot {} is not in that region; it is in {}",
            snapshot.id,
            regions.join(", ")
        ));
    }
    let needed = snapshot.min_disk_gib.unwrap_or(0);
    offers.retain(|offer| offer.plan.disk_gib.is_none_or(|disk| disk >= needed));
    if offers.is_empty() {
        return invalid(format!(
            "the snapshot {} needs a disk of {needed} GiB; choose a plan that has it",
            snapshot.id
        ));
    }
    Ok(())
}

fn choice<'a>(asked: &'a Option<String>, default: &'a Option<String>) -> Option<&'a str> {
    asked.as_deref().or(default.as_deref())
}

/// Refuses a name that an instance of ours carries, whoever ordered it, or that this side knows a
/// living instance by. What this side remembers of a host that is gone is forgotten.
pub(super) async fn check_name_free(engine: &Engine, name: &HostName) -> Result<()> {
    if is_remembered_in_vain(engine, name).await? {
        engine.entry(name).remove()?;
    }
    Ok(())
}

/// Whether this side remembers a host of that name that is gone. Refuses a name that is taken.
async fn is_remembered_in_vain(engine: &Engine, name: &HostName) -> Result<bool> {
    if let Some(instance) = engine.client.instances_named(name).await?.first() {
        return Err(name_taken(name, &instance.id));
    }
    let Some(known) = engine.entry(name).read()? else {
        return Ok(false);
    };
    // A listing may be late; pins that are forgotten too early cannot be had again.
    match engine.client.instance(&known.instance_id).await {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(true),
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
