//! The end of a droplet and of what was made for it alone. In a file of its own, as tags and firewalls
//! are objects of the account that outlive it.
//!
//! Eight calls at least for a host that was ready: the droplet (its tags) and its firewalls are asked for, it
//! is destroyed and asked for until it is gone, one listing tells whose tags they are else, three tags go. Three for one that is gone.

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::Duration;

use vps_docker_core::http::{gone_is_success, wait_until};
use vps_docker_core::{ErrorKind, Result};

use crate::account::Account;
use crate::wire::DropletStatus;
use crate::{convert, firewall, tags};

/// For a droplet that was destroyed before it was made.
const PATIENCE: Duration = Duration::from_secs(120);

/// Destroys a droplet; idempotent. Volumes, reserved addresses and snapshots stay, of which we make the
/// last only, on purpose.
///
/// <https://docs.digitalocean.com/reference/api/reference/droplets/#droplets_destroy>
pub(crate) async fn destroy(account: &Account, id: u64) -> Result<()> {
    let (droplet, firewalls) = tokio::join!(account.droplet(id), firewall::of_droplet(account, id));
    let droplet = match droplet {
        Ok(droplet) => Some(droplet),
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    // One that was just ordered may not be seen yet.
    let order = account.orders.find(id);
    if droplet.is_none() && order.is_none() {
        let left_over = firewall::of_gone_droplet(account, id).await;
        firewall::remove(account, id, left_over).await;
        return Ok(());
    }
    delete(account, id).await?;
    let was_made = droplet
        .as_ref()
        .is_some_and(|droplet| droplet.status != DropletStatus::New);
    until_gone(account, id, was_made).await?;
    let tags = match (droplet, &order) {
        (Some(droplet), _) => droplet.tags.unwrap_or_default(),
        (None, Some(order)) => convert::encode_tags(&order.instance.tags)
            .unwrap_or_default()
            .into_iter()
            .collect(),
        (None, None) => Vec::new(),
    };
    tokio::join!(
        tags::remove_own(account, id, &tags),
        firewall::remove(account, id, firewalls),
    );
    account.orders.forget(id);
    Ok(())
}

async fn delete(account: &Account, id: u64) -> Result<()> {
    let path = ["droplets", &id.to_string()];
    gone_is_success(account.api.delete("destroy_instance", path).done().await)
}

/// The answer comes some seconds before the droplet goes; its tags, by which it is found, must not go
/// before it. One that is still being made has been known to come up in spite of its destruction, and
/// an answer to have been somebody else's: it is destroyed until it is gone.
async fn until_gone(account: &Account, id: u64, was_made: bool) -> Result<()> {
    let looks = AtomicU32::new(0);
    let ask = || async {
        match account.droplet(id).await {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Some(())),
            Err(error) => return Err(error),
            Ok(_) => {}
        }
        // One that was made goes by itself, as a rule.
        if was_made && looks.fetch_add(1, Relaxed) < 2 {
            return Ok(None);
        }
        match delete(account, id).await {
            // Something is under way there already.
            Err(error) if error.kind() == ErrorKind::Invalid => Ok(None),
            deleted => deleted.map(|()| None),
        }
    };
    wait_until("the end of the droplet", PATIENCE, &account.retry, ask).await
}
