//! A container that nobody uses is stopped: a systemd unit on the VPS decides, by the host's
//! [`IdlePolicy`](crate::model::IdlePolicy), and no client is needed.
//!
//! * `assets/idle-watch.sh` looks, counts, decides and logs; `assets/idle-signals.sh` is what it
//!   looks at.
//! * `install` puts them and the policy in place, which opens a new window; `open_window` opens one
//!   without a change.
//! * [`Why`] is read from the watcher's log: what keeps the container up, or what stopped it.

mod config;
mod install;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod properties;
#[cfg(test)]
mod script_tests;
mod why;
mod why_text;

pub(crate) use install::{install, open_window, why};
pub use why::{IdleEvent, IdleSignal, SignalState, Why, WhyWindow};
