use std::sync::Arc;

use tokio::time::Instant;

use super::engine::Engine;
use super::host::Doors;
use super::locate::{self, Located};
use super::look::Look;
use super::{Host, rename, trust};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{HostName, HostState, Instance, InstanceState};
use crate::ssh::{Connection, TransportExt};

/// Finds a host by what this side knows of it, or by its tags.
#[tracing::instrument(name = "host", skip_all, fields(host = %name))]
pub(super) async fn host(engine: &Arc<Engine>, name: &HostName) -> Result<Host> {
    let find = async {
        let located = locate::by_name(engine, name).await?;
        let host = visit(engine, located).await?;
        if host.info().name == *name {
            return Ok(host);
        }
        let renamed = format!("the host is called {} now", host.info().name);
        host.close().await;
        Err(Error::new(ErrorKind::NotFound, renamed))
    };
    find.await
        .map_err(|error| error.with_host(name).with_operation("host"))
}

/// Connects to a host and looks at it. One that does not answer is a host all the same.
pub(super) async fn visit(engine: &Arc<Engine>, mut located: Located) -> Result<Host> {
    let unanswered = |located: Located, state| {
        let doors = Doors::new(engine, &engine.entry(&located.name), &located.known);
        Host::unanswered(engine, &located.name, located.known, doors, state)
    };
    if let Some(state) = without_asking(&located.instance) {
        return Ok(unanswered(located, state));
    }
    let vps = match log_in(engine, &mut located).await {
        Ok(vps) => vps,
        Err(error) if matches!(error.kind(), ErrorKind::Unreachable | ErrorKind::Timeout) => {
            tracing::info!(%error, "the VPS does not answer");
            let host = unanswered(located, HostState::Unreachable);
            return Ok(host.with_trouble(None, Some(error)));
        }
        Err(error) => return Err(error.with_instance(&located.instance.id)),
    };
    let look = Look::parse(vps.run(&Look::command(), b"").await?)?;
    let (state, problem) = look.state();
    let stop = look.contents.stop.clone();
    let pressures = look.pressures.clone();
    let Some(record) = look.contents.into_record()? else {
        let none = problem.expect("a host without a record has a problem");
        return Err(none.with_instance(&located.instance.id));
    };
    let record = if record.ready_at.is_some() {
        trust::resume(
            engine,
            &mut located,
            record,
            &vps,
            state == HostState::Running,
        )
        .await
    } else {
        record
    };
    rename::follow(engine, &located, &record).await;
    let entry = engine.entry(&record.name);
    let known = located.known.with_record(&record);
    let doors = Doors::new(engine, &entry, &known).with_record(&record);
    doors.pin_container(&entry)?;
    let mut host = Host::found(engine, record, known, doors, state, vps);
    host.pressures = pressures;
    Ok(host.with_trouble(stop, problem))
}

/// The pinned connection to the VPS, by the key that it has got meanwhile where the pinned one names that.
async fn log_in(engine: &Engine, located: &mut Located) -> Result<Arc<Connection>> {
    let limit = engine.settings.ssh_connect_timeout;
    let entry = engine.entry(&located.name);
    let doors = Doors::new(engine, &entry, &located.known);
    match engine.connect(&doors.vps, limit, false).await {
        Err(error) if error.kind() == ErrorKind::HostKeyMismatch => {
            trust::follow(engine, located, error, Instant::now() + limit).await?;
            let doors = Doors::new(engine, &entry, &located.known);
            engine.connect(&doors.vps, limit, false).await
        }
        connected => connected,
    }
}

/// What an instance is doing that the provider says is not running: nobody would answer there.
pub(super) fn without_asking(instance: &Instance) -> Option<HostState> {
    match instance.state {
        InstanceState::Stopped => Some(HostState::Parked),
        InstanceState::Destroying => Some(HostState::Destroying),
        InstanceState::Failed => Some(HostState::Failed),
        _ => None,
    }
}
