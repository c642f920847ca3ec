use std::collections::HashMap;
use std::time::{Duration, Instant};

use anstyle::{AnsiColor, Style};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use vps_docker::{CreateEvent, Phase};

use super::Display;

/// How long a phase takes as a rule, in seconds, where the VPS has to install Docker: what the bar at the
/// bottom counts in. Only the shares matter.
const USUAL: [(Phase, u64); 11] = [
    (Phase::Plan, 1),
    (Phase::Order, 3),
    (Phase::Boot, 15),
    (Phase::Connect, 1),
    (Phase::Bootstrap, 20),
    (Phase::Rotate, 2),
    (Phase::Image, 10),
    (Phase::Sshd, 5),
    (Phase::Container, 2),
    (Phase::Door, 1),
    (Phase::Record, 1),
];

/// A line for each phase that runs, and one for the whole with the time that has gone by and is expected still.
#[derive(Debug)]
pub(super) struct Terminal {
    all: MultiProgress,
    whole: ProgressBar,
    phases: HashMap<Phase, ProgressBar>,
    began: Instant,
}

impl Terminal {
    pub(super) fn new() -> Self {
        let all = MultiProgress::with_draw_target(ProgressDrawTarget::stderr());
        let whole = all.add(ProgressBar::new(USUAL.iter().map(|(_, share)| share).sum()));
        whole.set_style(style(
            "{spinner:.cyan} {bar:30.cyan/dim} {elapsed:>4}, about {eta} to go",
        ));
        whole.enable_steady_tick(Duration::from_millis(120));
        Self {
            all,
            whole,
            phases: HashMap::new(),
            began: Instant::now(),
        }
    }

    fn begin(&mut self, phase: Phase) {
        let bar = ProgressBar::new_spinner()
            .with_style(style("{spinner:.cyan} {prefix:10} {wide_msg:.dim}"));
        let bar = self.all.insert_before(&self.whole, bar);
        bar.set_prefix(phase.name());
        bar.enable_steady_tick(Duration::from_millis(120));
        self.phases.insert(phase, bar);
    }

    fn finish(&mut self, phase: Phase, took: Duration) {
        let text = format!("{:10} {:6.1} s", phase.name(), took.as_secs_f64());
        self.leave(phase, &mark("✔", AnsiColor::Green), &text);
        let share = USUAL.iter().find(|(usual, _)| *usual == phase);
        self.whole.inc(share.map_or(1, |(_, share)| *share));
    }

    /// Puts a line in the place of a phase that does not run any more.
    fn leave(&mut self, phase: Phase, mark: &str, text: &str) {
        if let Some(bar) = self.phases.remove(&phase) {
            bar.finish_and_clear();
            self.all.remove(&bar);
            let _ = self.all.println(format!("{mark} {text}"));
        }
    }
}

impl Display for Terminal {
    fn show(&mut self, event: CreateEvent) {
        match event {
            CreateEvent::Started(phase) => self.begin(phase),
            CreateEvent::Progress(phase, text) => {
                if let Some(bar) = self.phases.get(&phase) {
                    bar.set_message(text);
                }
            }
            CreateEvent::Finished(phase, took) => self.finish(phase, took),
            CreateEvent::RollingBack => {
                self.end_phases();
                self.whole
                    .set_style(style("{spinner:.yellow} {msg} {elapsed:>4}"));
                self.whole.set_message("failed: what was made is removed");
            }
            _ => {}
        }
    }

    fn end(&mut self, well: bool) {
        self.end_phases();
        if well {
            let took = self.began.elapsed().as_secs_f64();
            let _ = self.all.println(format!("  {:10} {took:6.1} s", "ready"));
        }
        // Last: it leaves the cursor at the beginning of a line.
        self.whole.finish_and_clear();
        if well {
            anstream::eprintln!();
        }
    }
}

impl Terminal {
    fn end_phases(&mut self) {
        let mut running: Vec<Phase> = self.phases.keys().copied().collect();
        running.sort();
        for phase in running {
            self.leave(phase, &mark("✗", AnsiColor::Red), phase.name());
        }
    }
}

fn mark(sign: &str, colour: AnsiColor) -> String {
    let style = Style::new().fg_color(Some(colour.into()));
    format!("{style}{sign}{style:#}")
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).expect("the template is fit")
}
