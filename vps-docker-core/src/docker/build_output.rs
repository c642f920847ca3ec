use std::collections::VecDeque;
use std::fmt;

use secrecy::{ExposeSecret, SecretString};

/// A shorter line of a secret is found in too many innocent places.
const SHORTEST: usize = 6;

/// Takes what is secret out of the output of a build that prints it.
#[derive(Clone, Default)]
pub(super) struct Redaction {
    lines: Vec<SecretString>,
}

impl fmt::Debug for Redaction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Redaction(…)")
    }
}

impl Redaction {
    /// From now on every line of this secret is taken out.
    pub(super) fn add(&mut self, secret: &[u8]) {
        let text = String::from_utf8_lossy(secret);
        let lines = text.lines().map(str::trim);
        let lines = lines.filter(|line| line.len() >= SHORTEST);
        self.lines.extend(lines.map(SecretString::from));
    }

    pub(super) fn redact(&self, line: &str) -> String {
        let hide =
            |text: String, secret: &SecretString| text.replace(secret.expose_secret(), "***");
        self.lines.iter().fold(line.to_owned(), hide)
    }
}

/// The step that a build stopped at, as the last lines of its output tell it.
pub(super) fn failing_step(last: &VecDeque<String>) -> Option<String> {
    last.iter().rev().find_map(|line| {
        // BuildKit quotes the failing step in the end, as ` > [stage 2/3] RUN …:`.
        let quoted = line.trim_start().strip_prefix("> [");
        if let Some(step) = quoted {
            return Some(format!("step [{}", step.trim_end_matches(':')));
        }
        let step = line.strip_prefix("Step ")?;
        Some(format!("step {step}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_builders_say_where_they_stopped() {
        let lines = |text: &str| text.lines().map(str::to_owned).collect::<VecDeque<_>>();
        let classic = lines("Step 1/2 : FROM a\n ---> 1\nStep 2/2 : RUN false\nThe command failed");
        assert_eq!(failing_step(&classic).expect("one"), "step 2/2 : RUN false");
        let buildkit =
            lines("#5 [2/3] RUN true\n------\n > [3/3] RUN false:\n------\nexit code: 1");
        assert_eq!(
            failing_step(&buildkit).expect("one"),
            "step [3/3] RUN false"
        );
        assert_eq!(failing_step(&lines("no such thing")), None);
    }

    #[test]
    fn what_is_secret_is_taken_out_of_every_line() {
        let mut redaction = Redaction::default();
        redaction.add(b"first-line\nabc\n  second line \n");
        assert_eq!(
            redaction.redact("a first-line, second line abc"),
            "a ***, *** abc"
        );
        assert!(!format!("{redaction:?}").contains("first"));
    }
}
