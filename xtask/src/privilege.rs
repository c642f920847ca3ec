//! The right to install and start things.

use std::io::IsTerminal;

use anyhow::{Result, bail};

use crate::command::{Cmd, installed};

/// How we become root.
#[derive(Debug)]
pub(crate) enum Root {
    Already,
    Sudo { may_ask: bool },
}

impl Root {
    pub(crate) fn obtain(we_are_root: bool) -> Result<Self> {
        if we_are_root {
            return Ok(Self::Already);
        }
        let next = "run this as root, or install sudo and allow your user to use it";
        if !installed("sudo") {
            bail!("something must be installed or started, which takes root: {next}");
        }
        if Cmd::new("sudo")
            .args(["-n", "true"])
            .output()?
            .status
            .success()
        {
            return Ok(Self::Sudo { may_ask: false });
        }
        if std::io::stdin().is_terminal() {
            return Ok(Self::Sudo { may_ask: true });
        }
        bail!("sudo wants a password and there is no terminal to ask for it: {next}")
    }

    /// A command that runs as root.
    pub(crate) fn cmd(&self, program: &str) -> Cmd {
        match self {
            Self::Already => Cmd::new(program),
            Self::Sudo { may_ask: false } => Cmd::new("sudo").arg("-n").arg(program),
            Self::Sudo { may_ask: true } => Cmd::new("sudo").arg(program),
        }
    }
}
