//! The end of an instance: its machine is wiped and released. A file of its own because the API cannot
//! delete.
//!
//! The order of the steps makes each of them safe to be the last one before a crash:
//! 1. snapshots and the firewall go: the machine is to be empty for the next host;
//! 2. the wipe: a plain image, without user data, keys or password, so nobody can log in;
//! 3. the cancellation, if asked for;
//! 4. the mark.
//!
//! An order that still waits for a person has nothing to be wiped; it is released as it is.
//!
//! Until the last one the machine is listed with the tags of its host, so that the destroy can be
//! repeated. The wipe counts when Contabo has accepted it; its end takes minutes and is not awaited.
//! Whoever takes the machine next waits for it, and wipes once more.

use tokio::time::{Duration, Instant};
use vps_docker_core::http::wait_until;
use vps_docker_core::model::{DestroyOutcome, InstanceId, InstanceState, Timestamp};
use vps_docker_core::{Error, ErrorKind, Result};

use crate::catalog;
use crate::claim::Look;
use crate::cloud::Cloud;
use crate::convert::{self, Place};
use crate::display_name::{DisplayName, Ours};
use crate::wire::{Machine, Reinstall, Status};
use crate::{firewall, snapshot, term};

/// How long a machine is waited for that is being installed just now and refuses to be wiped.
const INSTALL_DEADLINE: Duration = Duration::from_secs(300);

/// Wipes and releases the machine of an instance.
pub(crate) async fn destroy(cloud: &Cloud, id: &InstanceId) -> Result<DestroyOutcome> {
    let Ok(place) = Place::parse(id) else {
        return Ok(DestroyOutcome::Gone);
    };
    let _in_work = cloud.work_on(place.number).await;
    let mut looked = Look::now();
    let (mut machine, ours) = match look(cloud, place).await? {
        Found::Over(outcome) => return Ok(outcome),
        Found::Ours(machine, ours) => (machine, ours),
    };
    tokio::try_join!(
        snapshot::delete_all(cloud, place.number),
        firewall::remove(cloud, place.number)
    )?;
    // Nothing may be wiped but what is ours still.
    if !looked.holds(cloud) {
        looked = Look::now();
        machine = match look(cloud, place).await? {
            Found::Over(outcome) => return Ok(outcome),
            Found::Ours(machine, _) => machine,
        };
    }
    wipe(cloud, &machine).await?;
    let cancel_date = cancel(cloud, &machine).await?;
    if !looked.holds(cloud)
        && let Found::Over(outcome) = look(cloud, place).await?
    {
        return Ok(outcome);
    }
    let released = ours.released().encode();
    cloud.api.set_display_name(place.number, &released).await?;
    cloud.forget_released().await;
    tracing::info!(number = place.number, "the machine is wiped and released");
    let machine = Machine {
        cancel_date,
        ..*machine
    };
    Ok(ends(&machine, ours.period))
}

enum Found {
    /// The instance, and what stands in its display name.
    Ours(Box<Machine>, Ours),
    /// There is no such instance any more.
    Over(DestroyOutcome),
}

async fn look(cloud: &Cloud, place: Place) -> Result<Found> {
    let mut machine = match cloud.api.machine(place.number).await {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return Ok(Found::Over(DestroyOutcome::Gone));
        }
        other => other?,
    };
    match DisplayName::parse(&machine.display_name) {
        DisplayName::Ours(ours) if ours.occupancy == place.occupancy => {
            Ok(Found::Ours(Box::new(machine), ours))
        }
        DisplayName::Released(released) if released.occupancy >= place.occupancy => {
            machine.cancel_date = cancel(cloud, &machine).await?;
            Ok(Found::Over(ends(&machine, released.period)))
        }
        // The machine is another instance by now, which pays for it.
        DisplayName::Ours(_) | DisplayName::Released(_) => Ok(Found::Over(DestroyOutcome::Gone)),
        DisplayName::Foreign(text) => Err(Error::new(
            ErrorKind::State,
            format!(
                "the machine's display name {text:?} does not say that it is ours, so it is not \
                 wiped; if it may be, name it {:?} at https://my.contabo.com, and the next create \
                 will wipe it",
                crate::display_name::RELEASED
            ),
        )
        .with_instance(&place.id())),
    }
}

fn ends(machine: &Machine, period: u32) -> DestroyOutcome {
    DestroyOutcome::EndsAt(term::end(machine, period, Timestamp::now()))
}

/// Cancels the contract, if that is wanted and was not done. The cancel date, or none.
async fn cancel(cloud: &Cloud, machine: &Machine) -> Result<String> {
    if !cloud.config.cancel_on_destroy || term::is_cancelled(machine) {
        return Ok(machine.cancel_date.clone());
    }
    let refused = match cloud.api.cancel(machine.instance_id).await {
        Ok(cancelled) if !cancelled.cancel_date.is_empty() => return Ok(cancelled.cancel_date),
        Ok(_) => None,
        Err(error) => Some(error),
    };
    // It may have been carried out, or been cancelled by somebody else.
    let seen = cloud.api.machine(machine.instance_id).await;
    match (seen, refused) {
        (Ok(seen), _) if term::is_cancelled(&seen) => Ok(seen.cancel_date),
        (_, Some(error)) => Err(error),
        (Ok(seen), None) => Ok(seen.cancel_date),
        (Err(error), None) => Err(error),
    }
}

/// Reinstalls the machine with the image that it has, else the default one.
async fn wipe(cloud: &Cloud, machine: &Machine) -> Result<()> {
    let number = machine.instance_id;
    let deadline = Instant::now() + INSTALL_DEADLINE;
    let own = machine.image_id.clone().filter(|id| !id.is_empty());
    let mut is_own = own.is_some();
    let mut was_installing = is_installing(machine);
    let mut image = match own {
        Some(image) => image,
        None => catalog::default_image(&cloud.api.images().await?)?,
    };
    loop {
        let plain = Reinstall {
            image_id: &image,
            ssh_keys: &[],
            user_data: "",
            default_user: crate::create::LOGIN,
        };
        let Err(error) = cloud.api.reinstall(number, &plain).await else {
            return Ok(());
        };
        let seen = cloud.api.machine(number).await?;
        if error.is_unclear() {
            // Seen to have begun it was carried out; else the destroy is repeated by whoever asked.
            let has_begun = !was_installing && is_installing(&seen);
            return if has_begun { Ok(()) } else { Err(error) };
        }
        if is_installing(&seen) {
            wait_for_installation(cloud, number, deadline, error).await?;
            was_installing = false;
        } else if convert::state(&seen).0 == InstanceState::AwaitsPerson {
            // Nothing was ever installed. Once somebody has acted it is, and the next create wipes that.
            tracing::warn!(number, %error, "a machine that waits for a person is not wiped");
            return Ok(());
        } else if is_own && matches!(error.kind(), ErrorKind::Invalid | ErrorKind::NotFound) {
            // The image may have been withdrawn.
            image = catalog::default_image(&cloud.api.images().await?)?;
            is_own = false;
        } else if term::is_cancelled(&seen) {
            tracing::warn!(number, %error, "a cancelled machine is not wiped any more");
            return Ok(());
        } else {
            return Err(error.with_note(
                "the machine was not wiped, so it is not released: destroy the host again later, \
                 or cancel the machine at https://my.contabo.com",
            ));
        }
    }
}

fn is_installing(machine: &Machine) -> bool {
    matches!(machine.status, Status::Installing | Status::Provisioning)
}

/// Waits until the machine can be wiped; at the deadline, the error.
async fn wait_for_installation(
    cloud: &Cloud,
    number: u64,
    deadline: Instant,
    error: Error,
) -> Result<()> {
    let patience = deadline.saturating_duration_since(Instant::now());
    let what = "the installation of the machine";
    let installed = wait_until(what, patience, &cloud.config.retry, || async {
        let machine = cloud.api.machine(number).await?;
        Ok((!is_installing(&machine)).then_some(()))
    });
    match installed.await {
        Err(late) if late.kind() == ErrorKind::Timeout => Err(Error::new(
            ErrorKind::Locked,
            "Contabo is still installing the machine and does not let it be wiped meanwhile; \
             destroy the host again later",
        )
        .with_source(error)
        .retryable()),
        other => other,
    }
}
