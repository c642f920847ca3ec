use std::time::Duration;

use jiff::SignedDuration;

use crate::error::{Error, ErrorKind, Result};

/// Reads a span of time as people write it: `90s`, `15m`, `2h 30m`, `3d`. A day has 24 hours.
///
/// # Errors
/// [`ErrorKind::Invalid`] for anything else, and for one below zero.
pub fn parse_span(text: &str) -> Result<Duration> {
    let wrong = || {
        Error::new(
            ErrorKind::Invalid,
            format!("{text:?} is no span of time; write 90s, 15m, 2h30m or 3d"),
        )
    };
    let span: jiff::Span = text.trim().parse().map_err(|_| wrong())?;
    let duration: SignedDuration = span
        .to_duration(jiff::SpanRelativeTo::days_are_24_hours())
        .map_err(|_| wrong())?;
    Duration::try_from(duration).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_read_and_what_is_none_is_refused() {
        for (text, seconds) in [
            ("90s", 90),
            ("15m", 900),
            ("2h30m", 9_000),
            ("2h 30m", 9_000),
            ("3d", 259_200),
        ] {
            assert_eq!(parse_span(text).expect(text), Duration::from_secs(seconds));
        }
        for bad in ["", "12", "-5m", "soon", "1 fortnight"] {
            parse_span(bad).expect_err(bad);
        }
    }
}
