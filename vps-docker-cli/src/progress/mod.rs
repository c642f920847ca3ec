//! The progress of a create, on standard error.

mod json;
mod lines;
mod terminal;

use std::fmt::Debug;
use std::io::IsTerminal;
use std::sync::{Arc, Mutex};

use vps_docker::CreateEvent;
use vps_docker::model::printable;

use crate::cli::ProgressStyle;

/// Shows the events of one create.
#[derive(Clone, Debug)]
pub(crate) struct Progress(Arc<Mutex<Box<dyn Display>>>);

/// One way to show them.
trait Display: Debug + Send {
    /// Something happened.
    fn show(&mut self, event: CreateEvent);
    /// The create has ended, well or not.
    fn end(&mut self, _well: bool) {}
}

impl Progress {
    /// As the user asked for it.
    pub(crate) fn new(style: ProgressStyle) -> Self {
        let terminal = std::io::stderr().is_terminal();
        let display: Box<dyn Display> = match style {
            ProgressStyle::Auto if terminal => Box::new(terminal::Terminal::new()),
            ProgressStyle::Auto | ProgressStyle::Plain => Box::new(lines::Lines::new()),
            ProgressStyle::Json => Box::new(json::Json::new()),
            ProgressStyle::None => Box::new(Nothing),
        };
        Self(Arc::new(Mutex::new(display)))
    }

    /// What takes the events.
    pub(crate) fn sink(&self) -> impl Fn(CreateEvent) + Send + Sync + 'static {
        let display = Arc::clone(&self.0);
        move |event| {
            let event = match event {
                // What a build prints, say: the words of others, and one line each.
                CreateEvent::Progress(phase, text) => {
                    let text = printable(text.trim()).replace(['\n', '\t'], " ");
                    CreateEvent::Progress(phase, text)
                }
                event => event,
            };
            display.lock().expect("no display panics").show(event);
        }
    }

    /// The create has ended.
    pub(crate) fn end(&self, well: bool) {
        self.0.lock().expect("no display panics").end(well);
    }
}

#[derive(Debug)]
struct Nothing;

impl Display for Nothing {
    fn show(&mut self, _event: CreateEvent) {}
}
