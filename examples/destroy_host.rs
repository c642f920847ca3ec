//! Destroys a host that `create_host --keep` left running.
//!
//! ```text
//! cargo run --example destroy_host -- --name web1
//! ```

#[path = "support/data_dir.rs"]
mod data_dir;
#[path = "support/failure.rs"]
mod failure;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use vps_docker::{DataDir, HostName, ProviderOptions, Registry, Settings, VpsDockerProvider};

/// Destroys a host: instance, volumes and what this side knows of it.
#[derive(Parser)]
struct Args {
    /// Where the VPS was ordered.
    #[arg(long, default_value = "local")]
    provider: String,
    /// The host's name.
    #[arg(long, default_value = "example")]
    name: String,
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
    let name = HostName::new(args.name)?;
    let client = Registry::linked()?.client(&args.provider, &ProviderOptions::new())?;
    let data_dir = DataDir::open(data_dir::choose(args.data_dir)?)?;
    let provider = VpsDockerProvider::new(client, data_dir, Settings::default());
    let destroyed = provider.destroy(&name).await?;
    if destroyed.outcomes.is_empty() {
        println!("{name} was gone already");
    } else {
        println!("destroyed {name}");
    }
    Ok(())
}
