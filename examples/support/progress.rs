//! Progress of a create on standard error: a spinner per phase on a terminal, plain lines else.

use std::collections::HashMap;
use std::io::IsTerminal;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use vps_docker::{CreateEvent, Phase};

pub(crate) struct Progress(Arc<Mutex<Display>>);

enum Display {
    Terminal {
        all: MultiProgress,
        phases: HashMap<Phase, ProgressBar>,
    },
    Lines {
        began: Instant,
    },
}

impl Progress {
    pub(crate) fn new() -> Self {
        let display = if std::io::stderr().is_terminal() {
            Display::Terminal {
                all: MultiProgress::new(),
                phases: HashMap::new(),
            }
        } else {
            Display::Lines {
                began: Instant::now(),
            }
        };
        Self(Arc::new(Mutex::new(display)))
    }

    pub(crate) fn sink(&self) -> impl Fn(CreateEvent) + Send + Sync + 'static {
        let display = Arc::clone(&self.0);
        move |event| display.lock().expect("no printer panics").show(event)
    }

    /// Stops the spinners of phases that did not end.
    pub(crate) fn finish(&self) {
        if let Display::Terminal { phases, .. } = &*self.0.lock().expect("no printer panics") {
            for bar in phases.values().filter(|bar| !bar.is_finished()) {
                bar.abandon();
            }
        }
    }
}

impl Display {
    fn show(&mut self, event: CreateEvent) {
        match self {
            Self::Terminal { all, phases } => show_on_terminal(all, phases, event),
            Self::Lines { began } => show_line(began.elapsed(), &event),
        }
    }
}

fn show_on_terminal(
    all: &MultiProgress,
    phases: &mut HashMap<Phase, ProgressBar>,
    event: CreateEvent,
) {
    match event {
        CreateEvent::Started(phase) => {
            let bar = all.add(ProgressBar::new_spinner());
            let style = ProgressStyle::with_template("{spinner} {prefix:10} {elapsed:>4} {msg}");
            bar.set_style(style.expect("the template is fit"));
            bar.set_prefix(phase.name());
            bar.enable_steady_tick(Duration::from_millis(100));
            phases.insert(phase, bar);
        }
        CreateEvent::Progress(phase, text) => {
            if let Some(bar) = phases.get(&phase) {
                bar.set_message(text);
            }
        }
        CreateEvent::Finished(phase, took) => {
            if let Some(bar) = phases.get(&phase) {
                bar.finish_with_message(format!("done in {:.2} s", took.as_secs_f64()));
            }
        }
        CreateEvent::RollingBack => {
            let _ = all.println("failed: removing what was made");
        }
        _ => {}
    }
}

fn show_line(elapsed: Duration, event: &CreateEvent) {
    let text = match event {
        CreateEvent::Started(phase) => format!("{phase:10} …"),
        CreateEvent::Progress(phase, text) => format!("{phase:10} {text}"),
        CreateEvent::Finished(phase, took) => {
            format!("{phase:10} done in {:.2} s", took.as_secs_f64())
        }
        CreateEvent::RollingBack => "failed: removing what was made".to_owned(),
        _ => return,
    };
    eprintln!("{:7.2} s  {text}", elapsed.as_secs_f64());
}
