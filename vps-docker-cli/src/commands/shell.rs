//! What a shell and `man` want to know of this program.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, CommandFactory};
use clap_complete::Shell;
use serde_json::{Value, json};
use vps_docker::model::near_matches;

use crate::cli::Cli;
use crate::output::{print_json, print_raw};

/// What every document is held to.
const SCHEMA: &str = include_str!("../schema.json");

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

/// Print the JSON schema of what a command prints with --json, or that of all
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  vps-docker schema inspect
  vps-docker schema > schema.json")]
pub(crate) struct Schema {
    /// The command, such as `snapshot ls`
    command: Vec<String>,
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

impl Schema {
    pub(crate) fn run(self) -> ExitCode {
        if self.command.is_empty() {
            print_raw(SCHEMA);
            return ExitCode::SUCCESS;
        }
        let name = self.command.join(" ");
        let all: Value = serde_json::from_str(SCHEMA).expect("it is JSON");
        let commands = all["commands"].as_object().expect("they have names");
        let Some(schema) = commands.get(&name) else {
            let known: Vec<&str> = commands.keys().map(String::as_str).collect();
            let near = near_matches(&name, &known);
            anstream::eprintln!("error: the command {name:?} prints no document of its own{near}");
            return ExitCode::from(2);
        };
        let mut one = json!({"$schema": all["$schema"], "$defs": all["$defs"]});
        let schema = schema.as_object().expect("it is one").clone();
        one.as_object_mut().expect("it is one").extend(schema);
        print_json(&one);
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
