use std::sync::{Arc, OnceLock};

use super::survey::Survey;
use super::{Login, Machine};
use crate::cloud_init::BootstrapParts;
use crate::error::{Error, ErrorKind, Result};
use crate::keys::PublicKey;
use crate::lifecycle::engine::Engine;
use crate::lifecycle::errand::Errand;
use crate::lifecycle::instance_spec::tags;
use crate::lifecycle::provision::Provision;
use crate::model::{
    HostId, HostOrigin, HostSpec, HostTags, Instance, InstanceId, MachineSpec, Phase, Runtime,
};
use crate::ssh::{Transport, TransportExt, join};
use crate::store::OpenEntry;

/// A machine that is there and is taken: what cloud-init does on a new VPS is done by way of its
/// user's login.
#[derive(Debug)]
pub(in crate::lifecycle) struct Taking {
    machine: MachineSpec,
    tags: HostTags,
    login: Login,
    /// Shell text that takes the machine.
    command: String,
    runtime: Runtime,
    errand: Errand,
    instance: OnceLock<InstanceId>,
}

impl Taking {
    /// Puts together what the machine is to get. Nobody logs in.
    pub(in crate::lifecycle) async fn plan(
        engine: &Engine,
        host_id: &HostId,
        spec: &HostSpec,
        machine: &Machine,
        runtime: Runtime,
    ) -> Result<Self> {
        let provider = engine.client.provider_name();
        if !engine.client.capabilities().machine_stays {
            return Err(Error::new(
                ErrorKind::Unsupported,
                format!(
                    "the provider {provider:?} makes its machines itself; one that is there is \
                     adopted by an engine over the provider \"adopted\""
                ),
            ));
        }
        refuse_choices(spec)?;
        let login = Login::find(engine, machine).await?;
        let tags = tags(engine, host_id, spec, login.host_key());
        Ok(Self {
            machine: MachineSpec {
                name: spec.name.to_string(),
                address: machine.address,
                ssh_port: machine.ssh_port,
                tags: tags.to_tags(),
            },
            tags,
            login,
            command: take_command(engine, host_id, runtime)?,
            runtime,
            errand: Errand::default(),
            instance: OnceLock::new(),
        })
    }

    /// Looks the machine over and refuses one that is unfit. Changes nothing on it.
    pub(in crate::lifecycle) async fn check(&self, engine: &Engine) -> Result<()> {
        let root = self.login.root(engine).await?;
        let port = engine.settings.container_ssh_port;
        let survey = Survey::of(&*root, port).await?;
        survey.check(port, self.runtime)
    }

    /// Writes the machine down, then lets our key in, brings the bootstrap there and starts it.
    pub(in crate::lifecycle) async fn take(
        &self,
        provision: &Provision,
        place: &mut OpenEntry,
    ) -> Result<Instance> {
        let engine = &provision.engine;
        let work = async {
            let instance = engine.client.adopt_machine(&self.machine).await?;
            let _ = self.instance.set(instance.id.clone());
            place.update(|entry| entry.instance_id = Some(instance.id.clone()))?;
            // Where a later process finds it.
            provision.entry.pin_vps(&provision.known(&instance))?;
            let root = self.login.root(engine).await?;
            let take = take(root, self.command.clone());
            self.errand.run(engine, take).await?;
            Ok(instance)
        };
        provision.timeline.phase(Phase::Order, work).await
    }

    pub(in crate::lifecycle) async fn settle(&self, engine: &Engine) -> Result<()> {
        let unsettled = "the machine has not answered yet";
        self.errand.settle(engine, unsettled).await
    }

    pub(in crate::lifecycle) fn instance(&self) -> Option<&InstanceId> {
        self.instance.get()
    }

    pub(in crate::lifecycle) fn host_key(&self) -> &PublicKey {
        self.login.host_key()
    }

    pub(in crate::lifecycle) fn tags(&self) -> &HostTags {
        &self.tags
    }

    pub(in crate::lifecycle) fn login(&self) -> &Login {
        &self.login
    }
}

/// What only makes sense of a VPS that is ordered.
fn refuse_choices(spec: &HostSpec) -> Result<()> {
    for (what, value) in [
        ("plan", &spec.plan),
        ("region", &spec.region),
        ("os", &spec.os),
    ] {
        if value.is_some() {
            return Err(Error::new(
                ErrorKind::Invalid,
                format!("a machine that is there has its {what} already; leave the {what} out"),
            ));
        }
    }
    if spec.exposure.is_some() {
        return Err(Error::new(
            ErrorKind::Invalid,
            "the firewall of a machine that is there is its owner's; leave out who may reach it",
        ));
    }
    if let HostOrigin::InstanceSnapshot(_) = spec.origin {
        return Err(Error::new(
            ErrorKind::Invalid,
            "a machine that is there has its disk already; begin with the snapshot of a host instead",
        ));
    }
    Ok(())
}

fn take_command(engine: &Engine, host_id: &HostId, runtime: Runtime) -> Result<String> {
    let settings = &engine.settings;
    let parts = BootstrapParts::new(
        &settings.docker_source,
        settings.apt_lock_timeout,
        settings.docker_install_timeout,
    )?
    .with_runtime(runtime)
    .adopted();
    let script = format!("{}{}", include_str!("take-machine.sh"), parts.start);
    Ok(join([
        "sh",
        "-c",
        &script,
        "take-machine",
        host_id.as_str(),
        &engine.data_dir.vps_key().public().openssh(),
        &parts.settings,
        &parts.report,
        &parts.script,
        &parts.unit,
        &parts.docker_config,
    ]))
}

async fn take(root: Arc<dyn Transport>, command: String) -> Result<()> {
    let output = root.run(&command, b"").await?;
    output
        .success(
            ErrorKind::Bootstrap,
            "bringing our key and bootstrap to the machine",
        )
        .map(drop)
}
