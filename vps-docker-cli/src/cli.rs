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
    /// The provider, or the name of one in config.toml [default: where the host of that name is known,
    /// else the configured one, else local]
    #[arg(short, long, global = true, value_name = "NAME")]
    pub(crate) provider: Option<String>,
    /// One JSON document on standard output, nothing else there
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// How progress is shown on standard error
    #[arg(long, global = true, value_enum, default_value_t, value_name = "HOW")]
    pub(crate) progress: ProgressStyle,
    /// Answer every question with yes
    #[arg(short, long, global = true)]
    pub(crate) yes: bool,
    /// Say more of what is done; twice and three times for more still
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
    /// Where keys, pins, the journal and config.toml are kept [default: the platform's data directory]
    #[arg(
        long,
        global = true,
        env = "VPS_DOCKER_DATA_DIR",
        hide_env_values = true,
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
    Create(create::Create),
    Ls(ls::Ls),
    Inspect(inspect::Inspect),
    Ssh(ssh::Ssh),
    Exec(exec::Exec),
    Cp(cp::Cp),
    Logs(logs::Logs),
    Docker(docker::Docker),
    DockerEndpoint(docker_endpoint::DockerEndpoint),
    PortForward(port_forward::PortForward),
    SshConfig(ssh_config::SshConfig),
    KnownHosts(known_hosts::KnownHosts),
    Start(life::Start),
    Stop(life::Stop),
    Restart(life::Restart),
    Rename(life::Rename),
    Power(life::Power),
    Why(why::Why),
    #[command(subcommand)]
    Snapshot(snapshot::Snapshot),
    #[command(subcommand)]
    Agents(agents::Agents),
    Adopt(adopt::Adopt),
    RotateKeys(rotate_keys::RotateKeys),
    Destroy(destroy::Destroy),
    Gc(gc::Gc),
    Providers(providers::Providers),
    Catalog(catalog::Catalog),
    Doctor(doctor::Doctor),
    Init(init::Init),
    Completions(shell::Completions),
    Man(shell::Man),
}
