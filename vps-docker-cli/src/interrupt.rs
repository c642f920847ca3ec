//! Ctrl-C: once takes back what was begun, twice leaves at once.

use std::future::Future;
use std::process;

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use vps_docker::{Error, ErrorKind, Result};

/// Hears SIGINT and SIGTERM from the first [`heard`](Self::heard) on.
#[derive(Clone, Debug, Default)]
pub(crate) struct Interrupt {
    once: CancellationToken,
    work: TaskTracker,
}

impl Interrupt {
    /// Ends with the first signal. `left` is said when a second one makes us leave at once.
    pub(crate) fn heard(
        &self,
        left: impl Into<String>,
    ) -> impl Future<Output = ()> + Send + 'static {
        let (once, left) = (self.once.clone(), left.into());
        tokio::spawn(listen(once.clone(), left));
        async move { once.cancelled().await }
    }

    /// Runs what may be dropped at any moment, until it ends or a signal comes.
    pub(crate) async fn or<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        let heard = self.heard("");
        tokio::select! {
            result = work => result,
            () = heard => Err(Error::new(ErrorKind::Cancelled, "interrupted")),
        }
    }

    /// Waits for what was spawned to go on behind a command.
    pub(crate) async fn settle(&self) {
        self.work.close();
        self.work.wait().await;
    }
}

async fn listen(once: CancellationToken, left: String) {
    let (Ok(mut interrupt), Ok(mut terminate)) = (
        signal(SignalKind::interrupt()),
        signal(SignalKind::terminate()),
    ) else {
        return;
    };
    let mut next = async || {
        tokio::select! { _ = interrupt.recv() => (), _ = terminate.recv() => () }
    };
    next().await;
    once.cancel();
    if left.is_empty() {
        return;
    }
    anstream::eprintln!("interrupted: what was begun is taken back; once more leaves it as it is");
    next().await;
    anstream::eprintln!("left at once: {left}");
    process::exit(130);
}
