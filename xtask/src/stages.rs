use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// Steps that are timed, all of them run, and summed up at the end.
#[derive(Debug, Default)]
pub(crate) struct Stages(Vec<Stage>);

#[derive(Debug)]
struct Stage {
    name: String,
    end: End,
    took: Duration,
}

#[derive(Debug)]
enum End {
    Passed,
    Failed,
    Skipped(String),
}

impl Stages {
    /// Runs one stage and says whether it passed. A failure is shown at once and counted.
    pub(crate) fn run(&mut self, name: &str, stage: impl FnOnce() -> Result<()>) -> bool {
        eprintln!("\n== {name}");
        let start = Instant::now();
        let result = stage();
        let end = match &result {
            Ok(()) => End::Passed,
            Err(error) => {
                eprintln!("error: {error:#}");
                End::Failed
            }
        };
        self.0.push(Stage {
            name: name.to_owned(),
            end,
            took: start.elapsed(),
        });
        result.is_ok()
    }

    /// Notes a stage that was left out, and why.
    pub(crate) fn skip(&mut self, name: &str, why: &str) {
        eprintln!("\n== {name}: skipped, {why}");
        self.0.push(Stage {
            name: name.to_owned(),
            end: End::Skipped(why.to_owned()),
            took: Duration::ZERO,
        });
    }

    /// Prints one line per stage and fails if any did.
    pub(crate) fn finish(self) -> Result<()> {
        eprintln!("\n{}", self.summary());
        let failed: Vec<&str> = self
            .0
            .iter()
            .filter(|stage| matches!(stage.end, End::Failed))
            .map(|stage| stage.name.as_str())
            .collect();
        if !failed.is_empty() {
            bail!("failed: {}; the reasons stand above", failed.join(", "));
        }
        Ok(())
    }

    fn summary(&self) -> String {
        let width = self.0.iter().map(|stage| stage.name.len()).max();
        let width = width.unwrap_or_default();
        let line = |stage: &Stage| {
            let (name, seconds) = (&stage.name, stage.took.as_secs_f64());
            match &stage.end {
                End::Passed => format!("  {name:width$}  passed   {seconds:7.1} s"),
                End::Failed => format!("  {name:width$}  FAILED   {seconds:7.1} s"),
                End::Skipped(why) => format!("  {name:width$}  skipped  ({why})"),
            }
        };
        self.0.iter().map(line).collect::<Vec<_>>().join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_lets_the_others_run_and_fails_the_whole() {
        let mut stages = Stages::default();
        assert!(!stages.run("first", || bail!("broken")));
        assert!(stages.run("second", || Ok(())));
        stages.skip("third", "no tool");
        let summary = stages.summary();
        assert!(summary.contains("first   FAILED"), "{summary}");
        assert!(summary.contains("second  passed"), "{summary}");
        assert!(summary.contains("third   skipped  (no tool)"), "{summary}");
        let error = stages.finish().expect_err("one failed");
        assert!(error.to_string().starts_with("failed: first;"), "{error}");
    }

    #[test]
    fn skipped_stages_do_not_fail() {
        let mut stages = Stages::default();
        stages.skip("deny", "not installed");
        stages.finish().expect("nothing failed");
    }
}
