use std::sync::{Arc, Mutex};

use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::engine::Engine;
use crate::error::{Error, ErrorKind, Result};

/// Something that is done elsewhere, once, in a task of its own: a create that is cancelled meanwhile
/// can still wait for its end before it removes what came of it.
#[derive(Debug, Default)]
pub(super) struct Errand {
    task: Mutex<Option<JoinHandle<()>>>,
}

impl Errand {
    /// Begins it and waits for the answer.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        engine: &Arc<Engine>,
        work: impl Future<Output = Result<T>> + Send + 'static,
    ) -> Result<T> {
        let (tell, answer) = oneshot::channel();
        let task = engine.background.spawn(async move {
            // Nobody listens when the create was cancelled.
            let _ = tell.send(work.await);
        });
        *self.task.lock().expect("nobody panics while holding it") = Some(task);
        answer.await.unwrap_or_else(|_| {
            Err(Error::new(
                ErrorKind::Provider,
                "what was asked for broke off without an answer",
            ))
        })
    }

    /// Waits until it has ended, or was never begun.
    ///
    /// # Errors
    /// [`ErrorKind::Timeout`] with these words when it goes on past `rollback_timeout`.
    pub(super) async fn settle(&self, engine: &Engine, unsettled: &str) -> Result<()> {
        let task = self
            .task
            .lock()
            .expect("nobody panics while holding it")
            .take();
        match task {
            None => Ok(()),
            Some(task) => timeout(engine.settings.rollback_timeout, task)
                .await
                .map(drop)
                .map_err(|_elapsed| Error::new(ErrorKind::Timeout, unsettled)),
        }
    }
}
