use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::docker::parse_pressure;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{IdlePolicy, Pressure, Timestamp};
use crate::store::StopMark;

/// What keeps a host's container up, or what stopped it: the answer of the watcher on the VPS, from
/// its own log. `Display` says it in words.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Why {
    /// The policy that the watcher goes by.
    pub policy: IdlePolicy,
    /// Whether the watcher runs. Where it does not, nothing is stopped.
    pub watching: bool,
    /// When it looked last, by the VPS's clock, as all times here.
    pub looked_at: Option<Timestamp>,
    /// What the container was doing then: Docker's word, `absent` or `unknown`.
    pub container: String,
    /// The window that is open; `None` when the container does not run.
    pub window: Option<WhyWindow>,
    /// What holds the container up: `keep_alive`, the name of a mode, or `policy`. `None` when
    /// nothing does.
    pub held_by: Option<String>,
    /// About that, or about what the watcher did last, in its own words.
    pub text: String,
    /// What was looked at, at the end of the last window if none is open.
    pub signals: Vec<IdleSignal>,
    /// Who stopped the container, where somebody did and nobody has started it since.
    pub stopped: Option<StopMark>,
    /// What the container has run out of since it was started, and disks that are full.
    pub pressures: Vec<Pressure>,
    /// What the watcher decided, the oldest first: some two hundred events.
    pub events: Vec<IdleEvent>,
}

/// An open window.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct WhyWindow {
    /// When it was opened.
    pub opened_at: Timestamp,
    /// When the container is stopped at the earliest if nothing happens; `None` while it is held.
    pub closes_at: Option<Timestamp>,
}

/// Something that the watcher looks at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct IdleSignal {
    /// `keep_alive`, `ssh`, `io`, `cpu`, `run` or `custom`.
    pub name: String,
    /// What it said when it was looked at last.
    pub state: SignalState,
    /// The same in words.
    pub value: String,
    /// When it was active last in this window; `None` when it was not.
    pub last_active: Option<Timestamp>,
    /// Whether the policy goes by it. The others are for those who look for a better policy.
    pub decides: bool,
}

/// What a signal says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum SignalState {
    /// The container is in use.
    Active,
    /// It is not.
    Idle,
    /// It cannot be read. That never stops anything.
    #[serde(other)]
    Unknown,
}

/// Something that the watcher decided or saw.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct IdleEvent {
    /// When.
    pub at: Timestamp,
    /// `started`, `opened`, `held`, `quiet`, `stopping`, `stopped`, `stop_failed` or `ended`.
    pub event: String,
    /// In words.
    pub text: String,
}

impl Why {
    /// Reads what `why.sh` prints. Lines that cannot be read are passed over: a log may end in the
    /// middle of one.
    pub(super) fn parse(lines: &str) -> Result<Self> {
        let mut policy = None;
        let mut watching = false;
        let mut stopped = None;
        let mut pressures = Vec::new();
        let mut container = None;
        let mut log: Vec<Line> = Vec::new();
        let mut now = None;
        for (kind, text) in lines.lines().filter_map(|line| line.split_once('\t')) {
            match kind {
                "unit" => watching = text == "active",
                "policy" => policy = serde_json::from_str(text).ok(),
                "log" => log.extend(serde_json::from_str::<Line>(text)),
                "now" => now = serde_json::from_str::<Line>(text).ok(),
                "pressure" => pressures.extend(parse_pressure(text)),
                "container" => container = Some(text.to_owned()),
                "stop" => stopped = serde_json::from_str(text).ok(),
                _ => {}
            }
        }
        let policy: IdlePolicy = policy.ok_or_else(no_watcher)?;
        // None from its start until its first look.
        let mut last = now.unwrap_or_else(|| Line {
            container: "unknown".to_owned(),
            ..Line::default()
        });
        // Of a container that has ended since that look, Docker knows.
        if let Some(container) = container.filter(|container| container != "running") {
            last = Line {
                at: last.at,
                container,
                ..Line::default()
            };
        }
        let with_signals = Some(&last)
            .filter(|line| !line.signals.is_empty())
            .or_else(|| log.iter().rfind(|line| !line.signals.is_empty()));
        let signals = with_signals.map_or_else(Vec::new, |line| line.signals(&policy));
        Ok(Self {
            watching,
            looked_at: last.at(),
            window: last.window(&policy),
            signals,
            events: log.iter().filter_map(Line::event).collect(),
            stopped: stopped.filter(|_| last.container != "running"),
            container: last.container,
            held_by: last.held_by,
            text: last.text,
            pressures,
            policy,
        })
    }
}

fn no_watcher() -> Error {
    Error::new(
        ErrorKind::State,
        "no idle policy is in place on the VPS; set one",
    )
}

/// A line of the watcher's. Times are seconds before `at`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Line {
    at: i64,
    event: String,
    container: String,
    window: Option<f64>,
    quiet: f64,
    held_by: Option<String>,
    text: String,
    signals: Vec<LineSignal>,
}

#[derive(Clone, Debug, Deserialize)]
struct LineSignal {
    name: String,
    state: SignalState,
    value: String,
    active_before: Option<f64>,
}

impl Line {
    fn at(&self) -> Option<Timestamp> {
        Timestamp::from_unix_seconds(self.at).filter(|_| self.at > 0)
    }

    fn before(&self, seconds: f64) -> Option<Timestamp> {
        Timestamp::from_unix_seconds(self.at.saturating_sub(seconds.round() as i64))
    }

    fn window(&self, policy: &IdlePolicy) -> Option<WhyWindow> {
        let opened_at = self.before(self.window?)?;
        let quiet = Duration::try_from_secs_f64(self.quiet).ok()?;
        let left = policy.idle_timeout().saturating_sub(quiet);
        let closes_at = self.at().map(|at| at.plus(left));
        Some(WhyWindow {
            opened_at,
            closes_at: closes_at.filter(|_| self.held_by.is_none()),
        })
    }

    fn signals(&self, policy: &IdlePolicy) -> Vec<IdleSignal> {
        let signal = |signal: &LineSignal| IdleSignal {
            name: signal.name.clone(),
            state: signal.state,
            value: signal.value.clone(),
            last_active: signal.active_before.and_then(|ago| self.before(ago)),
            decides: signal.name == "keep_alive" || signal.name == policy.mode().name(),
        };
        self.signals.iter().map(signal).collect()
    }

    fn event(&self) -> Option<IdleEvent> {
        Some(IdleEvent {
            at: self.at()?,
            event: self.event.clone(),
            text: self.text.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const POLICY: &str = "policy\t{\"mode\":\"ssh\",\"idle_timeout\":20}\n";

    #[test]
    fn without_a_policy_there_is_no_watcher() {
        let error = Why::parse("unit\tinactive\n").expect_err("no policy");
        assert_eq!(error.kind(), ErrorKind::State);
    }

    #[test]
    fn what_a_later_watcher_tells_is_read_as_far_as_it_is_known() {
        let line = "now\t{\"at\":1000,\"container\":\"running\",\"window\":30.5,\"quiet\":5,\"new\":[1],\
            \"signals\":[{\"name\":\"gpu\",\"state\":\"warm\",\"active_before\":7,\"value\":\"\"}]}\n";
        let why = Why::parse(&format!("{POLICY}{line}log\t{{half\n")).expect("readable");
        assert_eq!(why.signals[0].state, SignalState::Unknown);
        assert!(!why.signals[0].decides);
        let window = why.window.expect("open");
        let unix = |time: Option<Timestamp>| time.map(Timestamp::unix_seconds);
        assert_eq!(unix(why.signals[0].last_active), Some(993));
        assert_eq!(unix(window.closes_at), Some(1015));
    }

    #[test]
    fn a_container_that_has_ended_since_the_last_look_is_not_running() {
        let look = "now\t{\"at\":1000,\"container\":\"running\",\"window\":30,\"quiet\":5}\n";
        let stop = "stop\t{\"schema_version\":1,\"at\":\"2026-01-01T00:00:00Z\",\"by\":\"client\",\"reason\":\"so\"}\n";
        let why = |container| {
            let lines = format!("{POLICY}{look}{stop}container\t{container}\n");
            Why::parse(&lines).expect("readable")
        };
        let ended = why("exited");
        assert_eq!((ended.window, ended.container.as_str()), (None, "exited"));
        assert_eq!(ended.stopped.expect("by somebody").by, "client");
        let runs = why("running");
        assert!(runs.window.is_some() && runs.stopped.is_none());
    }

    proptest! {
        #[test]
        fn garbage_is_passed_over(
            lines in prop::collection::vec(prop_oneof![
                any::<String>(),
                "(unit|policy|log|now|stop|container|pressure)\t.*",
                "(log|now)\t\\{\"at\":-?[0-9]{1,20},\"window\":-?[0-9]{1,20}(e[0-9]{1,3})?,\"quiet\":-?[0-9]{1,30}\\}",
            ], 0..8),
        ) {
            let why = Why::parse(&format!("{}\n{POLICY}", lines.join("\n"))).expect("a policy");
            let _ = (why.to_string(), serde_json::to_string(&why));
        }
    }
}
