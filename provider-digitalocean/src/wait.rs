//! Waiting for what the provider has only promised. In a file of its own, as everything that is an
//! action there is waited for.

use std::time::Duration;

use tokio::time::{Instant, sleep_until, timeout_at};
use vps_docker_core::http::RetryPolicy;
use vps_docker_core::{Error, ErrorKind, Result};

/// How often one looks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pauses {
    first: Duration,
    longest: Duration,
}

/// However patient the retries are.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

impl Pauses {
    pub(crate) fn of(policy: &RetryPolicy) -> Self {
        Self {
            first: policy.first_pause,
            longest: policy.longest_pause.min(LONGEST_PAUSE),
        }
    }

    /// Asks until there is an answer, with growing pauses. Passing faults are asked over.
    ///
    /// # Errors
    /// The first error that no retry helps; [`ErrorKind::Timeout`] at the deadline, with `what` was
    /// waited for.
    pub(crate) async fn until<T, A>(
        self,
        what: &str,
        patience: Duration,
        mut ask: impl FnMut() -> A,
    ) -> Result<T>
    where
        A: Future<Output = Result<Option<T>>>,
    {
        let deadline = Instant::now() + patience;
        let mut pause = self.first;
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
            pause = (pause * 2).min(self.longest);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    const PAUSES: Pauses = Pauses {
        first: Duration::from_secs(1),
        longest: Duration::from_secs(4),
    };

    #[tokio::test]
    async fn passing_faults_are_asked_over() {
        let pauses = Pauses {
            first: Duration::from_millis(1),
            ..PAUSES
        };
        let asked = Cell::new(0);
        let ask = || {
            asked.set(asked.get() + 1);
            let answer = match asked.get() {
                1 => Ok(None),
                2 => Err(Error::new(ErrorKind::Provider, "hiccup").retryable()),
                _ => Ok(Some("done")),
            };
            async { answer }
        };
        let answer = pauses.until("it", Duration::from_secs(60), ask).await;
        assert_eq!(answer.expect("in the end"), "done");
        assert_eq!(asked.get(), 3);
    }

    #[tokio::test]
    async fn a_final_error_ends_the_wait() {
        let ask = || async { Err::<Option<()>, _>(Error::new(ErrorKind::NotFound, "gone")) };
        let error = PAUSES
            .until("it", Duration::from_secs(60), ask)
            .await
            .expect_err("gone");
        assert_eq!(error.kind(), ErrorKind::NotFound);
    }

    #[tokio::test]
    async fn the_deadline_says_what_was_waited_for() {
        let ask = || async { Ok(None::<()>) };
        let error = PAUSES
            .until("the move", Duration::ZERO, ask)
            .await
            .expect_err("late");
        assert_eq!(error.kind(), ErrorKind::Timeout);
        assert!(
            error.to_string().contains("the move took longer than 0 s"),
            "{error}"
        );
    }
}
