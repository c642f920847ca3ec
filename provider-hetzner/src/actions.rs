//! What the API starts and one has to follow: <https://docs.hetzner.cloud/reference/cloud#actions>.

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::Duration;

use vps_docker_core::http::wait_until;
use vps_docker_core::{Error, ErrorKind, Result};

use crate::client::Cloud;
use crate::error;
use crate::listing::Listing;
use crate::wire::{Action, ActionStatus};

/// How long we wait where Hetzner is at work on the same thing: a server that is being made is locked
/// for the time.
const LOCK_PATIENCE: Duration = Duration::from_secs(180);

/// In how many answers in a row an action may be missing before we take it for forgotten.
const MISSING_AT_MOST: u32 = 5;

impl Cloud {
    /// Makes a call and, as long as it is refused because Hetzner is at work on the same thing, makes it
    /// again. Only for calls that then did nothing.
    ///
    /// # Errors
    /// Those of the call.
    pub(crate) async fn unlocked<T, F, A>(&self, what: &str, call: F) -> Result<T>
    where
        F: Fn() -> A,
        A: Future<Output = Result<T>>,
    {
        // For the first answer there is no deadline here: the call may have to wait for its turn.
        let locked = match call().await {
            Err(error) if is_lock(&error) => error,
            done => return done,
        };
        let again = || async {
            match call().await {
                Err(error) if is_lock(&error) => Ok(None),
                done => Ok(Some(done)),
            }
        };
        match wait_until(what, LOCK_PATIENCE, &self.retry, again).await {
            Ok(done) => done,
            Err(_patience_is_over) => Err(locked),
        }
    }

    /// Waits until all of the actions have succeeded.
    ///
    /// # Errors
    /// What an action failed of; [`ErrorKind::Timeout`] when `patience` is over.
    pub(crate) async fn follow(
        &self,
        operation: &'static str,
        actions: Vec<Action>,
        patience: Duration,
    ) -> Result<()> {
        let here = |error: Error| error.with_operation(operation);
        let open = &still_open(&actions).map_err(here)?;
        if open.is_empty() {
            return Ok(());
        }
        let missing = &AtomicU32::new(0);
        let look = || async move {
            let answer = self.actions(operation, open).await?;
            let unfinished = still_open(&answer).map_err(here)?;
            let is_told = |id: &u64| answer.iter().any(|action| action.id == *id);
            if open.iter().all(is_told) {
                missing.store(0, Relaxed);
                return Ok(unfinished.is_empty().then_some(()));
            }
            if missing.fetch_add(1, Relaxed) < MISSING_AT_MOST {
                return Ok(None);
            }
            let forgotten = "Hetzner no longer knows what it began; see the Hetzner Console for how \
                             it ended";
            Err(here(Error::new(ErrorKind::Provider, forgotten)))
        };
        wait_until("what Hetzner began", patience, &self.retry, look)
            .await
            .map_err(here)
    }

    /// The actions of those ids: `GET /actions?id=…&id=…`, which does not page.
    async fn actions(&self, operation: &'static str, ids: &[u64]) -> Result<Vec<Action>> {
        let request = self.api.get(operation, ["actions"]);
        let request = ids
            .iter()
            .fold(request, |request, id| request.query("id", id));
        Ok(request.json::<Listing<Action>>().await?.items)
    }
}

/// Whether Hetzner is at work on the same thing, which passes; a protection does not.
fn is_lock(error: &Error) -> bool {
    error.kind() == ErrorKind::Locked && error.is_retryable()
}

/// The ids of those that are not at their end.
///
/// # Errors
/// What the first one that failed did fail of.
fn still_open(actions: &[Action]) -> Result<Vec<u64>> {
    if let Some(failed) = actions
        .iter()
        .find(|action| action.status == ActionStatus::Error)
    {
        return Err(error::of_action(failed));
    }
    let open = |action: &Action| action.status != ActionStatus::Success;
    Ok(actions
        .iter()
        .filter(|action| open(action))
        .map(|action| action.id)
        .collect())
}

/// What became of a server's first start, by all of its actions.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum FirstStart {
    /// It failed, and nothing will mend that.
    Failed(String),
    /// It goes on.
    Running,
    /// It succeeded, or nothing is known of it.
    Done,
}

/// Judges a server's actions.
pub(crate) fn first_start(actions: &[Action]) -> FirstStart {
    let of = |command: &str, status: &ActionStatus| {
        let mut all = actions.iter();
        all.find(|action| action.command == command && action.status == *status)
    };
    if let Some(failed) = of("create_server", &ActionStatus::Error) {
        return FirstStart::Failed(error::note_of_action(failed));
    }
    if of("start_server", &ActionStatus::Success).is_some() {
        return FirstStart::Done;
    }
    let goes_on = |command| of(command, &ActionStatus::Running).is_some();
    if goes_on("create_server") || goes_on("start_server") {
        return FirstStart::Running;
    }
    match of("start_server", &ActionStatus::Error) {
        Some(failed) => FirstStart::Failed(error::note_of_action(failed)),
        None => FirstStart::Done,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn actions(all: &[(&str, &str)]) -> Vec<Action> {
        let action = |(command, status): &(&str, &str)| {
            let error = (*status == "error").then(|| json!({ "code": "c", "message": "m" }));
            let json = json!({ "id": 1, "command": command, "status": status, "error": error });
            serde_json::from_value(json).expect("an action")
        };
        all.iter().map(action).collect()
    }

    #[test]
    fn a_first_start_that_failed_is_told_from_a_later_one() {
        let failed = |what: &str| FirstStart::Failed(format!("{what} failed: m (c)"));
        for (all, outcome) in [
            (&[][..], FirstStart::Done),
            (&[("create_server", "running")], FirstStart::Running),
            (&[("create_server", "error")], failed("create server")),
            (
                &[("start_server", "running"), ("create_server", "success")],
                FirstStart::Running,
            ),
            (
                &[("start_server", "error"), ("create_server", "success")],
                failed("start server"),
            ),
            (
                &[("start_server", "running"), ("start_server", "error")],
                FirstStart::Running,
            ),
            (
                &[
                    ("start_server", "error"),
                    ("stop_server", "success"),
                    ("start_server", "success"),
                ],
                FirstStart::Done,
            ),
            (&[("enable_backup", "error")], FirstStart::Done),
            (&[("create_server", "pondering")], FirstStart::Done),
        ] {
            assert_eq!(first_start(&actions(all)), outcome, "{all:?}");
        }
    }

    #[test]
    fn one_action_that_failed_fails_all() {
        let error = still_open(&actions(&[("a", "success"), ("b", "error")])).expect_err("failed");
        assert_eq!(error.provider_code(), Some("c"));
        assert_eq!(
            still_open(&actions(&[("a", "success"), ("b", "new")])).expect("open"),
            [1]
        );
    }
}
