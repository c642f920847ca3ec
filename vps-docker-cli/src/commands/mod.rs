//! One file a command: its options, and what it does.

pub(crate) mod adopt;
pub(crate) mod agents;
pub(crate) mod catalog;
pub(crate) mod cost;
pub(crate) mod cp;
pub(crate) mod create;
pub(crate) mod destroy;
pub(crate) mod docker;
pub(crate) mod docker_endpoint;
pub(crate) mod doctor;
pub(crate) mod down;
pub(crate) mod endpoint;
pub(crate) mod env;
pub(crate) mod exec;
pub(crate) mod export;
pub(crate) mod exposure;
pub(crate) mod extend;
pub(crate) mod gc;
pub(crate) mod init;
pub(crate) mod inspect;
pub(crate) mod known_hosts;
pub(crate) mod life;
pub(crate) mod logs;
pub(crate) mod ls;
pub(crate) mod port_forward;
pub(crate) mod providers;
pub(crate) mod rotate_keys;
pub(crate) mod shell;
pub(crate) mod snapshot;
pub(crate) mod ssh;
pub(crate) mod ssh_config;
pub(crate) mod status;
pub(crate) mod up;
pub(crate) mod why;

use vps_docker::Result;

use crate::cli::Command;
use crate::context::Context;

/// Runs a command; the exit code is the program's.
pub(crate) async fn run(command: Command, context: &Context) -> Result<u8> {
    match command {
        Command::Up(args) => args.run(context).await,
        Command::Plan(args) => args.run(context).await,
        Command::Status(args) => args.run(context).await,
        Command::Down(args) => args.run(context).await,
        Command::Create(args) => args.run(context).await,
        Command::Ls(args) => args.run(context).await,
        Command::Inspect(args) => args.run(context).await,
        Command::Ssh(args) => args.run(context).await,
        Command::Exec(args) => args.run(context).await,
        Command::Cp(args) => args.run(context).await,
        Command::Logs(args) => args.run(context).await,
        Command::Docker(args) => args.run(context).await,
        Command::DockerEndpoint(args) => args.run(context).await,
        Command::Endpoint(args) => args.run(context).await,
        Command::PortForward(args) => args.run(context).await,
        Command::SshConfig(args) => args.run(context).await,
        Command::KnownHosts(args) => args.run(context).await,
        Command::Start(args) => args.run(context).await,
        Command::Stop(args) => args.run(context).await,
        Command::Restart(args) => args.run(context).await,
        Command::Rename(args) => args.run(context).await,
        Command::Power(args) => args.run(context).await,
        Command::Extend(args) => args.run(context).await,
        Command::Env(args) => args.run(context).await,
        Command::Exposure(args) => args.run(context).await,
        Command::Export(args) => args.run(context).await,
        Command::Why(args) => args.run(context).await,
        Command::Snapshot(args) => args.run(context).await,
        Command::Agents(args) => args.run(context).await,
        Command::Adopt(args) => args.run(context).await,
        Command::RotateKeys(args) => args.run(context).await,
        Command::Destroy(args) => args.run(context).await,
        Command::Cost(args) => args.run(context).await,
        Command::Gc(args) => args.run(context).await,
        Command::Providers(args) => args.run(context),
        Command::Catalog(args) => args.run(context).await,
        Command::Doctor(args) => args.run(context).await,
        Command::Init(args) => args.run(context).await,
        Command::Completions(_) | Command::Man(_) | Command::Schema(_) => {
            unreachable!("they are run without a context")
        }
    }
}
