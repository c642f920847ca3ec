//! Taking a released machine so that nobody else takes it, too. A file of its own because it is a
//! protocol: the API cannot change a display name on condition.
//!
//! Within this process a lock does it. Between processes, by the display name alone (Fischer's way):
//! 1. Look: the machine is still released.
//! 2. Write who takes it, within half the settle time of the look; else begin anew.
//! 3. Leave it for the whole settle time.
//! 4. Look again: who stands there has it.
//!
//! Whoever looks when it is taken keeps off; whoever looked before has written by the end of the pause,
//! and the last one stands. What remains is a write that Contabo carries out later than that, after its
//! sender has given up or died. Then two may reinstall the machine: the one whose name no longer
//! stands there when the reinstallation has begun lets go of it, and if even that look came too
//! early its host meets a host key that is not the pinned one, and fails. Nobody ever gets a machine
//! with somebody else's keys on it.

use tokio::time::{Instant, sleep, timeout};
use vps_docker_core::{Error, ErrorKind, Result};

use crate::cloud::Cloud;
use crate::create::Wanted;
use crate::display_name::{DisplayName, Released};
use crate::term;
use crate::wire::Machine;

/// How often a machine is looked at whose claim could not be written in time.
const ATTEMPTS: usize = 3;

/// A machine that bears our name.
#[derive(Debug)]
pub(crate) struct Claim {
    pub(crate) number: u64,
    /// What it was.
    released: Released,
}

impl Claim {
    /// Claims a machine; `None` when somebody else has it or it is gone. It then is listed with the
    /// tags of the host, so that whatever happens it is found by them.
    ///
    /// # Errors
    /// [`ErrorKind::Timeout`] when Contabo answers too slowly; [unclear](Error::is_unclear) where our
    /// name may stand there.
    pub(crate) async fn stake(cloud: &Cloud, wanted: &Wanted, number: u64) -> Result<Option<Self>> {
        let settle_time = cloud.config.settle_time;
        for _ in 0..ATTEMPTS {
            // What was read, in case that the writing is cut off.
            let mut read = None;
            let attempt = async {
                let machine = gone_is_none(cloud.api.machine(number).await)?;
                read = machine.as_ref().and_then(free);
                let Some(released) = &read else {
                    return Ok(());
                };
                let ours = wanted.display_name(released.occupancy, released.period);
                cloud.api.set_display_name(number, &ours.encode()?).await
            };
            let written = timeout(settle_time / 2, attempt).await;
            let Some(released) = read else {
                match written {
                    // Nothing was read in time.
                    Err(_elapsed) => continue,
                    Ok(looked) => return looked.map(|()| None),
                }
            };
            if let Ok(Err(error)) = written
                && !may_be_written(&error)
            {
                return Err(error);
            }
            sleep(settle_time).await;
            let claim = Self { number, released };
            let machine = cloud.api.machine(number).await.map_err(Error::unclear);
            let Some(machine) = gone_is_none(machine)? else {
                return Ok(None);
            };
            if claim.stands(wanted, &machine) {
                return Ok(Some(claim));
            }
            if free(&machine).is_none() {
                tracing::debug!(number, "somebody else has taken the released machine");
                return Ok(None);
            }
        }
        Err(Error::new(
            ErrorKind::Timeout,
            format!(
                "the released machine {number} could not be claimed: Contabo answers more slowly \
                 than within {} s; try again later",
                (settle_time / 2).as_secs_f32()
            ),
        )
        .unclear()
        .retryable())
    }

    /// Whether the machine still bears our name.
    pub(crate) fn stands(&self, wanted: &Wanted, machine: &Machine) -> bool {
        let ours = wanted.display_name(self.released.occupancy, self.released.period);
        DisplayName::parse(&machine.display_name) == DisplayName::Ours(ours)
    }

    /// Puts the machine back, as empty as it was found, because of that error. Where that fails, it
    /// still is to be found by its tags, which the error says.
    pub(crate) async fn give_back(self, cloud: &Cloud, error: Error) -> Error {
        let released = self.released.encode();
        let put_back = cloud.api.set_display_name(self.number, &released).await;
        cloud.forget_released().await;
        match put_back {
            Ok(()) => error,
            Err(second) => error
                .with_note(format!(
                    "the machine {} still bears the host's tags, for they could not be taken off \
                     ({second})",
                    self.number
                ))
                .unclear(),
        }
    }
}

/// A released machine whose contract goes on.
pub(crate) fn free(machine: &Machine) -> Option<Released> {
    match DisplayName::parse(&machine.display_name) {
        DisplayName::Released(released) if !term::is_cancelled(machine) => Some(released),
        _ => None,
    }
}

/// A write that was repeated may have been carried out before its last try failed.
fn may_be_written(error: &Error) -> bool {
    error.is_unclear() || error.is_retryable()
}

fn gone_is_none(result: Result<Machine>) -> Result<Option<Machine>> {
    match result {
        Ok(machine) => Ok(Some(machine)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// How long ago a machine was looked at, for whoever is about to change it: what was read holds for
/// half the settle time, as in a claim.
#[derive(Debug)]
pub(crate) struct Look(Instant);

impl Look {
    pub(crate) fn now() -> Self {
        Self(Instant::now())
    }

    pub(crate) fn holds(&self, cloud: &Cloud) -> bool {
        self.0.elapsed() < cloud.config.settle_time / 2
    }
}
