use tokio::time::Instant;

use crate::error::{Error, ErrorKind, Result};
use crate::keys::PublicKey;
use crate::lifecycle::engine::Engine;
use crate::lifecycle::host::Doors;
use crate::lifecycle::locate::Located;
use crate::model::{HostId, HostTags};
use crate::ssh::{ask_certified, join};
use crate::store::KnownHost;

/// Follows a host to the key that it has got since this side saw it. Two have to say so: the tags name the new
/// key, and the old one has signed it, which `ssh` itself checks by the certificate that is shown with the
/// key. Nothing is sent to a machine that shows none.
///
/// Who has the old key can be the host for this side anyhow; by the tags he is kept from making this side pin a key
/// of his own.
///
/// # Errors
/// `mismatch`, by which the key was refused, when the host is not to be followed.
pub(in crate::lifecycle) async fn follow(
    engine: &Engine,
    located: &mut Located,
    mismatch: Error,
    deadline: Instant,
) -> Result<()> {
    let entry = engine.entry(&located.name);
    let named = named_by_tags(located);
    if named.is_empty() {
        return Err(mismatch);
    }
    let next = match certified_key(engine, &located.known, deadline).await {
        Ok(next) if named.contains(&next.pin()) => next,
        Ok(_) => return Err(mismatch),
        Err(error) => {
            tracing::info!(host = %located.name, %error, "its new key is not certified by the old one");
            return Err(mismatch.with_note(format!(
                "its tags name a key that is not pinned here: if its keys were changed more than \
                 once since this side saw it, remove {} and it is known by its tags",
                entry.directory().display()
            )));
        }
    };
    tracing::info!(host = %located.name, key = next.fingerprint(), "its old key names a new one");
    located.known.vps_host_key = next;
    located.known.next_vps_host_key = None;
    entry.pin_vps(&located.known)
}

/// The keys that the tags name and this side does not know.
fn named_by_tags(located: &Located) -> Vec<String> {
    let Ok(tags) = HostTags::from_tags(&located.instance.tags) else {
        return Vec::new();
    };
    let pins = [tags.pin, tags.next_pin].into_iter().flatten();
    let known = authorities(&located.known);
    let is_new = |pin: &String| known.iter().all(|key| key.pin() != *pin);
    pins.filter(is_new)
        .filter(|_| tags.host_id == located.known.id)
        .collect()
}

/// The key of the host, which one of the pinned keys has signed.
async fn certified_key(engine: &Engine, known: &KnownHost, deadline: Instant) -> Result<PublicKey> {
    let pins = engine.passing_entry()?;
    let name = certified_name(&known.id);
    let lines: String = authorities(known)
        .iter()
        .map(|key| key.authority_line(&name))
        .collect();
    let mut door = Doors::new(engine, &pins.entry(), known).vps;
    pins.entry().write_pins(&door.known_hosts_file, &lines)?;
    door.known_hosts = lines;
    let ask = join(["cat", "/etc/ssh/ssh_host_ed25519_key.pub"]);
    let output = ask_certified(&door, &name, &ask, deadline).await?;
    let key = output.success(ErrorKind::State, "asking the host for its key")?;
    key.parse()
}

fn authorities(known: &KnownHost) -> Vec<&PublicKey> {
    let keys = [Some(&known.vps_host_key), known.next_vps_host_key.as_ref()];
    keys.into_iter().flatten().collect()
}

/// What the VPS of a host is called in the certificate of its key, wherever it stands.
pub(super) fn certified_name(id: &HostId) -> String {
    format!("{id}.vps-docker")
}
