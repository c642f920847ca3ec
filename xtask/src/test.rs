//! All checks and all tests.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::Output;
use std::thread::JoinHandle;

use anyhow::{Result, bail};

use crate::command::{Cmd, installed};
use crate::engine::Engine;
use crate::stages::Stages;
use crate::{check, root, setup, terraform, usage};

pub(crate) fn run(arguments: &[String]) -> Result<()> {
    let options = Options::of(arguments)?;
    let scripts = scripts(&options)?;
    let mut stages = Stages::default();
    let ready = stages.run("setup", || {
        if options.quick {
            setup::machine(&Engine::of_this_machine())
        } else {
            setup::all()
        }?;
        terraform::provide()
    });
    if !ready {
        stages.skip("tests", "this machine is not set up");
        return stages.finish();
    }
    check::add_to(&mut stages);
    // Who picks tests of the runner's does not wait for minutes of others.
    let picked = !options.for_the_runner.is_empty();
    let scripts: Vec<Script> = scripts
        .into_iter()
        .map(|path| Script::start(&path, picked))
        .collect();
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
        match script.running {
            Some(running) => drop(stages.run(&script.name, || show(running))),
            None => stages.skip(&script.name, "only what was picked for the test runner"),
        }
    }
    stages.finish()
}

/// One of the scripts among the tests. It runs beside them, for both wait more than they work; what it
/// says is shown when they have ended.
struct Script {
    name: String,
    running: Option<JoinHandle<Result<Output>>>,
}

impl Script {
    fn start(path: &Path, left_out: bool) -> Self {
        let path = path.strip_prefix(root()).unwrap_or(path).to_owned();
        let name = path.display().to_string();
        let run = move || Cmd::new("bash").arg(path).output();
        let running = (!left_out).then(|| std::thread::spawn(run));
        Self { name, running }
    }
}

/// Waits for a script, and shows what it has said.
fn show(running: JoinHandle<Result<Output>>) -> Result<()> {
    let output = running.join().expect("it does not panic")?;
    io::stdout().write_all(&output.stdout)?;
    io::stderr().write_all(&output.stderr)?;
    if !output.status.success() {
        bail!("it failed ({})", output.status);
    }
    Ok(())
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

    /// Cargo's words for the tests, and those for libtest itself. A test that boots a VPS is one of
    /// the facade's `tests/e2e`, or any that has `vps_` in its name or module; `.config/nextest.toml` holds the same rule. Doctests are a stage of their own.
    fn commands(&self, nextest: bool) -> Vec<Vec<&str>> {
        let everything = ["--workspace", "--all-features"];
        let commands: Vec<(Vec<&str>, &[&str])> = match (nextest, self.quick) {
            (true, false) => vec![([&["nextest", "run"][..], &everything].concat(), &[])],
            (true, true) => {
                let quick = [
                    "-E",
                    "not (kind(test) and (binary_id(vps-docker::e2e) or test(/vps_/)))",
                ];
                vec![([&["nextest", "run"][..], &everything, &quick].concat(), &[])]
            }
            (false, false) => {
                // Not `--all-targets`: that would run the measurements.
                let targets = ["--lib", "--bins", "--examples", "--tests"];
                vec![([&["test"][..], &everything, &targets].concat(), &[])]
            }
            (false, true) => {
                let units = ["--lib", "--bins", "--examples"];
                // The units once more: `--test '*'` fails where there is no such test at all.
                let others = ["--exclude", "vps-docker", "--tests"];
                vec![
                    ([&["test"][..], &everything, &units].concat(), &[]),
                    (
                        [&["test"][..], &everything, &others].concat(),
                        &["--skip", "vps_"],
                    ),
                ]
            }
        };
        let ours: Vec<&str> = self.for_the_runner.iter().map(String::as_str).collect();
        let dashes = ours.iter().position(|word| *word == "--");
        let (for_cargo, for_libtest) = match dashes {
            Some(at) => (&ours[..at], &ours[at + 1..]),
            None => (&ours[..], &[][..]),
        };
        let join = |(mut words, last): (Vec<_>, &[_])| {
            words.extend(for_cargo);
            if !(last.is_empty() && for_libtest.is_empty()) {
                words.push("--");
            }
            words.extend(last);
            words.extend(for_libtest);
            words
        };
        commands.into_iter().map(join).collect()
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
            ["test --workspace --all-features --lib --bins --examples --tests keys -- --nocapture"]
        );
        options("keys").expect_err("not behind the dashes");
    }

    #[test]
    fn quick_leaves_out_what_boots_with_either_runner() {
        let nextest = lines("--quick -- keys", true);
        assert!(nextest[0].contains("not (kind(test) and "), "{nextest:?}");
        let cargo = lines("--quick -- keys -- --nocapture", false);
        assert!(
            cargo[0].ends_with("--examples keys -- --nocapture"),
            "{cargo:?}"
        );
        assert!(
            cargo[1].contains("--exclude vps-docker --tests keys"),
            "{cargo:?}"
        );
        assert!(
            cargo[1].ends_with("-- --skip vps_ --nocapture"),
            "{cargo:?}"
        );
    }

    #[test]
    fn measurements_are_no_tests() {
        for line in ["", "--quick"] {
            for runner in [true, false] {
                let all = lines(line, runner).join(" ");
                assert!(
                    !all.contains("--all-targets") && !all.contains("--bench"),
                    "{all}"
                );
            }
        }
    }
}
