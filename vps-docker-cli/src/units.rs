//! Times and sizes as people read and write them.

use std::time::{Duration, SystemTime};

use vps_docker::model::Timestamp;

/// `3d`, `2h`, `5m`, `12s`: the largest unit that there is one of.
pub(crate) fn age(since: Timestamp) -> String {
    let since = SystemTime::from(since);
    let age = SystemTime::now().duration_since(since).unwrap_or_default();
    span(age)
}

/// A span of time in its largest unit, and the next one where the first is small.
pub(crate) fn span(span: Duration) -> String {
    let seconds = span.as_secs();
    match seconds {
        0..=119 => format!("{seconds}s"),
        120..=7_199 => format!("{}m", seconds / 60),
        7_200..=172_799 => format!("{}h", seconds / 3_600),
        _ => format!("{}d", seconds / 86_400),
    }
}

/// `512 B`, `1.5 MB`, decimal as disks and networks are.
pub(crate) fn bytes(count: u64) -> String {
    let mut value = count as f64;
    for unit in ["B", "kB", "MB", "GB"] {
        if value < 1000.0 {
            let digits = usize::from(unit != "B" && value < 10.0);
            return format!("{value:.digits$} {unit}");
        }
        value /= 1000.0;
    }
    format!("{value:.1} TB")
}

/// Reads `90s`, `15m`, `2h 30m`, `3d`, for the command line.
pub(crate) fn parse_span(text: &str) -> Result<Duration, String> {
    vps_docker::model::parse_span(text).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_read_and_written() {
        for (text, seconds, shown) in [
            ("90s", 90, "90s"),
            ("15m", 900, "15m"),
            ("2h30m", 9_000, "2h"),
            ("3d", 259_200, "3d"),
        ] {
            let span = parse_span(text).expect(text);
            assert_eq!(span, Duration::from_secs(seconds));
            assert_eq!(super::span(span), shown);
        }
    }

    #[test]
    fn sizes_have_two_or_three_digits() {
        let shown = [0, 999, 1_000, 52_400, 999_999_999, 3_200_000_000].map(bytes);
        assert_eq!(
            shown,
            ["0 B", "999 B", "1.0 kB", "52 kB", "1000 MB", "3.2 GB"]
        );
    }
}
