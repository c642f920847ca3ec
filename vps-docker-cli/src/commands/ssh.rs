use std::io::IsTerminal;
use std::os::unix::process::CommandExt;
use std::process::Command;

use clap::Args;
use vps_docker::Result;
use vps_docker::model::HostName;
use vps_docker::{Error, ErrorKind, Host};

use crate::context::Context;

/// Log in to a host's container, or run a command there on this terminal
///
/// This program becomes `ssh`, with the pinned host key and nothing of your own configuration.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  vps-docker ssh web
  vps-docker ssh web -- top
  vps-docker ssh web --vps")]
pub(crate) struct Ssh {
    /// The host's name
    name: HostName,
    /// To the VPS as root, not to the container
    #[arg(long)]
    vps: bool,
    /// What to run instead of a shell
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<String>,
}

impl Ssh {
    pub(crate) async fn run(self, context: &Context) -> Result<u8> {
        let host = context.interrupt.or(context.host(&self.name)).await?;
        let mut words = self.words(&host)?;
        if !std::io::stdin().is_terminal() {
            // It would only say that there is none.
            words.retain(|word| word != "-t");
        }
        host.close().await;
        Err(become_program(&words))
    }

    fn words(&self, host: &Host) -> Result<Vec<String>> {
        if self.vps {
            let mut words = host.info().vps_ssh.command();
            words.extend((!self.command.is_empty()).then(|| vps_docker::ssh::join(&self.command)));
            return Ok(words);
        }
        match self.command.is_empty() {
            true => host.shell().ssh_words(),
            false => host.command(&self.command).ssh_words(),
        }
    }
}

/// Hands terminal, signals and exit code over. Returns only when that was not possible.
pub(crate) fn become_program(words: &[String]) -> Error {
    let error = Command::new(&words[0]).args(&words[1..]).exec();
    let text = format!("{:?} cannot be started; is it installed?", words[0]);
    Error::new(ErrorKind::Invalid, text).with_source(error)
}
