use std::time::Duration;

use tokio::time::{Instant, sleep_until, timeout_at};

use super::retry::RetryPolicy;
use crate::error::{Error, ErrorKind, Result};

/// The longest pause between two looks.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Waits for what a provider has only promised: asks until there is an answer, with pauses that grow
/// from the policy's first one. Passing faults are asked over. Cancel-safe.
///
/// # Errors
/// The first error that no retry helps; [`ErrorKind::Timeout`] when `patience` is at its end, with `what`
/// was waited for.
pub async fn wait_until<T, A>(
    what: &str,
    patience: Duration,
    policy: &RetryPolicy,
    mut ask: impl FnMut() -> A,
) -> Result<T>
where
    A: Future<Output = Result<Option<T>>>,
{
    let deadline = Instant::now() + patience;
    let mut pause = policy.first_pause;
    let mut fault = None;
    loop {
        match timeout_at(deadline, ask()).await {
            Ok(Ok(Some(answer))) => return Ok(answer),
            Ok(Ok(None)) => fault = None,
            Ok(Err(error)) if error.is_retryable() => fault = Some(error),
            Ok(Err(error)) => return Err(error),
            Err(_elapsed) => {}
        }
        let next = Instant::now() + pause;
        if next >= deadline {
            let error = Error::new(
                ErrorKind::Timeout,
                format!(
                    "{what} took longer than {} s; look again later",
                    patience.as_secs()
                ),
            )
            .retryable();
            return Err(match fault {
                Some(fault) => error.with_source(fault),
                None => error,
            });
        }
        sleep_until(next).await;
        pause = (pause * 2).min(policy.longest_pause).min(LONGEST_PAUSE);
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::error::Error as _;

    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    #[tokio::test(start_paused = true)]
    async fn passing_faults_are_asked_over() {
        let policy = RetryPolicy::default();
        let asked = Cell::new(0);
        let answer = wait_until("it", MINUTE, &policy, async || {
            asked.set(asked.get() + 1);
            match asked.get() {
                1 => Ok(None),
                2 => Err(Error::new(ErrorKind::Provider, "hiccup").retryable()),
                _ => Ok(Some("done")),
            }
        });
        assert_eq!(answer.await.expect("in the end"), "done");
        assert_eq!(asked.get(), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn a_final_error_ends_the_wait() {
        let policy = RetryPolicy::default();
        let gone = async || Err::<Option<()>, _>(Error::new(ErrorKind::NotFound, "gone"));
        let waited = wait_until("it", MINUTE, &policy, gone);
        assert_eq!(waited.await.expect_err("gone").kind(), ErrorKind::NotFound);
    }

    #[tokio::test(start_paused = true)]
    async fn the_end_of_patience_tells_what_was_waited_for_and_the_last_fault() {
        let policy = RetryPolicy::default();
        let asked = Cell::new(0);
        let fault = async || {
            asked.set(asked.get() + 1);
            Err::<Option<()>, _>(Error::new(ErrorKind::Unreachable, "cut off").retryable())
        };
        let waited = wait_until("spring", MINUTE, &policy, fault);
        let error = waited.await.expect_err("never");
        assert_eq!(error.kind(), ErrorKind::Timeout);
        assert!(
            error.to_string().contains("spring took longer than 60 s"),
            "{error}"
        );
        assert!(error.source().is_some());
        assert!(
            (12..20).contains(&asked.get()),
            "often at first, then less so"
        );
    }
}
