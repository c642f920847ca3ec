use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use crate::error::Result;
use crate::model::{CreateEvent, Phase, PhaseTiming};

/// Takes the events of a create.
pub(super) type EventSink = Arc<dyn Fn(CreateEvent) + Send + Sync>;

/// Times the phases of a create and tells of them.
#[derive(Clone)]
pub(super) struct Timeline {
    began: Instant,
    sink: EventSink,
    timings: Arc<Mutex<Vec<PhaseTiming>>>,
}

impl Timeline {
    pub(super) fn new(sink: EventSink) -> Self {
        Self {
            began: Instant::now(),
            sink,
            timings: Arc::default(),
        }
    }

    /// Runs a phase. Its event of the end, and its timing, come only when it ends well.
    pub(super) async fn phase<T>(
        &self,
        phase: Phase,
        work: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        let began = Instant::now();
        self.tell(CreateEvent::Started(phase));
        let result = work
            .await
            .map_err(|error| error.with_operation(phase.name()))?;
        let took = began.elapsed();
        self.timings
            .lock()
            .expect("nobody panics while holding it")
            .push(PhaseTiming {
                name: phase,
                seconds: took.as_secs_f64(),
                started_after: (began - self.began).as_secs_f64(),
            });
        self.tell(CreateEvent::Finished(phase, took));
        Ok(result)
    }

    pub(super) fn progress(&self, phase: Phase, text: impl Into<String>) {
        self.tell(CreateEvent::Progress(phase, text.into()));
    }

    pub(super) fn tell(&self, event: CreateEvent) {
        tracing::debug!(?event, "create");
        (self.sink)(event);
    }

    /// The phases that ended, in the order of their beginning.
    pub(super) fn timings(&self) -> Vec<PhaseTiming> {
        let mut timings = self
            .timings
            .lock()
            .expect("nobody panics while holding it")
            .clone();
        timings.sort_by(|a, b| a.started_after.total_cmp(&b.started_after));
        timings
    }
}

impl fmt::Debug for Timeline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Timeline").finish_non_exhaustive()
    }
}
