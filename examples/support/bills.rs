//! What goes on to be paid for after a destroy.

use std::fmt::Write;

use vps_docker::Destroyed;
use vps_docker::model::DestroyOutcome;

pub(crate) fn text(destroyed: &Destroyed) -> String {
    let mut text = String::new();
    for outcome in &destroyed.outcomes {
        if let DestroyOutcome::EndsAt(time) = outcome {
            let _ = write!(text, "; its contract is paid for until {time}");
        }
    }
    text
}
