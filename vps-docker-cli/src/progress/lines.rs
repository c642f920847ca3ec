use std::time::Instant;

use vps_docker::CreateEvent;

use super::Display;

/// A line for everything that happens, with the seconds since the beginning.
#[derive(Debug)]
pub(super) struct Lines {
    began: Instant,
}

impl Lines {
    pub(super) fn new() -> Self {
        Self {
            began: Instant::now(),
        }
    }
}

impl Display for Lines {
    fn show(&mut self, event: CreateEvent) {
        let text = match event {
            CreateEvent::Started(phase) => format!("{phase:10} …"),
            CreateEvent::Progress(phase, text) => format!("{phase:10} {text}"),
            CreateEvent::Finished(phase, took) => {
                format!("{phase:10} done in {:.1} s", took.as_secs_f64())
            }
            CreateEvent::RollingBack => "failed: what was made is removed".to_owned(),
            _ => return,
        };
        anstream::eprintln!("{:6.1} s  {text}", self.began.elapsed().as_secs_f64());
    }
}
