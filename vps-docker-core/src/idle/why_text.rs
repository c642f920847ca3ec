use std::fmt::{self, Write};

use super::why::{SignalState, Why};
use crate::model::printable;

/// Several lines: first what holds or what stopped the container, then a line for each signal.
impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        self.write(&mut text)?;
        // Some of it are the words of processes in the container.
        f.write_str(&printable(&text))
    }
}

impl Why {
    fn write(&self, f: &mut String) -> fmt::Result {
        match (&self.window, &self.held_by, &self.stopped) {
            (Some(_), Some(holder), _) => write!(f, "kept up by {holder}: {}", self.text)?,
            (Some(window), None, _) => {
                write!(f, "nothing keeps it up: {}", self.text)?;
                if let Some(closes_at) = window.closes_at {
                    write!(f, "; it is stopped at {closes_at} if nothing happens")?;
                }
            }
            (None, _, Some(stop)) => {
                write!(f, "stopped at {} by {}: {}", stop.at, stop.by, stop.reason)?;
            }
            (None, _, None) => write!(f, "the container is {}", self.container)?,
        }
        if !self.watching {
            write!(f, "\nthe watcher does not run: nothing is stopped")?;
        }
        for pressure in &self.pressures {
            write!(f, "\n{pressure}")?;
        }
        for signal in &self.signals {
            let state = match signal.state {
                SignalState::Active => "active",
                SignalState::Idle => "idle",
                SignalState::Unknown => "unknown",
            };
            write!(f, "\n{}: {state}, {}", signal.name, signal.value)?;
            match signal.last_active {
                Some(at) => write!(f, ", last active at {at}")?,
                None => write!(f, ", not active in this window")?,
            }
            if !signal.decides {
                write!(f, " (does not decide)")?;
            }
        }
        Ok(())
    }
}
