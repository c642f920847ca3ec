use std::net::SocketAddr;

use tokio::time::Instant;

use super::engine::Engine;
use crate::client::VpsClientExt;
use crate::error::{Error, ErrorKind, Result};
use crate::keys::PublicKey;
use crate::model::{HostName, HostTags, Instance, Timestamp};
use crate::ssh::presented_host_key;
use crate::store::{KnownHost, SCHEMA_VERSION};

/// Where a host stands and by what key it is known.
#[derive(Clone, Debug)]
pub(super) struct Located {
    pub(super) name: HostName,
    pub(super) known: KnownHost,
    pub(super) instance: Instance,
}

/// Finds a host by what this side knows of it, else by its tags.
pub(super) async fn by_name(engine: &Engine, name: &HostName) -> Result<Located> {
    if let Some(known) = engine.entry(name).read()? {
        match engine.client.instance(&known.instance_id).await {
            Ok(instance) => return located(engine, name, known, instance),
            // Gone; another one may have the name by now.
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    let instance = the_one(engine, engine.client.instances_named(name).await?)?;
    // It may have been renamed elsewhere.
    if let Some((known_name, known)) = known_here(engine, &instance)? {
        return located(engine, &known_name, known, instance);
    }
    let deadline = Instant::now() + engine.settings.ssh_connect_timeout;
    let known = from_tags(&instance, deadline).await?;
    engine.entry(name).pin_vps(&known)?;
    located(engine, name, known, instance)
}

/// What this side knows of the host that an instance belongs to, and by what name.
pub(super) fn known_here(
    engine: &Engine,
    instance: &Instance,
) -> Result<Option<(HostName, KnownHost)>> {
    let is_it = |known: &KnownHost| instance.tag(HostTags::HOST) == Some(known.id.as_str());
    let known = engine.known_hosts()?;
    Ok(known.into_iter().find(|(_, known)| is_it(known)))
}

/// Of several instances that carry a name, ours; where none is, there must be one.
fn the_one(engine: &Engine, mut listed: Vec<Instance>) -> Result<Instance> {
    let owner = Some(engine.data_dir.owner().as_str());
    if let Some(ours) = listed
        .iter()
        .position(|instance| instance.tag(HostTags::OWNER) == owner)
    {
        return Ok(listed.swap_remove(ours));
    }
    let found = listed.len();
    match (listed.pop(), found) {
        (Some(instance), 1) => Ok(instance),
        (None, _) => Err(Error::new(
            ErrorKind::NotFound,
            "there is no host of that name",
        )),
        (Some(_), found) => Err(Error::new(
            ErrorKind::State,
            format!("{found} owners have a host of that name, and none of them is this one"),
        )),
    }
}

fn located(
    engine: &Engine,
    name: &HostName,
    mut known: KnownHost,
    instance: Instance,
) -> Result<Located> {
    if let Some(address) = instance.address.filter(|address| *address != known.address) {
        // The machine is known by its key, wherever it stands.
        known.address = address;
        engine.entry(name).pin_vps(&known)?;
    }
    engine.entry(name).settle_pins(&known)?;
    Ok(Located {
        name: name.clone(),
        known,
        instance,
    })
}

/// Gets to know an instance by the pin in its tags: the key that its sshd presents is taken only if
/// it has that fingerprint.
pub(super) async fn from_tags(instance: &Instance, deadline: Instant) -> Result<KnownHost> {
    let place = |error: Error| error.with_instance(&instance.id);
    let tags = HostTags::from_tags(&instance.tags).map_err(place)?;
    let pins: Vec<&str> = [&tags.pin, &tags.next_pin]
        .into_iter()
        .filter_map(Option::as_deref)
        .collect();
    let Some(address) = instance.address.filter(|_| !pins.is_empty()) else {
        let lacks = if pins.is_empty() {
            "its tags hold no pin of its host key"
        } else {
            "it has no address"
        };
        return Err(Error::new(
            ErrorKind::Unreachable,
            format!("the host is not known here, and {lacks}"),
        )
        .with_instance(&instance.id));
    };
    let door = (address, instance.ssh_port).into();
    let key = pinned_key(&pins, "pinned in the instance's tags is", door, deadline).await;
    Ok(KnownHost {
        schema_version: SCHEMA_VERSION,
        id: tags.host_id,
        instance_id: instance.id.clone(),
        address,
        ssh_port: instance.ssh_port,
        vps_host_key: key.map_err(place)?,
        next_vps_host_key: None,
        created_at: instance.created_at.unwrap_or_else(Timestamp::now),
        labels: std::collections::BTreeMap::new(),
    })
}

/// The key that the sshd there presents, if it has one of the pinned fingerprints. `source` tells whose
/// word they are.
pub(super) async fn pinned_key(
    pins: &[&str],
    source: &str,
    door: SocketAddr,
    deadline: Instant,
) -> Result<PublicKey> {
    let pinned: Vec<String> = pins
        .iter()
        .map(|pin| PublicKey::fingerprint_of_pin(pin))
        .collect::<Result<_>>()?;
    let key = presented_host_key(door, deadline).await?;
    if pins.contains(&key.pin().as_str()) {
        return Ok(key);
    }
    Err(Error::new(
        ErrorKind::HostKeyMismatch,
        format!(
            "{} port {} presents {}, {source} {}: this is another machine, or somebody is in \
             between; nothing was sent to it",
            door.ip(),
            door.port(),
            key.fingerprint(),
            pinned.join(" or ")
        ),
    ))
}
