//! Garbage: what interrupted work of this owner has left, here and at the provider.

use std::fmt;
use std::sync::Arc;

use serde::{Serialize, Serializer};
use tokio::time::Instant;

use super::destroy::remove_instance;
use super::engine::Engine;
use super::host::Doors;
use super::locate::from_tags;
use super::look::Look;
use super::rollback;
use crate::client::VpsClientExt;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{
    DestroyOutcome, HostId, HostName, HostTags, Instance, InstanceId, InstanceSnapshotName,
    SnapshotId, SnapshotName, SshKeyId, Timestamp,
};
use crate::ssh::run_once;
use crate::store::{HostRecord, JournalEntry};

/// What a search for garbage found. Nothing is removed until [`collect`](Self::collect).
#[derive(Debug)]
pub struct Garbage {
    engine: Arc<Engine>,
    found: Vec<GarbageItem>,
    snapshots_too: bool,
}

/// One thing that nobody needs any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
#[non_exhaustive]
pub enum GarbageItem {
    /// A create that died: its entry in the journal, and every instance that bears its host id.
    UnfinishedCreate {
        /// The name it was to have.
        host: HostName,
        /// Where the provider had accepted the order.
        instance_id: Option<InstanceId>,
    },
    /// An instance of this owner that was to be ready by a moment that is past, and is not.
    ExpiredInstance {
        /// The name it was to have.
        host: HostName,
        /// The provider's id.
        instance_id: InstanceId,
        /// When it was to be ready.
        expired_at: Timestamp,
    },
    /// A host of this owner whose time to live is over.
    ExpiredHost {
        /// Its name.
        host: HostName,
        /// The provider's id.
        instance_id: InstanceId,
        /// When it ended.
        expired_at: Timestamp,
    },
    /// This owner's public key at the provider, while the owner has no instance there.
    SshKey {
        /// The provider's id.
        id: SshKeyId,
    },
    /// A snapshot of an instance whose host is gone. It is billed; it may also be all that is left of
    /// the host, or a golden image: it goes only when that is asked for.
    OrphanSnapshot {
        /// The provider's id.
        id: SnapshotId,
        /// What the user called it.
        name: SnapshotName,
    },
    /// What this side remembers of a host whose instance is gone.
    ForgottenHost {
        /// Its name here.
        host: HostName,
        /// The instance that is gone.
        instance_id: InstanceId,
    },
}

/// What became of one thing.
#[derive(Debug, Serialize)]
#[non_exhaustive]
pub struct Collected {
    /// The thing.
    pub item: GarbageItem,
    /// Why it could not be removed; it is found again next time.
    #[serde(serialize_with = "text")]
    pub error: Option<Error>,
    /// Of an instance whose bill runs on, such as a contract's: until when.
    pub ends_at: Option<Timestamp>,
}

fn text<S: Serializer>(error: &Option<Error>, serializer: S) -> Result<S::Ok, S::Error> {
    error
        .as_ref()
        .map(ToString::to_string)
        .serialize(serializer)
}

impl Garbage {
    /// What was found.
    #[must_use]
    pub fn items(&self) -> &[GarbageItem] {
        &self.found
    }

    /// Snapshots whose host is gone are to be removed as well.
    #[must_use]
    pub fn snapshots_too(mut self) -> Self {
        self.snapshots_too = true;
        self
    }

    /// Only hosts whose time to live is over are to be removed.
    #[must_use]
    pub fn expired_hosts_only(mut self) -> Self {
        self.found
            .retain(|item| matches!(item, GarbageItem::ExpiredHost { .. }));
        self
    }

    /// Removes what was found, but for snapshots unless [they too](Self::snapshots_too), each after a look whether it still is garbage. Every one is tried,
    /// whatever became of those before it. Idempotent; dropped in the middle, what is left is
    /// found again.
    pub async fn collect(self) -> Vec<Collected> {
        let mut collected = Vec::with_capacity(self.found.len());
        for item in self.found {
            if matches!(item, GarbageItem::OrphanSnapshot { .. }) && !self.snapshots_too {
                continue;
            }
            let removed = remove(&self.engine, &item).await;
            let (error, ends_at) = match removed {
                Ok(DestroyOutcome::Gone) => (None, None),
                Ok(DestroyOutcome::EndsAt(time)) => (None, Some(time)),
                Err(error) => (Some(error), None),
            };
            collected.push(Collected {
                item,
                error,
                ends_at,
            });
        }
        collected
    }
}

impl fmt::Display for GarbageItem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnfinishedCreate { host, instance_id } => {
                write!(f, "the create of {host} that was interrupted")?;
                match instance_id {
                    Some(id) => write!(f, ", with the instance {id}"),
                    None => Ok(()),
                }
            }
            Self::ExpiredInstance {
                host,
                instance_id,
                expired_at,
            } => write!(
                f,
                "the instance {instance_id} of {host}, which was to be ready by {expired_at}"
            ),
            Self::ExpiredHost {
                host,
                instance_id,
                expired_at,
            } => write!(
                f,
                "the host {host} ({instance_id}), whose time to live ended at {expired_at}"
            ),
            Self::SshKey { id } => write!(f, "the SSH key {id}, which no instance of ours uses"),
            Self::OrphanSnapshot { id, name } => {
                write!(
                    f,
                    "the snapshot {name} ({id}) of an instance whose host is gone"
                )
            }
            Self::ForgottenHost { host, instance_id } => write!(
                f,
                "what is known here of {host}, whose instance {instance_id} is gone"
            ),
        }
    }
}

/// Looks for garbage of this owner and this provider. Changes nothing.
pub(super) async fn find(engine: &Arc<Engine>) -> Result<Garbage> {
    let listed = engine.client.marked_instances().await?;
    let owner = engine.data_dir.owner().as_str();
    let ours: Vec<&Instance> = listed
        .iter()
        .filter(|instance| instance.tag(HostTags::OWNER) == Some(owner))
        .collect();
    let creates = unfinished_creates(engine)?;
    let mut found = expired_instances(engine, &ours, &creates).await;
    for (name, known) in engine.known_hosts()? {
        let is_listed = listed.iter().any(|one| one.id == known.instance_id);
        if !is_listed && is_gone(engine, &known.instance_id).await? {
            found.push(GarbageItem::ForgottenHost {
                host: name,
                instance_id: known.instance_id,
            });
        }
    }
    found.extend(orphan_snapshots(engine, &listed).await?);
    if ours.is_empty() && creates.is_empty() {
        found.extend(unused_keys(engine).await?);
    }
    found.extend(dead(creates));
    Ok(Garbage {
        engine: Arc::clone(engine),
        found,
        snapshots_too: false,
    })
}

/// Of a listing, what no host is on, or will be: interrupted creates, and what was to be ready and is not. Changes
/// nothing.
pub(super) async fn leftover_instances(
    engine: &Engine,
    listed: &[Instance],
) -> Result<Vec<GarbageItem>> {
    let owner = engine.data_dir.owner().as_str();
    let ours: Vec<&Instance> = listed
        .iter()
        .filter(|instance| instance.tag(HostTags::OWNER) == Some(owner))
        .collect();
    let creates = unfinished_creates(engine)?;
    let mut found = expired_instances(engine, &ours, &creates).await;
    found.retain(|item| matches!(item, GarbageItem::ExpiredInstance { .. }));
    found.extend(dead(creates));
    Ok(found)
}

/// Those that are past their expiry, but for what a create of the journal's is about.
async fn expired_instances(
    engine: &Engine,
    ours: &[&Instance],
    creates: &[(JournalEntry, bool)],
) -> Vec<GarbageItem> {
    let mut found = Vec::new();
    for instance in ours {
        let in_journal = creates
            .iter()
            .any(|(entry, _)| instance.tag(HostTags::HOST) == Some(entry.host_id.as_str()));
        if !in_journal {
            found.extend(expired(engine, instance).await);
        }
    }
    found
}

/// Creates that nobody is at work on.
fn dead(creates: Vec<(JournalEntry, bool)>) -> impl Iterator<Item = GarbageItem> {
    let dead = creates.into_iter().filter(|(_, alive)| !alive);
    dead.map(|(entry, _)| GarbageItem::UnfinishedCreate {
        host: entry.name,
        instance_id: entry.instance_id,
    })
}

/// The journal's creates at this provider, and whether somebody is at work on each. One that was
/// ready is no garbage.
fn unfinished_creates(engine: &Engine) -> Result<Vec<(JournalEntry, bool)>> {
    let provider = engine.client.provider_name();
    let journal = engine.data_dir.journal();
    let mut creates = Vec::new();
    for entry in journal.entries()? {
        if entry.provider != provider || entry.ready {
            continue;
        }
        match journal.open(provider, &entry.name) {
            // It may have ended since the listing.
            Ok(place) => creates.extend(place.entry().cloned().map(|entry| (entry, false))),
            Err(error) if error.kind() == ErrorKind::NameTaken => creates.push((entry, true)),
            Err(error) => return Err(error),
        }
    }
    Ok(creates)
}

/// An instance past its expiry, unless its host has become ready and only the tags do not say so, or was given more
/// time and they do not say that.
async fn expired(engine: &Engine, instance: &Instance) -> Option<GarbageItem> {
    let tags = HostTags::from_tags(&instance.tags).ok()?;
    let now = Timestamp::now();
    let expired_at = tags.expires.filter(|expires| *expires < now)?;
    let (host, instance_id) = (tags.name, instance.id.clone());
    let never_ready = GarbageItem::ExpiredInstance {
        host: host.clone(),
        instance_id: instance_id.clone(),
        expired_at,
    };
    let over = |expired_at| GarbageItem::ExpiredHost {
        host: host.clone(),
        instance_id,
        expired_at,
    };
    match record_of(engine, &host, instance).await {
        Ok(Some(record)) if record.ready_at.is_some() => {
            record.expires_at.filter(|expires| *expires < now).map(over)
        }
        Ok(_) => Some(never_ready),
        // Where tags cannot be changed they say the same of every host.
        Err(_) if !engine.client.capabilities().set_tags => None,
        Err(_) if tags.ready => Some(over(expired_at)),
        Err(_) => Some(never_ready),
    }
}

/// Asks the host itself.
async fn record_of(
    engine: &Engine,
    name: &HostName,
    instance: &Instance,
) -> Result<Option<HostRecord>> {
    let deadline = Instant::now() + engine.settings.discovery_timeout;
    let entry = engine.entry(name);
    let known = match entry.read()? {
        Some(known) if known.instance_id == instance.id => known,
        _ => from_tags(instance, deadline).await?,
    };
    let directory = engine.pins_of(&known)?;
    let doors = Doors::new(engine, &directory.entry(), &known);
    let look = Look::parse(run_once(&doors.vps, &Look::command(), deadline).await?)?;
    look.contents.into_record()
}

async fn is_gone(engine: &Engine, id: &InstanceId) -> Result<bool> {
    match engine.client.instance(id).await {
        Ok(_) => Ok(false),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(true),
        Err(error) => Err(error),
    }
}

/// This owner's snapshots of instances, of hosts that no instance bears the id of.
async fn orphan_snapshots(engine: &Engine, listed: &[Instance]) -> Result<Vec<GarbageItem>> {
    if !engine.client.capabilities().snapshots {
        return Ok(Vec::new());
    }
    let owner = engine.data_dir.owner();
    let lives = |host: &HostId| {
        let mut hosts = listed.iter().map(|instance| instance.tag(HostTags::HOST));
        hosts.any(|tag| tag == Some(host.as_str()))
    };
    let snapshots = engine.client.list_snapshots().await?.into_iter();
    let orphans = snapshots.filter_map(|snapshot| {
        let name = InstanceSnapshotName::parse(&snapshot.name)?;
        (name.owner == *owner && !lives(&name.host)).then_some(GarbageItem::OrphanSnapshot {
            id: snapshot.id,
            name: name.name,
        })
    });
    Ok(orphans.collect())
}

async fn unused_keys(engine: &Engine) -> Result<Vec<GarbageItem>> {
    if !engine.client.capabilities().ssh_key_store {
        return Ok(Vec::new());
    }
    let name = engine.key_name();
    let keys = engine.client.list_ssh_keys().await?;
    let ours = keys.into_iter().filter(|key| key.name == name);
    Ok(ours.map(|key| GarbageItem::SshKey { id: key.id }).collect())
}

async fn remove(engine: &Engine, item: &GarbageItem) -> Result<DestroyOutcome> {
    match item {
        GarbageItem::UnfinishedCreate { host, .. } => {
            let provider = engine.client.provider_name();
            let place = engine.data_dir.journal().open(provider, host)?;
            match place.entry() {
                Some(left) if !left.ready => rollback::remove_all(engine, left, None).await?,
                _ => return Ok(DestroyOutcome::Gone),
            }
            place.close()?;
            Ok(DestroyOutcome::Gone)
        }
        GarbageItem::ExpiredInstance {
            host, instance_id, ..
        }
        | GarbageItem::ExpiredHost {
            host, instance_id, ..
        } => {
            let instance = match engine.client.instance(instance_id).await {
                Err(error) if error.kind() == ErrorKind::NotFound => {
                    return Ok(DestroyOutcome::Gone);
                }
                other => other?,
            };
            if expired(engine, &instance).await.is_none() {
                return Err(Error::new(
                    ErrorKind::State,
                    "the host has become ready or was given more time meanwhile, and is left as it is",
                )
                .with_instance(instance_id));
            }
            let outcome = remove_instance(engine, instance_id, None).await?;
            forget(engine, host, instance_id)?;
            Ok(outcome)
        }
        GarbageItem::SshKey { id } => {
            engine.client.delete_ssh_key(id).await?;
            Ok(DestroyOutcome::Gone)
        }
        GarbageItem::OrphanSnapshot { id, .. } => {
            engine.client.delete_snapshot(id).await?;
            Ok(DestroyOutcome::Gone)
        }
        GarbageItem::ForgottenHost { host, instance_id } => {
            forget(engine, host, instance_id)?;
            Ok(DestroyOutcome::Gone)
        }
    }
}

/// Removes what this side knows of that host, if it is that one which it knows by the name.
fn forget(engine: &Engine, host: &HostName, instance_id: &InstanceId) -> Result<()> {
    let entry = engine.entry(host);
    let known = entry.read()?;
    match known.is_some_and(|known| known.instance_id == *instance_id) {
        true => entry.remove(),
        false => Ok(()),
    }
}
