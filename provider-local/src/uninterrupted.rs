//! Work in several steps that must not stop between two of them when its caller goes away.

use std::future::Future;

use tokio_util::sync::CancellationToken;
use tracing::Instrument;
use vps_docker_core::{Error, ErrorKind, Result};

/// Runs `work` as a task of its own and waits for it. When the caller drops the future the work is
/// told by its token, and goes on until it has cleaned up after itself: a request to the
/// engine that is cut off half-way may still be carried out, and nobody would know of it.
pub(crate) async fn uninterrupted<T, W, F>(work: W) -> Result<T>
where
    T: Send + 'static,
    W: FnOnce(CancellationToken) -> F,
    F: Future<Output = Result<T>> + Send + 'static,
{
    let token = CancellationToken::new();
    let _cancelled_on_drop = token.clone().drop_guard();
    let task = tokio::spawn(work(token).in_current_span());
    match task.await {
        Ok(result) => result,
        Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
        Err(error) => Err(Error::new(
            ErrorKind::Cancelled,
            "the runtime was shut down during the call",
        )
        .with_source(error)),
    }
}

/// The end of work whose caller has gone away.
pub(crate) fn check(token: &CancellationToken) -> Result<()> {
    if token.is_cancelled() {
        Err(Error::new(ErrorKind::Cancelled, "the caller gave up"))
    } else {
        Ok(())
    }
}
