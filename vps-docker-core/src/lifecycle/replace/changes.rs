use crate::docker::{BuildSource, ContainerEnv, id_to_ship};
use crate::error::{Error, ErrorKind, Result};
use crate::lifecycle::Host;
use crate::lifecycle::plan::{Planned, plan};
use crate::model::{
    ContainerSpec, Exposure, HostChanges, HostOrigin, HostSpec, ImageSource, Instance,
};
use crate::store::HostRecord;

impl Host {
    /// What of the specification is not so on this host. Reads the record, the provider's word on the instance where plan or
    /// region are named, and what is here of an image or a build context; environments are compared on the VPS, and no
    /// value comes back. Sends nothing that writes. Idempotent and cancel-safe.
    ///
    /// What the specification leaves open is as it is: exposure, idle policy, plan, region, operating system. Its time to
    /// live and price limit are not looked at. A tag that has moved in a registry is not seen: name the image by
    /// a tag of its own or by digest. An image that is only here is known by its content.
    ///
    /// # Errors
    /// `Invalid` for another host's name, for a host that is to begin with a snapshot, and whatever a create refuses;
    /// `NotFound` when an image or a build context is not here; those of [`vps`](Self::vps) and of the provider.
    pub async fn changes(&self, spec: &HostSpec) -> Result<HostChanges> {
        let compared = Comparison::of(self, spec).await;
        let compared = compared.map_err(|error| {
            error
                .with_host(&self.info().name)
                .with_operation("host_changes")
        });
        Ok(compared?.changes)
    }
}

/// A host beside what it is to be.
#[derive(Debug)]
pub(super) struct Comparison {
    pub(super) changes: HostChanges,
    pub(super) planned: Planned,
}

impl Comparison {
    pub(super) async fn of(host: &Host, spec: &HostSpec) -> Result<Self> {
        check(host, spec)?;
        let vps = host.vps().await?;
        let store = host.store().await?;
        let record = store.read().await?;
        let record = record
            .ok_or_else(|| Error::new(ErrorKind::State, "the VPS holds no record of a host"))?;
        // What is not said stays, and need not fit what is said for another host.
        let mut complete = spec.clone();
        let kept = || record.idle_policy.clone();
        complete.idle_policy.get_or_insert_with(kept);
        let planned = plan(&host.engine, &complete).await?;
        let engine = &host.engine.settings.local_engine;
        let container = &planned.container;
        let environment = ContainerEnv::on(&*vps);
        let (has_env, id_to_ship, digest, instance) = tokio::try_join!(
            environment.is(&spec.env),
            id_to_ship(engine, &container.image, container.image_source),
            digest(planned.build.as_ref()),
            instance(host, spec),
        )?;
        let wanted = Wanted {
            spec,
            container,
            has_env,
            id_to_ship,
            build_digest: digest,
            instance: instance.as_ref(),
        };
        Ok(Self {
            changes: wanted.differs_from(&record),
            planned,
        })
    }
}

fn check(host: &Host, spec: &HostSpec) -> Result<()> {
    let invalid = |text: String| Err(Error::new(ErrorKind::Invalid, text));
    let name = &host.info().name;
    if spec.name != *name {
        return invalid(format!(
            "the specification is of the host {}, and this is {name}; rename one of them",
            spec.name
        ));
    }
    if spec.origin != HostOrigin::Image {
        return invalid(
            "a host that is there does not begin with a snapshot: restore one of its own, or name \
             an image"
                .into(),
        );
    }
    Ok(())
}

async fn digest(build: Option<&BuildSource>) -> Result<Option<String>> {
    match build {
        Some(build) => build.digest().await.map(Some),
        None => Ok(None),
    }
}

async fn instance(host: &Host, spec: &HostSpec) -> Result<Option<Instance>> {
    if spec.plan.is_none() && spec.region.is_none() {
        return Ok(None);
    }
    let client = &host.engine.client;
    client.instance(&host.info().instance_id).await.map(Some)
}

/// What a host is to be, and what was found out about it.
struct Wanted<'a> {
    spec: &'a HostSpec,
    container: &'a ContainerSpec,
    has_env: bool,
    /// Of the image here, where that would be shipped.
    id_to_ship: Option<String>,
    build_digest: Option<String>,
    /// Where plan or region matter.
    instance: Option<&'a Instance>,
}

impl Wanted<'_> {
    fn differs_from(&self, record: &HostRecord) -> HostChanges {
        let (there, wanted) = (&record.container, self.container);
        let both_built = [there.image_source, wanted.image_source] == [ImageSource::Built; 2];
        let named_so = there.image == wanted.image;
        let here = self.id_to_ship.as_ref();
        let moved = here.is_some_and(|here| {
            record
                .base_image
                .as_ref()
                .is_some_and(|there| here != there)
        });
        let built_of_it = named_so && record.build_digest == self.build_digest;
        let container = [
            ("image", !both_built && (!named_so || moved)),
            ("build context", both_built && !built_of_it),
            ("command", there.command != wanted.command),
            ("start args", there.start_args != wanted.start_args),
            ("env", !self.has_env),
            ("resources", there.resources != wanted.resources),
            ("security", there.security != wanted.security),
        ];
        let (spec, policy) = (self.spec, self.spec.idle_policy.as_ref());
        let settings = [
            ("exposure", self.exposure_differs(record)),
            (
                "idle policy",
                policy.is_some_and(|policy| *policy != record.idle_policy),
            ),
            ("labels", spec.labels != record.labels),
        ];
        let instance = |field: fn(&Instance) -> &str| self.instance.map(field);
        let os = record.os.as_deref();
        let vps = [
            (
                "plan",
                is_none_of(&spec.plan, instance(|there| &there.plan)),
            ),
            (
                "region",
                is_none_of(&spec.region, instance(|there| &there.region)),
            ),
            ("os", is_none_of(&spec.os, os)),
        ];
        HostChanges {
            container: those_that_are(&container),
            settings: those_that_are(&settings),
            vps: those_that_are(&vps),
        }
    }

    fn exposure_differs(&self, record: &HostRecord) -> bool {
        let Some(wanted) = &self.spec.exposure else {
            return false;
        };
        let sorted = |exposure: &Exposure| {
            let mut sources: Vec<String> =
                exposure.sources.iter().map(ToString::to_string).collect();
            let mut ports = exposure.app_ports.clone();
            sources.sort();
            ports.sort_unstable();
            ports.dedup();
            (sources, ports)
        };
        record.exposure.as_ref().map(sorted) != Some(sorted(wanted))
    }
}

/// Whether one of these, separated by commas, was asked for, and what is there is known to be another.
fn is_none_of(asked: &Option<String>, there: Option<&str>) -> bool {
    let (Some(asked), Some(there)) = (asked, there.filter(|there| !there.is_empty())) else {
        return false;
    };
    asked.split(',').all(|id| id.trim() != there)
}

fn those_that_are(facts: &[(&str, bool)]) -> Vec<String> {
    let facts = facts.iter().filter(|(_, is_so)| *is_so);
    facts.map(|(name, _)| (*name).to_owned()).collect()
}
