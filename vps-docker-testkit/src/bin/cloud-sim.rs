//! Runs a simulator of a cloud until it is told to stop. The first line on stdout says where it is and what it
//! is entered with; `src/cloud_sim/README.md` says the rest.

use std::error::Error;
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Parser, ValueEnum};
use tokio::signal::unix::{SignalKind, signal};
use vps_docker_testkit::cloud_sim::{Backend, CloudSim, Provider, Seed};

/// Simulates the API of a cloud on this machine.
#[derive(Debug, Parser)]
struct Arguments {
    /// Which cloud: vultr, hetzner, contabo or digitalocean.
    #[arg(long)]
    provider: Provider,
    /// Where its machines are: in memory, or as real VPSs on this machine's Docker engine.
    #[arg(long, value_enum, default_value = "memory")]
    backend: Where,
    /// Address to listen on; port 0 picks a free one.
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// JSON file with quota, capacity, times and so on.
    #[arg(long)]
    seed_file: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Where {
    Memory,
    Local,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    // Asked for at once: a signal that comes while the simulator starts is heard when it has.
    let mut interrupted = signal(SignalKind::interrupt())?;
    let mut terminated = signal(SignalKind::terminate())?;
    let seed = match &arguments.seed_file {
        None => Seed::default(),
        Some(path) => {
            let text =
                std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
            serde_json::from_slice(&text)
                .map_err(|error| format!("the seed file {}: {error}", path.display()))?
        }
    };
    let backend = match arguments.backend {
        Where::Memory => Backend::memory(),
        Where::Local => Backend::local(),
    };
    let sim = CloudSim::builder(arguments.provider)
        .backend(backend)
        .seed(seed)
        .listen(arguments.listen)
        .start()
        .await?;
    if !sim.requests().validated {
        eprintln!(
            "the API's document is not at hand, so requests are not validated; name its directory \
             by VPS_DOCKER_API_SPECS"
        );
    }
    println!("{}", sim.greeting());
    tokio::select! {
        _ = interrupted.recv() => {}
        _ = terminated.recv() => {}
    }
    sim.stop().await;
    Ok(())
}
