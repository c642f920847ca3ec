//! The process that dies: it carries out one operation and ends itself at one step of it.

use std::collections::HashMap;
use std::fmt::{Debug, Write as _};
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};

use rustix::process::{Pid, Signal, getpid, kill_process};
use tracing::field::{Field, Visit};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;
use vps_docker::provider_local::{LocalConfig, LocalProvider};
use vps_docker::{DataDir, Settings, VpsDockerProvider};

use super::operations::{OPERATIONS, Subject};
use super::stepping_client::SteppingClient;
use crate::support::name;

/// The variable that tells the child what to do.
const ORDER: &str = "VPS_DOCKER_CRASH_CHILD";

/// What becomes of the child at its step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// SIGKILL.
    Killed,
    /// The provider answers with an error, or the SSH connections break.
    Failed,
}

/// How a child ended.
#[derive(Debug)]
pub(super) struct Run {
    /// The names of its steps, in their order.
    pub(super) steps: Vec<String>,
    /// What became of the operation; `None` when the child was killed.
    pub(super) result: Option<Result<(), String>>,
}

/// Runs the operation in a process of its own, which meets its fate at the step of that name.
pub(super) async fn run(
    data_dir: &Path,
    operation: &str,
    subject: &Subject,
    end: Option<(&str, Fate)>,
) -> Run {
    let log = tempfile::NamedTempFile::new().expect("a file");
    let (at, fate) = end.unwrap_or(("", Fate::Killed));
    let order = serde_json::json!({
        "data_dir": data_dir,
        "operation": operation,
        "names": subject.names.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "image": subject.image,
        "at": at,
        "fails": fate == Fate::Failed,
        "log": log.path(),
    });
    let mut child = tokio::process::Command::new(std::env::current_exe().expect("a path"));
    child
        .args(["--exact", "crash::child::the_process_that_dies"])
        .args(["--ignored", "--nocapture"])
        .env(ORDER, order.to_string())
        .kill_on_drop(true);
    let output = child.output().await.expect("this program");
    let text = std::fs::read_to_string(log.path()).expect("readable");
    let mut steps: Vec<String> = text.lines().map(str::to_owned).collect();
    let result = match steps.last().map(|last| last.split_once('\t')) {
        Some(Some(("done", ""))) => Some(Ok(())),
        Some(Some(("error", error))) => Some(Err(error.to_owned())),
        _ => None,
    };
    match result {
        Some(_) => drop(steps.pop()),
        None => {
            let killed = std::os::unix::process::ExitStatusExt::signal(&output.status) == Some(9);
            assert!(killed, "the child ended otherwise: {output:?}");
        }
    }
    Run { steps, result }
}

#[test]
#[ignore = "the crash tests start it, in a process of its own"]
fn the_process_that_dies() {
    let order = std::env::var(ORDER).expect("only the crash tests start this");
    let order: serde_json::Value = serde_json::from_str(&order).expect("JSON");
    let text = |key: &str| order[key].as_str().expect(key).to_owned();
    let names = order["names"].as_array().expect("names");
    let names: Vec<_> = names.iter().filter_map(|name| name.as_str()).collect();
    let subject = Subject {
        names: [name(names[0]), name(names[1])],
        image: text("image"),
    };
    let steps = Arc::new(Steps {
        replaced: [
            (text("data_dir"), ""),
            (names[0].to_owned(), "A"),
            (names[1].to_owned(), "B"),
        ],
        at: text("at"),
        fails: order["fails"] == true,
        log: OpenOptions::new()
            .append(true)
            .open(text("log"))
            .expect("made by the parent"),
        seen: Mutex::default(),
    });
    tracing_subscriber::registry()
        .with(StepLayer(Arc::clone(&steps)))
        .init();
    let client = LocalProvider::new(LocalConfig::default());
    let client = Arc::new(SteppingClient::new(client, Arc::clone(&steps)));
    let data_dir = DataDir::open(text("data_dir")).expect("opened");
    let provider = VpsDockerProvider::new(client, data_dir, Settings::default());
    let operation = OPERATIONS
        .iter()
        .find(|operation| operation.name == order["operation"])
        .expect("known");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let result = runtime.block_on((operation.run)(&provider, &subject));
    match result {
        Ok(_) => steps.note("done\t"),
        Err(error) => steps.note(&format!("error\t{error}").replace('\n', " ")),
    }
}

/// Counts the steps, and ends this process at the chosen one.
#[derive(Debug)]
pub(super) struct Steps {
    /// What differs from run to run, and what stands for it.
    replaced: [(String, &'static str); 3],
    at: String,
    fails: bool,
    log: File,
    seen: Mutex<HashMap<String, usize>>,
}

impl Steps {
    /// Says that a step was reached; does not return when it is the one to be killed at. True
    /// when it is the one to fail at.
    pub(super) fn reached(&self, step: &str) -> bool {
        let mut name = step.to_owned();
        for (text, instead) in &self.replaced {
            name = name.replace(text, instead);
        }
        if let Some((deed, _random)) = name.split_once(" /run/") {
            name = format!("{deed} /run/*");
        }
        let mut seen = self.seen.lock().expect("nobody panics while holding it");
        let times = seen.entry(name.clone()).or_default();
        *times += 1;
        if *times > 1 {
            let _ = write!(name, " ({times})");
        }
        self.note(&name);
        if name != self.at {
            return false;
        }
        if self.fails {
            cut_connections();
            return true;
        }
        kill_process(getpid(), Signal::KILL).expect("one may kill oneself");
        loop {
            std::thread::park();
        }
    }

    fn note(&self, line: &str) {
        (&self.log)
            .write_all(format!("{line}\n").as_bytes())
            .expect("written");
    }
}

/// Kills the `ssh` processes of this one: their connections break.
fn cut_connections() {
    let us = getpid().to_string();
    let found = Command::new("pgrep")
        .args(["--parent", &us, "--exact", "ssh"])
        .output()
        .expect("a pgrep program");
    for pid in String::from_utf8_lossy(&found.stdout).lines() {
        let pid = pid.parse().ok().and_then(Pid::from_raw);
        // One that has ended meanwhile is cut as well.
        let _ = kill_process(pid.expect("a process id"), Signal::KILL);
    }
}

/// Hears of the engine's own steps.
struct StepLayer(Arc<Steps>);

impl<S: tracing::Subscriber> Layer<S> for StepLayer {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        if event.metadata().target() == "vps_docker::step" {
            let mut step = Step::default();
            event.record(&mut step);
            self.0.reached(&format!("{} {}", step.deed, step.what));
        }
    }
}

#[derive(Default)]
struct Step {
    deed: String,
    what: String,
}

impl Visit for Step {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        match field.name() {
            "deed" => self.deed = format!("{value:?}"),
            _ => self.what = format!("{value:?}"),
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "deed" => value.clone_into(&mut self.deed),
            _ => value.clone_into(&mut self.what),
        }
    }
}
