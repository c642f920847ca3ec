//! `cargo xtask`: sets this machine up, shows the demo, checks and tests.
//!
//! One file per command. Every external command is echoed before it runs, so that whatever goes
//! wrong can be repeated by hand.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a tool for people at a terminal"
)]

mod audit;
mod bench;
mod check;
mod clean;
mod command;
mod demo;
mod engine;
mod fuzz;
mod privilege;
mod sbom;
mod setup;
mod stages;
mod terraform;
mod test;
mod tidy;

use std::fmt;
use std::path::PathBuf;
use std::process::ExitCode;

const HELP: &str = "\
cargo xtask COMMAND [ARGUMENTS]

  demo [ARGUMENTS]     set this machine up, then create a host, use it and destroy it;
                       the arguments go to the example `create_host` (try `demo --help`)
  test [--quick]       set this machine up, then run all checks and all tests;
                       --quick leaves out those that boot a VPS; `-- ARGS` go to the test runner
  setup                install and start what the local provider and the tests need (Debian, Ubuntu)
  check                formatting, lints, documentation, licences, our own rules; changes nothing
  bench [NAME]         run one measurement; without a name: list them
  fuzz [TARGET] [--seconds N]
                       libFuzzer on one target, or on all, each for N seconds (60); needs cargo-fuzz
  audit                what cargo-deny finds in what we depend on, advisories included
  sbom [--target T]    write what is linked into the program as CycloneDX JSON below target/sbom/
  clean [--images]     remove everything labelled `vps-docker` from this machine's Docker engine:
                       containers, volumes, networks, and with --images the images too

New here? `cargo xtask demo` needs no account and costs nothing.
Exit codes: 0 done, 1 failed, 2 wrong usage; `demo` passes on those of the example.";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match dispatch(&arguments) {
        Ok(code) => ExitCode::from(code),
        Err(error) if error.is::<Usage>() => {
            eprintln!("error: {error}\n\n{HELP}");
            ExitCode::from(2)
        }
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(arguments: &[String]) -> anyhow::Result<u8> {
    let Some((name, rest)) = arguments.split_first() else {
        return Err(usage("which command?"));
    };
    let wants_help = rest
        .iter()
        .take_while(|argument| *argument != "--")
        .any(|argument| argument == "--help" || argument == "-h");
    if matches!(name.as_str(), "help" | "--help" | "-h") || (wants_help && name != "demo") {
        println!("{HELP}");
        return Ok(0);
    }
    match name.as_str() {
        "demo" => return demo::run(rest),
        "test" => test::run(rest)?,
        "setup" => {
            setup::run(rest)?;
            terraform::provide()?;
        }
        "check" => check::run(rest)?,
        "bench" => bench::run(rest)?,
        "fuzz" => fuzz::run(rest)?,
        "audit" => audit::run(rest)?,
        "sbom" => sbom::run(rest)?,
        "clean" => clean::run(rest)?,
        unknown => return Err(usage(format!("there is no command {unknown:?}"))),
    }
    Ok(0)
}

/// The command line was wrong: the help is shown and the exit code is 2.
#[derive(Debug)]
struct Usage(String);

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Usage {}

fn usage(message: impl Into<String>) -> anyhow::Error {
    Usage(message.into()).into()
}

/// The workspace's root directory.
fn root() -> PathBuf {
    // Several clones may share one target directory: what cargo says at run time is about the
    // clone we stand in.
    let ours = std::env::var("CARGO_MANIFEST_DIR")
        .unwrap_or_else(|_| env!("CARGO_MANIFEST_DIR").to_owned());
    let mut root = PathBuf::from(ours);
    root.pop();
    root
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<String> {
        line.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn wrong_commands_are_wrong_usage() {
        for line in [
            "",
            "tset",
            "clean everything",
            "check --fast",
            "test --slow",
            "audit everything",
            "fuzz --seconds soon",
            "sbom --everything",
        ] {
            let error = dispatch(&words(line)).expect_err(line);
            assert!(error.is::<Usage>(), "{line}: {error}");
        }
    }

    #[test]
    fn help_is_help_everywhere_and_runs_nothing() {
        for line in ["help", "--help", "setup --help", "clean -h", "test --help"] {
            assert_eq!(dispatch(&words(line)).expect(line), 0);
        }
    }
}
