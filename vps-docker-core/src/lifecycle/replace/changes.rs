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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{
        Cidr, ContainerCommand, HostId, HostName, HostSpecBuilder, IdlePolicy, ImageReference,
        InstanceId, InstanceState, OwnerId, Timestamp,
    };
    use crate::store::SCHEMA_VERSION;

    fn built(spec: HostSpecBuilder) -> (HostSpec, ContainerSpec) {
        let spec = spec.build().expect("fit");
        let image = ImageReference::new("debian").expect("legal");
        let container = spec.container(&image, 2222).expect("fit");
        (spec, container)
    }

    fn record_of(spec: HostSpecBuilder) -> HostRecord {
        let (spec, container) = built(spec);
        HostRecord {
            schema_version: SCHEMA_VERSION,
            generation: 1,
            id: HostId::random(),
            name: HostName::new("web").expect("legal"),
            provider: "local".into(),
            owner: OwnerId::random(),
            instance_id: InstanceId::new("1"),
            created_at: Timestamp::now(),
            ready_at: None,
            expires_at: None,
            os: spec.os,
            labels: spec.labels,
            container,
            host_dir: "/vps-docker".into(),
            derived_image: Some("vps-docker/derived:x".into()),
            container_command: Vec::new(),
            base_image: Some("sha256:1".into()),
            build_digest: None,
            deployment: None,
            login_user: None,
            container_host_key: None,
            next_container_host_key: None,
            container_ssh_port: 2222,
            idle_policy: spec.idle_policy.unwrap_or_default(),
            exposure: spec.exposure,
            tls_endpoint: None,
        }
    }

    fn differences(record: &HostRecord, spec: HostSpecBuilder) -> HostChanges {
        let (spec, container) = built(spec);
        let mut instance = Instance::new(InstanceId::new("1"), "web", InstanceState::Running);
        instance.plan = "small".into();
        instance.region = "fsn1".into();
        let wanted = Wanted {
            has_env: true,
            id_to_ship: None,
            build_digest: None,
            instance: Some(&instance),
            container: &container,
            spec: &spec,
        };
        wanted.differs_from(record)
    }

    fn web() -> HostSpecBuilder {
        HostSpec::builder("web")
            .image("app:1")
            .label("a", "b")
            .allow_from("203.0.113.0/24")
            .allow_from("198.51.100.0/24")
            .app_port(80)
            .app_port(443)
            .os("debian-12")
    }

    #[test]
    fn what_is_the_same_or_not_said_does_not_differ() {
        let record = record_of(web());
        let none = HostChanges::default();
        assert_eq!(differences(&record, web()), none);
        assert!(none.is_empty());
        let terse = HostSpec::builder("web").image("app:1").label("a", "b");
        assert_eq!(differences(&record, terse.clone()), none);
        let reordered = terse
            .allow_from("198.51.100.0/24")
            .allow_from("203.0.113.0/24")
            .app_port(443)
            .app_port(80)
            .app_port(80)
            .plan("medium, small")
            .region("fsn1");
        assert_eq!(differences(&record, reordered), none);
    }

    #[test]
    fn each_difference_is_named_by_what_it_takes() {
        let record = record_of(web());
        let container = |spec| {
            let changes = differences(&record, spec);
            assert!(changes.settings.is_empty() && changes.vps.is_empty());
            changes.container
        };
        assert_eq!(container(web().image("app:2")), ["image"]);
        let words = ContainerCommand::Words(vec!["run".into()]);
        assert_eq!(container(web().command(words)), ["command"]);
        assert_eq!(
            container(web().start_arg("--publish=80:80")),
            ["start args"]
        );
        assert_eq!(container(web().memory("64M")), ["resources"]);
        assert_eq!(container(web().read_only_root()), ["security"]);

        let others = web()
            .label("c", "d")
            .app_port(8080)
            .idle_policy(IdlePolicy::disabled())
            .plan("large")
            .region("nbg1,hel1")
            .os("debian-13");
        let changes = differences(&record, others);
        assert!(changes.container.is_empty());
        assert_eq!(changes.settings, ["exposure", "idle policy", "labels"]);
        assert_eq!(changes.vps, ["plan", "region", "os"]);
        assert_eq!(
            serde_json::to_value(&changes).expect("plain data"),
            serde_json::json!({
                "container": [],
                "settings": ["exposure", "idle policy", "labels"],
                "vps": ["plan", "region", "os"],
            })
        );
    }

    #[test]
    fn who_was_open_to_the_world_is_closed_when_somebody_is_named() {
        let mut record = record_of(web());
        record.exposure = None;
        assert_eq!(differences(&record, web()).settings, ["exposure"]);
        record.exposure = Some(Exposure {
            sources: Cidr::WORLD.to_vec(),
            app_ports: vec![80, 443],
        });
        assert_eq!(differences(&record, web()).settings, ["exposure"]);
    }

    #[test]
    fn an_image_is_known_by_its_content_and_a_build_by_what_it_is_of() {
        let (spec, mut container) = built(web());
        let mut record = record_of(web());
        let named = |record: &HostRecord,
                     container: &ContainerSpec,
                     id: Option<&str>,
                     digest: Option<&str>| {
            let wanted = Wanted {
                has_env: false,
                id_to_ship: id.map(str::to_owned),
                build_digest: digest.map(str::to_owned),
                instance: None,
                container,
                spec: &spec,
            };
            wanted.differs_from(record).container
        };
        assert_eq!(named(&record, &container, Some("sha256:1"), None), ["env"]);
        let moved = named(&record, &container, Some("sha256:2"), None);
        assert_eq!(moved, ["image", "env"]);

        container.image_source = ImageSource::Built;
        let other = named(&record, &container, None, Some("one"));
        assert_eq!(
            other,
            ["env"],
            "how an image of that name comes makes no difference"
        );
        record.container.image_source = ImageSource::Built;
        // A record of before does not say.
        let changed = ["build context", "env"];
        assert_eq!(named(&record, &container, None, Some("one")), changed);
        record.build_digest = Some("one".into());
        assert_eq!(named(&record, &container, None, Some("one")), ["env"]);
        assert_eq!(named(&record, &container, None, Some("two")), changed);
        container.image = ImageReference::new("vps-docker/built:other").expect("legal");
        assert_eq!(named(&record, &container, None, Some("one")), changed);
    }
}
