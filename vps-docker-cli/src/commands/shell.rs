//! What a shell and `man` want to know of this program.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use crate::cli::Cli;

/// Print a script that completes commands in a shell
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  source <(vps-docker completions bash)
  vps-docker completions zsh > ~/.zfunc/_vps-docker
  vps-docker completions fish > ~/.config/fish/completions/vps-docker.fish")]
pub(crate) struct Completions {
    /// The shell
    shell: Shell,
}

/// Write the manual pages into a directory
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  vps-docker man ~/.local/share/man/man1")]
pub(crate) struct Man {
    /// Where to; it must exist
    directory: PathBuf,
}

impl Completions {
    pub(crate) fn run(self) -> ExitCode {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "vps-docker", &mut script);
        let _ = std::io::stdout().write_all(&script);
        ExitCode::SUCCESS
    }
}

impl Man {
    pub(crate) fn run(self) -> ExitCode {
        match clap_mangen::generate_to(Cli::command(), &self.directory) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                anstream::eprintln!(
                    "error: {} cannot be written to: {error}",
                    self.directory.display()
                );
                ExitCode::from(2)
            }
        }
    }
}
