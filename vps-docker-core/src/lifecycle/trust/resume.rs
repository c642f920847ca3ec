use std::sync::Arc;

use super::container_rotation::rotate_container_key;
use super::rotation::{HandOver, Rotation};
use crate::error::Result;
use crate::lifecycle::engine::Engine;
use crate::lifecycle::host::Doors;
use crate::lifecycle::locate::Located;
use crate::model::HostTags;
use crate::ssh::Connection;
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
        // That of user_data has gone before a host is ready.
        hand_over: HandOver::Certified,
    };
    rotation.run_alone(located.known.clone()).await
}
