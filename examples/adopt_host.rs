//! Makes a host of a machine that you reach by SSH, and shows how to get in.
//!
//! ```text
//! cargo run --example adopt_host -- --name web1 --address 203.0.113.7 --user debian \
//!     --identity ~/.ssh/id_ed25519 --fingerprint SHA256:…
//! cargo run --example destroy_host -- --provider adopted --name web1
//! ```
//!
//! Without `--identity` the ssh-agent of `SSH_AUTH_SOCK` is asked.

#[path = "support/data_dir.rs"]
mod data_dir;
#[path = "support/failure.rs"]
mod failure;
#[path = "support/progress.rs"]
mod progress;
#[path = "support/show.rs"]
mod show;

use std::net::IpAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use vps_docker::adopted::AdoptedMachines;
use vps_docker::{DataDir, HostSpec, Machine, Settings, VpsDockerProvider};

use crate::progress::Progress;

/// Makes a host of a machine that is there already. Destroying the host leaves the machine.
#[derive(Parser)]
struct Args {
    /// The host's name.
    #[arg(long, default_value = "example")]
    name: String,
    /// Where the machine is reached.
    #[arg(long)]
    address: IpAddr,
    /// The port of its sshd.
    #[arg(long, default_value_t = 22)]
    port: u16,
    /// Who logs in: root, or somebody with password-less sudo.
    #[arg(long, default_value = "root")]
    user: String,
    /// The private key that gets in; else the agent of SSH_AUTH_SOCK is asked.
    #[arg(long)]
    identity: Option<PathBuf>,
    /// The machine's host key: the line in its /etc/ssh/ssh_host_ed25519_key.pub.
    #[arg(long, required_unless_present = "fingerprint")]
    host_key: Option<String>,
    /// The fingerprint of its ed25519 host key, SHA256:…
    #[arg(long)]
    fingerprint: Option<String>,
    /// Docker image of the container.
    #[arg(long)]
    image: Option<String>,
    /// Print one JSON document on standard output and nothing else there.
    #[arg(long)]
    json: bool,
    /// Where keys, pins and the journal are kept.
    #[arg(long)]
    data_dir: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Args::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failure::report(&error),
    }
}

async fn run(args: Args) -> anyhow::Result<()> {
    let mut spec = HostSpec::builder(&args.name);
    if let Some(image) = &args.image {
        spec = spec.image(image);
    }
    let (spec, machine) = (spec.build()?, machine(&args)?);
    let data_dir = DataDir::open(data_dir::choose(args.data_dir)?)?;
    let client = Arc::new(AdoptedMachines::new(data_dir.path()));
    let provider = VpsDockerProvider::new(client, data_dir, Settings::default());

    let progress = Progress::new();
    let host = provider
        .adopt(spec, machine)
        .on_event(progress.sink())
        .cancel_when(async { drop(tokio::signal::ctrl_c().await) })
        .await;
    progress.finish();
    let host = host?;
    if args.json {
        println!("{}", show::document(&host)?);
    } else {
        show::show(&host);
    }
    host.close().await;
    Ok(())
}

fn machine(args: &Args) -> anyhow::Result<Machine> {
    let mut machine = Machine::builder(args.address)
        .port(args.port)
        .user(&args.user);
    if let Some(key) = &args.host_key {
        machine = machine.host_key(key);
    }
    if let Some(fingerprint) = &args.fingerprint {
        machine = machine.fingerprint(fingerprint);
    }
    if let Some(file) = &args.identity {
        machine = machine.identity_file(file);
    } else if let Some(socket) = std::env::var_os("SSH_AUTH_SOCK") {
        machine = machine.agent(socket);
    }
    Ok(machine.build()?)
}
