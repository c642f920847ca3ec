use std::io::Write;
use std::time::Instant;

use serde_json::{Value, json};
use vps_docker::CreateEvent;

use super::Display;

/// A JSON document a line: `event` (`started`, `progress`, `finished`, `rolling_back`, `ended`), `elapsed` in
/// seconds, and what the event is about.
#[derive(Debug)]
pub(super) struct Json {
    began: Instant,
}

impl Json {
    pub(super) fn new() -> Self {
        Self {
            began: Instant::now(),
        }
    }

    fn print(&self, mut document: Value) {
        document["elapsed"] = json!(self.began.elapsed().as_secs_f64());
        let _ = writeln!(std::io::stderr(), "{document}");
    }
}

impl Display for Json {
    fn show(&mut self, event: CreateEvent) {
        match event {
            CreateEvent::Started(phase) => self.print(json!({"event": "started", "phase": phase})),
            CreateEvent::Progress(phase, text) => {
                self.print(json!({"event": "progress", "phase": phase, "text": text}));
            }
            CreateEvent::Finished(phase, took) => {
                let seconds = took.as_secs_f64();
                self.print(json!({"event": "finished", "phase": phase, "seconds": seconds}));
            }
            CreateEvent::RollingBack => self.print(json!({"event": "rolling_back"})),
            _ => {}
        }
    }

    fn end(&mut self, well: bool) {
        self.print(json!({"event": "ended", "ok": well}));
    }
}
