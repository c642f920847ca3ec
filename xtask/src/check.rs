//! What holds without running a single test.

use anyhow::{Result, bail};

use crate::command::{Cmd, installed};
use crate::stages::Stages;
use crate::{tidy, usage};

pub(crate) fn run(arguments: &[String]) -> Result<()> {
    if !arguments.is_empty() {
        return Err(usage("`check` takes no arguments"));
    }
    let mut stages = Stages::default();
    add_to(&mut stages);
    stages.finish()
}

/// Runs every check, whatever the one before it said.
pub(crate) fn add_to(stages: &mut Stages) {
    // Ours first: it takes no time.
    stages.run("tidy", tidy::run);
    // A minimal tool chain has neither; the tests need not wait for them.
    if component(stages, "fmt", "rustfmt") {
        stages.run("fmt", || {
            Cmd::cargo().args(["fmt", "--all", "--check"]).run()
        });
    }
    if component(stages, "clippy", "clippy") {
        stages.run("clippy", || {
            Cmd::cargo()
                .args(["clippy", "--workspace", "--all-targets", "--all-features"])
                .args(["--", "-D", "warnings"])
                .run()
        });
    }
    stages.run("rustdoc", || {
        Cmd::cargo()
            .env("RUSTDOCFLAGS", "-D warnings")
            .args(["doc", "--workspace", "--no-deps", "--all-features"])
            .run()
    });
    if installed("cargo-deny") || home_has("cargo-deny") {
        stages.run("deny", || {
            Cmd::cargo()
                .args(["deny", "check", "--hide-inclusion-graph"])
                .args(["bans", "licenses", "sources"])
                .run()
        });
        advisories(stages);
    } else {
        stages.skip(
            "deny",
            "`cargo install cargo-deny --locked` would let it run",
        );
    }
}

/// Whether this tool chain has a component; if not, its stage is skipped with what to do.
fn component(stages: &mut Stages, command: &str, component: &str) -> bool {
    let version = Cmd::cargo().args([command, "--version"]).output();
    let there = version.is_ok_and(|output| output.status.success());
    if !there {
        let why = format!("`rustup component add {component}` would let it run");
        stages.skip(command, &why);
    }
    there
}

/// The advisory database comes over the network: without one, say so instead of failing.
fn advisories(stages: &mut Stages) {
    let command = || Cmd::cargo().args(["deny", "check", "advisories"]);
    let output = match command().output() {
        Ok(output) => output,
        Err(error) => {
            stages.run("advisories", || Err(error));
            return;
        }
    };
    let said = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() && out_of_reach(&said) {
        stages.skip("advisories", "the advisory database is out of reach");
        return;
    }
    stages.run("advisories", || {
        eprint!("{said}");
        if !output.status.success() {
            bail!("`{}` found something", command().line());
        }
        Ok(())
    });
}

fn out_of_reach(said: &str) -> bool {
    said.contains("failed to fetch advisory database")
}

/// Whether cargo's own directory has that program: it need not be on the PATH for cargo's use.
fn home_has(program: &str) -> bool {
    std::env::home_dir().is_some_and(|home| home.join(".cargo/bin").join(program).is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_found_advisory_is_not_taken_for_a_missing_network() {
        assert!(out_of_reach(
            "[ERROR] failed to fetch advisory database https://x: timed out"
        ));
        assert!(!out_of_reach(
            "error[vulnerability]: heap overflow\nadvisories FAILED"
        ));
    }
}
