use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::time::Instant;

use super::ListedHost;
use crate::error::{Error, ErrorKind, Result};
use crate::lifecycle::engine::Engine;
use crate::lifecycle::find::without_asking;
use crate::lifecycle::host::Doors;
use crate::lifecycle::locate::{Located, from_tags};
use crate::lifecycle::look::Look;
use crate::lifecycle::{rename, trust};
use crate::model::{HostName, HostState, HostTags, Instance, Timestamp};
use crate::ssh::run_once;
use crate::store::KnownHost;

/// An instance that may be a host.
#[derive(Debug)]
pub(super) struct Candidate {
    pub(super) instance: Instance,
    /// What this side knows of it, and by what name.
    pub(super) known: Option<(HostName, KnownHost)>,
}

/// Asks one host what it is, by the settings' `discovery_timeout`. Whatever happens there is an
/// answer.
pub(super) async fn ask(engine: &Arc<Engine>, candidate: Candidate) -> ListedHost {
    let mut host = told_by_the_provider(engine, &candidate);
    if let Some(state) = without_asking(&candidate.instance) {
        host.state = state;
        return host;
    }
    let deadline = Instant::now() + engine.settings.discovery_timeout;
    let result = match (&candidate.known, candidate.instance.address) {
        (Some((name, known)), _) => {
            let (name, known) = (name.clone(), known.clone());
            look(
                engine,
                &mut host,
                &candidate.instance,
                name,
                known,
                deadline,
            )
            .await
        }
        (None, Some(_)) => get_to_know(engine, &mut host, &candidate.instance, deadline).await,
        (None, None) => {
            host.state = unfinished(&candidate.instance).unwrap_or(HostState::Provisioning);
            return host;
        }
    };
    if let Err(error) = result {
        host.state = match error.kind() {
            ErrorKind::State | ErrorKind::Docker => HostState::Failed,
            // sshd is not up yet, as a rule.
            _ => unfinished(&candidate.instance).unwrap_or(HostState::Unreachable),
        };
        host.problem = Some(error);
    }
    host
}

/// Before anything is asked.
fn told_by_the_provider(engine: &Engine, candidate: &Candidate) -> ListedHost {
    let instance = &candidate.instance;
    let tag = |key| instance.tag(key).map(str::to_owned);
    let known = candidate.known.as_ref();
    ListedHost {
        id: tag(HostTags::HOST).and_then(|id| id.parse().ok()),
        name: tag(HostTags::NAME)
            .or_else(|| known.map(|(name, _)| name.to_string()))
            .unwrap_or_else(|| instance.name.clone()),
        provider: engine.client.provider_name().to_owned(),
        instance_id: instance.id.clone(),
        address: instance.address,
        state: HostState::Unreachable,
        owner: tag(HostTags::OWNER).and_then(|owner| owner.parse().ok()),
        created_at: known
            .map(|(_, known)| known.created_at)
            .or(instance.created_at),
        expires_at: HostTags::from_tags(&instance.tags)
            .ok()
            .and_then(|tags| tags.expires.filter(|_| tags.ready)),
        labels: known.map_or_else(BTreeMap::new, |(_, known)| known.labels.clone()),
        vps_ssh: None,
        container_ssh: None,
        agents: Vec::new(),
        snapshots: Vec::new(),
        stopped: None,
        pressures: Vec::new(),
        problem: None,
    }
}

/// Of an instance that bears the expiry of an unfinished create.
fn unfinished(instance: &Instance) -> Option<HostState> {
    let tags = HostTags::from_tags(&instance.tags).ok()?;
    let expires = tags.expires.filter(|_| !tags.ready)?;
    Some(if expires > Timestamp::now() {
        HostState::Provisioning
    } else {
        HostState::Failed
    })
}

/// Asks a host that this side knows the key of.
async fn look(
    engine: &Engine,
    host: &mut ListedHost,
    instance: &Instance,
    name: HostName,
    mut known: KnownHost,
    deadline: Instant,
) -> Result<()> {
    let entry = engine.entry(&name);
    if let Some(address) = instance.address.filter(|address| *address != known.address) {
        known.address = address;
        entry.pin_vps(&known)?;
    }
    let doors = Doors::new(engine, &entry, &known);
    host.vps_ssh = Some(doors.vps.clone());
    host.container_ssh = Some(doors.container.clone());
    let mut located = Located {
        name,
        known,
        instance: instance.clone(),
    };
    let look = match question(&doors, deadline).await {
        Err(error) if error.kind() == ErrorKind::HostKeyMismatch => {
            trust::follow(engine, &mut located, error, deadline).await?;
            question(&Doors::new(engine, &entry, &located.known), deadline).await
        }
        answer => answer,
    }?;
    answered(engine, host, located, look).await
}

/// Asks a host that this side does not know, by the pin in its tags. It is remembered once it has let
/// us in: one that does not is somebody else's.
async fn get_to_know(
    engine: &Engine,
    host: &mut ListedHost,
    instance: &Instance,
    deadline: Instant,
) -> Result<()> {
    let known = from_tags(instance, deadline).await?;
    let pins = engine.pins_of(&known)?;
    let question = question(&Doors::new(engine, &pins.entry(), &known), deadline).await;
    let look = question.map_err(|error| match (error.kind(), &host.owner) {
        (ErrorKind::Auth, Some(owner)) if owner != engine.data_dir.owner() => {
            error.with_note(format!("the host belongs to another owner, {owner}"))
        }
        _ => error,
    })?;
    let name: HostName = host.name.parse()?;
    match engine.entry(&name).read()? {
        Some(other) if other.id != known.id => {
            return Err(Error::new(
                ErrorKind::NameTaken,
                "another host of that name is known here; rename one of them",
            ));
        }
        _ => engine.entry(&name).pin_vps(&known)?,
    }
    let located = Located {
        name,
        known,
        instance: instance.clone(),
    };
    answered(engine, host, located, look).await
}

async fn question(doors: &Doors, deadline: Instant) -> Result<Look> {
    Look::parse(run_once(&doors.vps, &Look::command(), deadline).await?)
}

/// What the host says of itself goes before what the provider says of it.
async fn answered(
    engine: &Engine,
    host: &mut ListedHost,
    located: Located,
    look: Look,
) -> Result<()> {
    (host.state, host.problem) = look.state();
    host.pressures = look.pressures;
    let mut contents = look.contents;
    if host.problem.is_none() {
        host.problem = contents.corrupt.pop();
    }
    host.agents = contents.agents;
    host.snapshots = contents.snapshots;
    host.stopped = contents.stop.filter(|_| host.state == HostState::Stopped);
    let Some(record) = contents.record else {
        if host
            .problem
            .as_ref()
            .is_some_and(|_| contents.corrupt.is_empty())
        {
            host.state = unfinished(&located.instance).unwrap_or(host.state);
        }
        return Ok(());
    };
    rename::follow(engine, &located, &record).await;
    let entry = engine.entry(&record.name);
    let doors = Doors::new(engine, &entry, &located.known).with_record(&record);
    doors.pin_container(&entry)?;
    host.id = Some(record.id);
    host.name = record.name.to_string();
    host.owner = Some(record.owner);
    host.created_at = Some(record.created_at);
    host.expires_at = record.expires_at;
    host.labels = record.labels;
    host.vps_ssh = Some(doors.vps);
    host.container_ssh = Some(doors.container);
    Ok(())
}
