use std::sync::Arc;

use tokio::time::Instant;

use super::container_rotation::rotate_container_key;
use super::rotation::Rotation;
use crate::error::Result;
use crate::lifecycle::engine::Engine;
use crate::lifecycle::host::Doors;
use crate::lifecycle::locate::Located;
use crate::model::{HostName, HostTags, Instance};
use crate::ssh::{Connection, presented_host_key};
use crate::store::{HostRecord, HostStore, KnownHost};

/// Brings a change of host keys to its end that was cut off, if there was one. What goes wrong is told
/// and no more: the host can be used, and the next one tries again.
pub(in crate::lifecycle) async fn resume(
    engine: &Engine,
    located: &mut Located,
    record: HostRecord,
    vps: &Arc<Connection>,
    container_runs: bool,
) -> HostRecord {
    let warn = |error| {
        tracing::warn!(host = %record.name, %error, "a change of the host key is unfinished");
    };
    if located.known.next_vps_host_key.is_some()
        || located.instance.tag(HostTags::NEXT_PIN).is_some()
    {
        match finish_rotation(engine, located, vps).await {
            Ok(known) => located.known = known,
            Err(error) => warn(error),
        }
    }
    if record.next_container_host_key.is_some() {
        let entry = engine.entry(&located.name);
        let doors = Doors::new(engine, &entry, &located.known).with_record(&record);
        let store = HostStore::new(vps.clone());
        let door = container_runs.then_some(&doors.container);
        match rotate_container_key(&store, vps, door).await {
            Ok(record) => return record,
            Err(error) => warn(error),
        }
    }
    record
}

async fn finish_rotation(
    engine: &Engine,
    located: &Located,
    vps: &Connection,
) -> Result<KnownHost> {
    let rotation = Rotation {
        engine,
        vps,
        entry: &engine.entry(&located.name),
        tags: HostTags::from_tags(&located.instance.tags)?,
    };
    rotation.run_alone(located.known.clone()).await
}

/// Follows a change of the host key that another client made or is at: where the tags name a key that
/// is not pinned here, and the VPS presents just that one, it is pinned. Where it does not, nothing
/// changes: the pins of this side stand.
pub(in crate::lifecycle) async fn follow(
    engine: &Engine,
    name: &HostName,
    known: &mut KnownHost,
    instance: &Instance,
    deadline: Instant,
) -> Result<()> {
    let pinned = [Some(&known.vps_host_key), known.next_vps_host_key.as_ref()];
    let is_pinned = |pin: &str| pinned.iter().flatten().any(|key| key.pin() == pin);
    let tags = [HostTags::PIN, HostTags::NEXT_PIN].map(|tag| instance.tag(tag));
    let is_ours = instance.tag(HostTags::HOST) == Some(known.id.as_str());
    if !is_ours || tags.into_iter().flatten().all(is_pinned) {
        return Ok(());
    }
    let door = (known.address, known.ssh_port).into();
    let presented = match presented_host_key(door, deadline).await {
        Ok(key) => key,
        // Whoever asks it next hears why.
        Err(_) => return Ok(()),
    };
    let pin = presented.pin();
    if is_pinned(&pin) {
        return Ok(());
    }
    if !tags.contains(&Some(&pin)) {
        tracing::warn!(host = %name, "neither pins nor tags name the host key that is presented");
        return Ok(());
    }
    tracing::info!(host = %name, "another client has changed the host key");
    if tags[0] == Some(&pin) {
        known.vps_host_key = presented;
        known.next_vps_host_key = None;
    } else {
        known.next_vps_host_key = Some(presented);
    }
    engine.entry(name).pin_vps(known)
}
