use std::sync::Arc;

use super::Host;
use super::engine::Engine;
use super::locate::Located;
use super::plan::check_name_free;
use crate::docker::RENAME_CONTAINER;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{HostName, HostTags};
use crate::ssh::{TransportExt, join};
use crate::store::{HostRecord, HostStore};

/// Renames a host. The one step that counts is the write of the record; everything else that bears
/// the name follows it, and what a rename that was cut off did not get to, the next one to look at
/// the host [makes good](follow).
pub(super) async fn rename(engine: &Arc<Engine>, host: &mut Host, new: &HostName) -> Result<()> {
    let old = host.info().name.clone();
    if old == *new {
        return Ok(());
    }
    let provider = engine.client.provider_name();
    // Held, so that nobody creates a host of that name meanwhile.
    let place = engine.data_dir.journal().open(provider, new)?;
    if place.entry().is_some() {
        return Err(Error::new(
            ErrorKind::NameTaken,
            format!("an interrupted create has the name {new}; create or destroy that host first"),
        ));
    }
    check_name_free(engine, new).await?;
    let vps = host.vps().await?;
    let store = HostStore::new(vps.clone());
    let record = store.update(|record| record.name = new.clone()).await?;
    let located = host.located(engine.client.instance(&host.info().instance_id).await?);
    let command = join([
        "sh",
        "-c",
        RENAME_CONTAINER,
        "rename-container",
        new.as_str(),
    ]);
    let (set, ()) = tokio::join!(vps.run(&command, b""), follow(engine, &located, &record));
    let set = set.and_then(|output| output.success(ErrorKind::Docker, "setting the host name"));
    if let Err(error) = set {
        // It is what a prompt shows, no more.
        tracing::warn!(%error, "the VPS keeps its host name");
    }
    host.take_record(record)
}

/// Makes tags, provider and this side bear the name that the record has. A failure is no reason not
/// to see the host: it is tried again whenever somebody looks.
pub(super) async fn follow(engine: &Engine, located: &Located, record: &HostRecord) {
    let name = &record.name;
    let instance = &located.instance;
    let capabilities = engine.client.capabilities();
    // One by one: a rename may have been cut off between the two.
    if capabilities.set_tags && instance.tag(HostTags::NAME) != Some(name.as_str()) {
        let mut tags = instance.tags.clone();
        tags.insert(HostTags::NAME.to_owned(), name.to_string());
        warn("tags", engine.client.set_tags(&instance.id, &tags).await);
    }
    if capabilities.rename && instance.name != name.as_str() {
        let renamed = engine.client.rename_instance(&instance.id, name.as_str());
        warn("instance", renamed.await);
    }
    if located.name != *name {
        let moved = engine.entry(&located.name).rename(&engine.entry(name));
        warn("entry on this side", moved);
    }
    let known = located.known.with_record(record);
    if known != located.known || located.name != *name {
        warn("entry on this side", engine.entry(name).pin_vps(&known));
    }
}

fn warn(what: &str, result: Result<()>) {
    if let Err(error) = result {
        tracing::warn!(%error, "a host's {what} cannot be brought up to date");
    }
}
