//! Hears what is logged while something is done.

use std::fmt::{Debug, Write as _};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tracing::field::{Field, Visit};
use tracing::instrument::WithSubscriber as _;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

/// All that `work` says by `tracing`, of every level, in one text. Tasks that it spawns are not heard.
pub(super) async fn heard(work: impl Future<Output = ()>) -> String {
    let heard = Arc::new(Mutex::new(String::new()));
    let listener = Listener {
        heard: Arc::clone(&heard),
        spans: AtomicU64::new(1),
    };
    work.with_subscriber(listener).await;
    let heard = heard.lock().unwrap_or_else(PoisonError::into_inner);
    heard.clone()
}

struct Listener {
    heard: Arc<Mutex<String>>,
    spans: AtomicU64,
}

impl Listener {
    fn hear(&self, name: &str, record: impl FnOnce(&mut Words<'_>)) {
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        heard.push_str(name);
        record(&mut Words(&mut heard));
        heard.push('\n');
    }
}

impl Subscriber for Listener {
    fn enabled(&self, _metadata: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        self.hear(span.metadata().name(), |words| span.record(words));
        Id::from_u64(self.spans.fetch_add(1, Ordering::Relaxed))
    }

    fn record(&self, _span: &Id, values: &Record<'_>) {
        self.hear("…", |words| values.record(words));
    }

    fn record_follows_from(&self, _span: &Id, _follows: &Id) {}

    fn event(&self, event: &Event<'_>) {
        self.hear(event.metadata().target(), |words| event.record(words));
    }

    fn enter(&self, _span: &Id) {}

    fn exit(&self, _span: &Id) {}
}

struct Words<'a>(&'a mut String);

impl Visit for Words<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let _ = write!(self.0, " {}={value:?}", field.name());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        // As it is: quoted it might not be found.
        let _ = write!(self.0, " {}={value}", field.name());
    }
}

#[cfg(test)]
mod tests {
    use super::heard;

    #[tokio::test]
    async fn events_and_fields_of_spans_are_heard() {
        let text = heard(async {
            let span =
                tracing::trace_span!("calling", token = "told", late = tracing::field::Empty);
            span.record("late", "also told");
            tracing::debug!(spec = ?Some("a \"quoted\" one"), "sent");
        });
        let text = text.await;
        for part in ["calling token=told", "late=also told", "quoted", "sent"] {
            assert!(text.contains(part), "{part} in {text}");
        }
    }
}
