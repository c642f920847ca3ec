//! The phases of a create as bars of text.

use std::fmt::Write;

use vps_docker::model::PhaseTiming;

/// Columns of the whole create.
const WIDTH: f64 = 60.0;

pub(crate) fn bars(phases: &[PhaseTiming]) -> String {
    let end = phases
        .iter()
        .map(|phase| phase.started_after + phase.seconds)
        .fold(f64::MIN_POSITIVE, f64::max);
    let column = |seconds: f64| (seconds / end * WIDTH).round() as usize;
    let mut text = String::new();
    for phase in phases {
        let from = column(phase.started_after);
        let length = (column(phase.started_after + phase.seconds) - from).max(1);
        let _ = writeln!(
            text,
            "{:10} {:7.2} s  {}{}",
            phase.name,
            phase.seconds,
            " ".repeat(from),
            "█".repeat(length),
        );
    }
    let _ = writeln!(text, "{:10} {end:7.2} s", "total");
    text
}
