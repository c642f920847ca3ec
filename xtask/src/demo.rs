//! The first thing that people run.

use anyhow::Result;

use crate::command::Cmd;
use crate::setup;

/// Sets this machine up and runs the example; its exit code is ours.
pub(crate) fn run(arguments: &[String]) -> Result<u8> {
    // Who only asks what it can do gets no packages installed.
    let help = |argument: &String| argument == "--help" || argument == "-h";
    if !arguments.iter().any(help) {
        setup::all()?;
    }
    let status = Cmd::cargo()
        .args(["run", "--quiet", "--example", "create_host", "--"])
        .args(arguments)
        .status()?;
    // No code: a signal ended it, as Ctrl-C does.
    Ok(status
        .code()
        .and_then(|code| code.try_into().ok())
        .unwrap_or(1))
}
