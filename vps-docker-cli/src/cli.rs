//! What can be typed.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::commands::*;

/// Turns any cheap VPS into a Docker machine with an SSH door, safely.
///
/// A host is a VPS with Docker and one container that has an sshd of its own. Host keys are made
/// beforehand and pinned: nothing is ever trusted on first use.
#[derive(Debug, Parser)]
#[command(
    name = "vps-docker",
    version,
    propagate_version = true,
    arg_required_else_help = true,
    disable_help_subcommand = true,
    after_help = "Begin with `vps-docker create web`, which makes a host on your own Docker engine and costs nothing.\n\
                  `vps-docker COMMAND --help` shows a command with examples."
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What every command takes.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Options of every command")]
pub(crate) struct Global {
    /// The provider, or the name of one in config.toml [default: what VPS_DOCKER_PROVIDER says, else where the host of
    /// that name is known, else the configured one, else local]
    #[arg(
        short,
        long,
        global = true,
        env = "VPS_DOCKER_PROVIDER",
        hide_env = true,
        value_name = "NAME"
    )]
    pub(crate) provider: Option<String>,
    /// One JSON document on standard output, nothing else there
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// How progress is shown on standard error: auto, plain, json or none
    #[arg(
        long,
        global = true,
        value_enum,
        default_value_t,
        value_name = "HOW",
        hide_possible_values = true
    )]
    pub(crate) progress: ProgressStyle,
    /// Answer every question with yes
    #[arg(short, long, global = true)]
    pub(crate) yes: bool,
    /// Say more of what is done; twice and three times for more still
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
    /// Where keys, pins, the journal and config.toml are kept [default: what VPS_DOCKER_DATA_DIR
    /// says, else the platform's data directory]
    #[arg(
        long,
        global = true,
        env = "VPS_DOCKER_DATA_DIR",
        hide_env = true,
        value_name = "DIR"
    )]
    pub(crate) data_dir: Option<PathBuf>,
}

/// How progress is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum ProgressStyle {
    /// Bars on a terminal, else lines
    #[default]
    Auto,
    /// A line each
    Plain,
    /// JSON lines
    Json,
    /// Nothing
    None,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Up(up::Up),
    Plan(up::Plan),
    Status(status::Status),
    Down(down::Down),
    Create(create::Create),
    Ls(ls::Ls),
    Inspect(inspect::Inspect),
    Ssh(ssh::Ssh),
    Exec(exec::Exec),
    Cp(cp::Cp),
    Logs(logs::Logs),
    Docker(docker::Docker),
    DockerEndpoint(docker_endpoint::DockerEndpoint),
    #[command(subcommand)]
    Endpoint(endpoint::Endpoint),
    PortForward(port_forward::PortForward),
    SshConfig(ssh_config::SshConfig),
    KnownHosts(known_hosts::KnownHosts),
    #[command(subcommand)]
    Export(export::Export),
    Start(life::Start),
    Stop(life::Stop),
    Restart(life::Restart),
    Rename(life::Rename),
    Power(life::Power),
    Extend(extend::Extend),
    #[command(subcommand)]
    Env(env::Env),
    Exposure(exposure::Exposure),
    Why(why::Why),
    #[command(subcommand)]
    Snapshot(snapshot::Snapshot),
    #[command(subcommand)]
    Agents(agents::Agents),
    Adopt(adopt::Adopt),
    RotateKeys(rotate_keys::RotateKeys),
    Destroy(destroy::Destroy),
    Cost(cost::Cost),
    Gc(gc::Gc),
    Providers(providers::Providers),
    Catalog(catalog::Catalog),
    Doctor(doctor::Doctor),
    Init(init::Init),
    Schema(shell::Schema),
    Completions(shell::Completions),
    Man(shell::Man),
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    /// Every command below this one, with the words that lead to it and what stands at the end of its help.
    fn commands(command: &clap::Command, path: &str, found: &mut Vec<(String, String)>) {
        for sub in command
            .get_subcommands()
            .filter(|sub| sub.get_name() != "help")
        {
            let path = format!("{path} {}", sub.get_name());
            if !sub.has_subcommands() {
                let help = sub.get_after_help().map(ToString::to_string);
                found.push((path.clone(), help.unwrap_or_default()));
            }
            commands(sub, &path, found);
        }
    }

    #[test]
    fn the_commands_fit_together() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_has_an_example_and_every_example_is_understood() {
        let mut found = Vec::new();
        commands(&Cli::command(), "vps-docker", &mut found);
        assert!(found.len() > 30, "{found:?}");
        for (path, help) in found {
            let lines = help.lines();
            let examples: Vec<&str> = lines
                .filter_map(|line| line.find("vps-docker ").map(|at| &line[at..]))
                .collect();
            let own = examples.iter().any(|example| example.starts_with(&path));
            assert!(own, "{path} shows no example of its own: {help}");
            for example in examples {
                let parsed = Cli::try_parse_from(words(example));
                parsed.unwrap_or_else(|error| panic!("{example}: {error}"));
            }
        }
    }

    /// What a command that passes another program's streams on, or prints no document of ours, prints with `--json`.
    const STREAMS: [&str; 8] = [
        "completions",
        "docker",
        "exec",
        "logs",
        "man",
        "port-forward",
        "schema",
        "ssh",
    ];

    #[test]
    fn every_command_has_a_schema_of_its_document_or_streams() {
        let schema: serde_json::Value =
            serde_json::from_str(include_str!("schema.json")).expect("JSON");
        let described = schema["commands"].as_object().expect("by command");
        let mut found = Vec::new();
        commands(&Cli::command(), "", &mut found);
        let mut names: Vec<&str> = found.iter().map(|(path, _)| path.trim()).collect();
        for name in &names {
            let streams = STREAMS.contains(name);
            let has_schema = described.contains_key(*name);
            assert!(
                streams != has_schema,
                "{name:?} needs an entry in schema.json, or a place among those that stream"
            );
        }
        names.sort_unstable();
        for name in described.keys() {
            assert!(
                names.contains(&name.as_str()),
                "there is no command {name:?}"
            );
        }
    }

    /// What a shell makes of an example, up to a pipe, a redirection or a remark.
    fn words(example: &str) -> Vec<String> {
        let mut words = vec![String::new()];
        let mut quote = None;
        for c in example.chars() {
            match (quote, c) {
                (Some(open), c) if c == open => quote = None,
                (None, '\'' | '"') => quote = Some(c),
                (None, ')') => break,
                (None, ' ') => words.push(String::new()),
                _ => words.last_mut().expect("there is one").push(c),
            }
        }
        words.retain(|word| !word.is_empty());
        let ends = |word: &String| ["|", ">", ">>", "<", "&", "#"].contains(&word.as_str());
        let end = words.iter().position(ends).unwrap_or(words.len());
        words.truncate(end);
        words
    }
}
