//! What a replace tells while it goes on.

use std::sync::{Arc, Mutex};

use tokio::sync::Notify;
use vps_docker::{CreateEvent, Phase};

/// What was told.
#[derive(Clone, Default)]
pub(super) struct Events(Arc<Mutex<Vec<CreateEvent>>>);

impl Events {
    pub(super) fn sink(&self) -> impl Fn(CreateEvent) + Send + Sync + 'static {
        let events = Arc::clone(&self.0);
        move |event| events.lock().expect("whole").push(event)
    }

    /// Tells `reached` of the beginning of the phase.
    pub(super) fn notifying(
        &self,
        phase: Phase,
        reached: Arc<Notify>,
    ) -> impl Fn(CreateEvent) + Send + Sync + 'static {
        let sink = self.sink();
        move |event| {
            if matches!(&event, CreateEvent::Started(started) if *started == phase) {
                reached.notify_one();
            }
            sink(event);
        }
    }

    pub(super) fn phases(&self) -> Vec<Phase> {
        let events = self.0.lock().expect("whole");
        let finished = events.iter().filter_map(|event| match event {
            CreateEvent::Finished(phase, _) => Some(*phase),
            _ => None,
        });
        finished.collect()
    }

    pub(super) fn rolled_back(&self) -> bool {
        let events = self.0.lock().expect("whole");
        let mut events = events.iter();
        events.any(|event| matches!(event, CreateEvent::RollingBack))
    }
}
