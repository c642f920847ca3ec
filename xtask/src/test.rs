//! All checks and all tests.

use std::path::PathBuf;

use anyhow::{Result, bail};

use crate::command::{Cmd, installed};
use crate::engine::Engine;
use crate::stages::Stages;
use crate::{check, root, setup, usage};

pub(crate) fn run(arguments: &[String]) -> Result<()> {
    let options = Options::of(arguments)?;
    let scripts = scripts(&options)?;
    let mut stages = Stages::default();
    let ready = stages.run("setup", || {
        if options.quick {
            setup::machine(&Engine::of_this_machine())
        } else {
            setup::all()
        }
    });
    if !ready {
        stages.skip("tests", "this machine is not set up");
        return stages.finish();
    }
    check::add_to(&mut stages);
    stages.run("tests", || {
        let mut commands = options.commands(installed("cargo-nextest")).into_iter();
        commands.try_for_each(|words| Cmd::cargo().args(words).run())
    });
    stages.run("doctests", || {
        Cmd::cargo()
            .args(["test", "--doc", "--workspace", "--all-features"])
            .run()
    });
    for script in scripts {
        let name = script.strip_prefix(root()).unwrap_or(&script);
        stages.run(&name.display().to_string(), || {
            Cmd::new("bash").arg(name).run()
        });
    }
    stages.finish()
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Options {
    quick: bool,
    for_the_runner: Vec<String>,
}

impl Options {
    fn of(arguments: &[String]) -> Result<Self> {
        let mut options = Self::default();
        for (index, argument) in arguments.iter().enumerate() {
            match argument.as_str() {
                "--quick" => options.quick = true,
                "--" => {
                    options.for_the_runner = arguments[index + 1..].to_vec();
                    break;
                }
                other => {
                    return Err(usage(format!(
                        "`test` does not know {other:?}; what is meant for the test runner \
                         stands behind `--`"
                    )));
                }
            }
        }
        Ok(options)
    }

    /// Cargo's words for the tests. Those that boot a VPS are the facade's `tests/`, and any whose
    /// name has `vps_` in it; `.config/nextest.toml` holds the same rule.
    fn commands(&self, nextest: bool) -> Vec<Vec<&str>> {
        let mut commands = match (nextest, self.quick) {
            (true, false) => vec![vec!["nextest", "run", "--workspace", "--all-features"]],
            (true, true) => vec![vec![
                "nextest",
                "run",
                "--workspace",
                "--all-features",
                "-E",
                "not (test(/vps_/) or (package(vps-docker) and kind(test)))",
            ]],
            // Doctests are a stage of their own.
            (false, false) => vec![vec![
                "test",
                "--workspace",
                "--all-features",
                "--all-targets",
            ]],
            (false, true) => vec![
                vec![
                    "test",
                    "--workspace",
                    "--exclude",
                    "vps-docker",
                    "--all-features",
                    "--lib",
                    "--bins",
                    "--tests",
                ],
                vec![
                    "test",
                    "-p",
                    "vps-docker",
                    "--all-features",
                    "--lib",
                    "--examples",
                ],
            ],
        };
        for command in &mut commands {
            let mut words = self.for_the_runner.iter().map(String::as_str).peekable();
            if !nextest && self.quick {
                // libtest's own words stand behind a `--` that may be there already.
                while let Some(word) = words.next_if(|word| *word != "--") {
                    command.push(word);
                }
                command.extend(["--", "--skip", "vps_"]);
                words.next();
            }
            command.extend(words);
        }
        commands
    }
}

/// The scripts among the tests, in order of name. Those that boot a VPS are called `vps-*.sh`.
fn scripts(options: &Options) -> Result<Vec<PathBuf>> {
    let directory = root().join("tests");
    if !directory.is_dir() {
        return Ok(Vec::new());
    }
    let mut scripts = Vec::new();
    for entry in std::fs::read_dir(directory)? {
        let path = entry?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
            bail!("{} has no readable name", path.display());
        };
        if name.ends_with(".sh") && !(options.quick && name.starts_with("vps-")) {
            scripts.push(path);
        }
    }
    scripts.sort();
    Ok(scripts)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(line: &str) -> Result<Options> {
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        Options::of(&words)
    }

    fn lines(line: &str, nextest: bool) -> Vec<String> {
        let options = options(line).expect(line);
        let commands = options.commands(nextest);
        commands.iter().map(|words| words.join(" ")).collect()
    }

    #[test]
    fn what_stands_behind_the_dashes_goes_to_the_runner() {
        assert_eq!(
            lines("-- keys --no-capture", true),
            ["nextest run --workspace --all-features keys --no-capture"]
        );
        assert_eq!(
            lines("-- keys -- --nocapture", false),
            ["test --workspace --all-features --all-targets keys -- --nocapture"]
        );
        options("keys").expect_err("not behind the dashes");
    }

    #[test]
    fn quick_leaves_out_what_boots_with_either_runner() {
        let nextest = lines("--quick -- keys", true);
        assert!(nextest[0].contains("not (test(/vps_/)"), "{nextest:?}");
        let cargo = lines("--quick -- keys -- --nocapture", false);
        assert_eq!(cargo.len(), 2);
        for line in &cargo {
            assert!(line.ends_with("keys -- --skip vps_ --nocapture"), "{line}");
        }
    }
}
