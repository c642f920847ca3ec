//! A released machine becomes an instance again. A file of its own because it is the half of a create
//! that no other provider has.
//!
//! Any released machine of the account will do, whoever released it: the account pays for all of them.
//! It must be of the same product and region, not cancelled, and installed. Nothing is bought, so no
//! consent is needed.

use std::collections::BTreeSet;

use tokio::time::{Duration, Instant, sleep_until};
use vps_docker_core::model::{Instance, InstanceState};
use vps_docker_core::{Error, ErrorKind, Result};

use crate::claim::{Claim, free};
use crate::cloud::Cloud;
use crate::convert;
use crate::create::Wanted;
use crate::wire::{Machine, Status};

/// How long a machine is waited for that is still being wiped, when there is no other: a new one would
/// cost a month at least.
const WIPE_DEADLINE: Duration = Duration::from_secs(300);
/// How often a reinstallation is sent that nobody has seen begin.
const SENDS: u32 = 2;

/// What became of the search.
#[derive(Debug)]
pub(crate) enum Reused {
    Taken(Box<Instance>),
    None {
        /// How many would do but are not ready.
        wiping: usize,
    },
}

/// Looks for a released machine and takes it.
pub(crate) async fn reuse(cloud: &Cloud, wanted: &Wanted) -> Result<Reused> {
    if !cloud.config.reuse_released {
        return Ok(Reused::None { wiping: 0 });
    }
    let deadline = Instant::now() + WIPE_DEADLINE;
    let mut lost = BTreeSet::new();
    for pause in cloud.pauses() {
        let released = cloud.released().await?;
        let fits = |machine: &&Machine| {
            machine.product_id == wanted.product
                && machine.region == wanted.region
                && free(machine).is_some()
                && !lost.contains(&machine.instance_id)
        };
        let fitting: Vec<&Machine> = released.iter().filter(fits).collect();
        let mut wiping = 0;
        for machine in fitting {
            let number = machine.instance_id;
            match readiness(&machine.status) {
                Readiness::Ready => {}
                Readiness::Soon => {
                    wiping += 1;
                    continue;
                }
                Readiness::Never => continue,
            }
            // Another create of this process is about to take it.
            let Some(_in_work) = cloud.try_work_on(number) else {
                continue;
            };
            if let Some(instance) = take(cloud, wanted, number).await? {
                return Ok(Reused::Taken(Box::new(instance)));
            }
            lost.insert(number);
        }
        let next = Instant::now() + pause;
        if wiping == 0 || next >= deadline {
            return Ok(Reused::None { wiping });
        }
        tracing::debug!(wiping, "waiting for a released machine to be wiped");
        sleep_until(next).await;
    }
    unreachable!("the pauses have no end")
}

#[derive(Debug, PartialEq, Eq)]
enum Readiness {
    Ready,
    Soon,
    Never,
}

fn readiness(status: &Status) -> Readiness {
    match status {
        Status::Running | Status::Stopped | Status::Uninstalled => Readiness::Ready,
        Status::Provisioning | Status::Installing | Status::ResetPassword => Readiness::Soon,
        _ => Readiness::Never,
    }
}

/// Takes one machine; `None` when somebody else has it.
async fn take(cloud: &Cloud, wanted: &Wanted, number: u64) -> Result<Option<Instance>> {
    let Some(claim) = Claim::stake(cloud, wanted, number).await? else {
        return Ok(None);
    };
    cloud.forget_released().await;
    // A wipe that had not shown yet may have begun since: its beginning must not pass for ours.
    let deadline = Instant::now() + WIPE_DEADLINE;
    let ready = cloud.look_until(deadline, || async {
        let machine = cloud.api.machine(number).await?;
        Ok((readiness(&machine.status) == Readiness::Ready).then_some(()))
    });
    let not_ready = match ready.await {
        Ok(Some(())) => None,
        Ok(None) => Some(still_wiping(number)),
        Err(error) => Some(error),
    };
    if let Some(error) = not_ready {
        return Err(claim.give_back(cloud, error).await);
    }
    let instance = install(cloud, wanted, claim).await?;
    if instance.is_some() {
        tracing::info!(number, "a released machine is reinstalled");
    }
    Ok(instance)
}

fn still_wiping(number: u64) -> Error {
    Error::new(
        ErrorKind::Timeout,
        format!(
            "the released machine {number} is still being wiped after {} s; try again later",
            WIPE_DEADLINE.as_secs()
        ),
    )
    .retryable()
}

/// Reinstalls a claimed machine and waits until that has begun, so that the old system is not taken for
/// the new one. A reinstallation whose outcome is unclear is sent again only after a look that shows
/// none: it wipes what is empty.
async fn install(cloud: &Cloud, wanted: &Wanted, claim: Claim) -> Result<Option<Instance>> {
    let mut sends = 0;
    loop {
        sends += 1;
        let refused = match cloud.api.reinstall(claim.number, &wanted.system()).await {
            Ok(()) => None,
            // The first one may be why the second is refused.
            Err(error) if error.is_unclear() || sends > 1 => Some(error),
            Err(error) => return Err(claim.give_back(cloud, error).await),
        };
        let begun = beginning(cloud, wanted, &claim).await;
        let seen = match begun.map_err(Error::unclear)? {
            Beginning::Lost => return Ok(None),
            Beginning::Seen(machine) => Some(machine),
            Beginning::NotSeen => None,
        };
        match (seen, refused) {
            (None, Some(_)) if sends < SENDS => {}
            (None, Some(error)) => return Err(error.unclear()),
            (Some(machine), _) => return Ok(Some(convert::instance(&machine))),
            (None, None) => {
                // Accepted, though the machine does not show it yet.
                let machine = cloud
                    .api
                    .machine(claim.number)
                    .await
                    .map_err(Error::unclear)?;
                let mut instance = convert::instance(&machine);
                instance.state = InstanceState::Provisioning;
                return Ok(Some(instance));
            }
        }
    }
}

#[derive(Debug)]
enum Beginning {
    Seen(Box<Machine>),
    NotSeen,
    /// Another name stands there: it was taken from us.
    Lost,
}

async fn beginning(cloud: &Cloud, wanted: &Wanted, claim: &Claim) -> Result<Beginning> {
    let deadline = Instant::now() + cloud.config.settle_time;
    let seen = cloud.look_until(deadline, || async {
        let machine = cloud.api.machine(claim.number).await?;
        Ok(if !claim.stands(wanted, &machine) {
            Some(Beginning::Lost)
        } else if readiness(&machine.status) != Readiness::Ready {
            Some(Beginning::Seen(Box::new(machine)))
        } else {
            None
        })
    });
    Ok(seen.await?.unwrap_or(Beginning::NotSeen))
}
