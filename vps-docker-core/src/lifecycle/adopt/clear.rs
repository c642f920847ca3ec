use std::sync::Arc;

use tokio::time::Instant;

use super::Login;
use crate::error::{ErrorKind, Result};
use crate::lifecycle::engine::Engine;
use crate::lifecycle::host::Doors;
use crate::lifecycle::locate::{from_tags, known_here};
use crate::model::{HostTags, Instance, InstanceId};
use crate::ssh::{Transport, TransportExt, join};

/// What the script ends with on a machine that another host has.
const EXIT_ANOTHERS: i32 = 65;

/// Removes from a machine what is ours, and leaves the rest, Docker too. Idempotent; a machine that
/// this side does not know any more is a success. Dropped in the middle, the machine goes on with it.
///
/// # Errors
/// `Unreachable`, `Timeout`, `Auth` and `HostKeyMismatch`: nothing was removed; else what could not
/// be removed, all of it.
pub(in crate::lifecycle) async fn clear(
    engine: &Engine,
    id: &InstanceId,
    login: Option<&Login>,
) -> Result<()> {
    let instance = match engine.client.instance(id).await {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        other => other?,
    };
    let Some(host_id) = instance.tag(HostTags::HOST) else {
        return Ok(());
    };
    let root = way_in(engine, &instance, login).await?;
    let key = engine.data_dir.vps_key().public().openssh();
    let command = join([
        "sh",
        "-c",
        include_str!("clear-machine.sh"),
        "clear-machine",
        host_id,
        &key,
    ]);
    let output = root.run(&command, b"").await?;
    if output.exit_code() == EXIT_ANOTHERS {
        // It has room for one only.
        tracing::info!(instance = %id, "the machine is another host's: nothing is left of this one");
        return Ok(());
    }
    output
        .success(ErrorKind::State, "clearing the machine")
        .map(drop)
}

/// The user's login where it is at hand, for our own key may not be there yet.
async fn way_in(
    engine: &Engine,
    instance: &Instance,
    login: Option<&Login>,
) -> Result<Arc<dyn Transport>> {
    let leads_there = |login: &&Login| {
        instance
            .address
            .is_some_and(|address| login.leads_to((address, instance.ssh_port).into()))
    };
    if let Some(login) = login.filter(leads_there) {
        return login.root(engine).await;
    }
    let limit = engine.settings.ssh_connect_timeout;
    let known = match known_here(engine, instance)? {
        Some((_, known)) => known,
        None => from_tags(instance, Instant::now() + limit).await?,
    };
    let pins = engine.pins_of(&known)?;
    let doors = Doors::new(engine, &pins.entry(), &known);
    let connection = engine.connect(&doors.vps, limit, false).await;
    Ok(connection.map_err(|error| match error.kind() {
        ErrorKind::Auth => error.with_note(
            "our key was taken off the machine, or never got there; put it into root's \
             authorized_keys to have the machine cleared",
        ),
        _ => error,
    })?)
}
