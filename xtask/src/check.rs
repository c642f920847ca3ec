//! What holds without running a single test.

use anyhow::Result;

use crate::command::Cmd;
use crate::stages::Stages;
use crate::{audit, tidy, usage};

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
    match audit::is_installed() {
        true => audit::add_to(stages),
        false => stages.skip(
            "deny",
            "`cargo install cargo-deny --locked` would let it run",
        ),
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
