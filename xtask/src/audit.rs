//! What cargo-deny finds in what we depend on. What of it needs no tool is held by `tidy` at every check.

use anyhow::{Result, bail};

use crate::command::{Cmd, cargo_has};
use crate::stages::Stages;
use crate::usage;

pub(crate) fn run(arguments: &[String]) -> Result<()> {
    if !arguments.is_empty() {
        return Err(usage("`audit` takes no arguments"));
    }
    if !is_installed() {
        bail!("cargo-deny is not installed: `cargo install cargo-deny --locked`, some minutes");
    }
    let mut stages = Stages::default();
    stages.run("deny", deny);
    // Who asks for an audit is not told that all is well when nobody has looked.
    stages.run("advisories", || match advisories()? {
        Advisories::None => Ok(()),
        Advisories::OutOfReach => bail!("{OUT_OF_REACH}: nothing was looked up"),
    });
    stages.finish()
}

pub(crate) fn is_installed() -> bool {
    cargo_has("deny")
}

/// As a part of the checks: there, advisories that cannot be had are skipped.
pub(crate) fn add_to(stages: &mut Stages) {
    stages.run("deny", deny);
    match advisories() {
        Ok(Advisories::OutOfReach) => stages.skip("advisories", OUT_OF_REACH),
        other => drop(stages.run("advisories", || other.map(drop))),
    }
}

const OUT_OF_REACH: &str = "the advisory database is out of reach";

fn deny() -> Result<()> {
    Cmd::cargo()
        .args(["deny", "check", "--hide-inclusion-graph"])
        .args(["bans", "licenses", "sources"])
        .run()
}

enum Advisories {
    None,
    OutOfReach,
}

/// The advisory database comes over the network.
fn advisories() -> Result<Advisories> {
    let command = || Cmd::cargo().args(["deny", "check", "advisories"]);
    let output = command().output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    eprint!("{said}");
    match output.status.success() {
        true => Ok(Advisories::None),
        false if is_out_of_reach(&said) => Ok(Advisories::OutOfReach),
        false => bail!("`{}` found something", command().line()),
    }
}

fn is_out_of_reach(said: &str) -> bool {
    said.contains("failed to fetch advisory database")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_found_advisory_is_not_taken_for_a_missing_network() {
        assert!(is_out_of_reach(
            "[ERROR] failed to fetch advisory database https://x: timed out"
        ));
        assert!(!is_out_of_reach(
            "error[vulnerability]: heap overflow\nadvisories FAILED"
        ));
    }
}
