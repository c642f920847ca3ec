//! The order of a droplet and what becomes of it. In a file of its own, as the answer 202 says neither
//! that there will be a droplet nor that it is in its project.

use vps_docker_core::model::{Instance, InstanceSpec, InstanceState};
use vps_docker_core::{Error, ErrorKind, Result};

use crate::account::{Account, Order};
use crate::wire::{ActionStatus, Actions, DropletStatus, OrderBody, PER_PAGE};
use crate::{actions, convert, project};

/// Sends the order, once.
///
/// <https://docs.digitalocean.com/reference/api/reference/droplets/#droplets_create>
pub(crate) async fn create(account: &Account, spec: &InstanceSpec) -> Result<Instance> {
    let body = convert::order(spec)?;
    let project = project::to_join(account).await?;
    let request = account
        .api
        .post("create_instance", ["droplets"])
        .hiding(&spec.user_data)
        .body(&body);
    let answer: OrderBody = match request.json().await {
        Ok(answer) => answer,
        Err(error) => {
            // Such as `512190 are invalid key identifiers for Droplet creation`: somebody deleted it.
            if error.kind() == ErrorKind::Invalid && error.to_string().contains(" key") {
                account.keys.doubt().await;
            }
            return Err(error);
        }
    };
    let id = answer.droplet.id;
    let mut instance = convert::instance(&answer.droplet);
    if instance.tags.is_empty() {
        // They are put on after it is made, or are not ours to read.
        instance.tags.clone_from(&spec.tags);
    }
    let links = &answer.links.actions;
    let action = links
        .iter()
        .find(|link| link.rel == "create")
        .or(links.first());
    let order = Order {
        instance: instance.clone(),
        action: action.map(|link| link.id),
    };
    account.orders.remember(id, order);
    if let Some(project) = project {
        project::join(account, project, id).await;
    }
    Ok(instance)
}

/// The thorough look at one droplet: one that is not running yet may have an errand that failed, and one
/// that is gone may have gone by that.
pub(crate) async fn look(account: &Account, id: u64) -> Result<Instance> {
    let droplet = match account.droplet(id).await {
        Ok(droplet) => droplet,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return vanished(account, id, error).await;
        }
        Err(error) => return Err(error),
    };
    let mut instance = convert::instance(&droplet);
    if droplet.status != DropletStatus::New {
        account.orders.forget(id);
    } else if let Some(action) = failed_create(account, id).await? {
        fail(
            &mut instance,
            &format!("DigitalOcean could not create the droplet (action {action})"),
        );
    }
    Ok(instance)
}

/// <https://docs.digitalocean.com/reference/api/reference/droplet-actions/#dropletActions_list>
async fn failed_create(account: &Account, id: u64) -> Result<Option<u64>> {
    let path = ["droplets", &id.to_string(), "actions"];
    // A droplet this young has a handful.
    let request = account
        .api
        .get("instance", path)
        .query("per_page", PER_PAGE);
    let actions = match request.json::<Actions>().await {
        Ok(page) => crate::wire::ListPage::into_page(page, 1).items,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let failed = actions
        .into_iter()
        .find(|action| action.kind == "create" && action.status == ActionStatus::Errored);
    Ok(failed.map(|action| action.id))
}

/// What to say of a droplet that is not there. One that was ordered by us and never seen running was either
/// not made, or cannot be seen yet.
async fn vanished(account: &Account, id: u64, error: Error) -> Result<Instance> {
    let Some(order) = account.orders.find(id) else {
        return Err(error);
    };
    let mut instance = order.instance;
    let status = match order.action {
        Some(action) => match actions::status(account, id, action).await {
            Ok(status) => Some(status),
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        },
        None => None,
    };
    match status {
        Some(ActionStatus::InProgress) => Ok(instance),
        Some(ActionStatus::Completed) => {
            account.orders.forget(id);
            Err(error)
        }
        Some(ActionStatus::Errored | ActionStatus::Unknown(_)) | None => {
            let note = "the droplet was ordered and is not there any more: DigitalOcean could not create \
                        it, or somebody destroyed it";
            fail(&mut instance, note);
            Ok(instance)
        }
    }
}

fn fail(instance: &mut Instance, note: &str) {
    instance.state = InstanceState::Failed;
    instance.note = Some(note.to_owned());
}
