//! Destroys a host that `create_host --keep` left running, or that `adopt_host` made of a machine.
//!
//! ```text
//! cargo run --example destroy_host -- --name web1
//! cargo run --example destroy_host -- --provider adopted --name web1
//! ```

#[path = "support/bills.rs"]
mod bills;
#[path = "support/client.rs"]
mod client;
#[path = "support/data_dir.rs"]
mod data_dir;
#[path = "support/failure.rs"]
mod failure;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use vps_docker::{DataDir, HostName, Settings, VpsDockerProvider};

/// Destroys a host: instance, volumes and what this side knows of it.
#[derive(Parser)]
struct Args {
    /// Where the VPS was ordered.
    #[arg(long, default_value = "local")]
    provider: String,
    /// The host's name.
    #[arg(long, default_value = "example")]
    name: String,
    /// Of an adopted machine that is gone for good: forget it, and do not ask it.
    #[arg(long)]
    forget: bool,
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
    let data_dir = DataDir::open(data_dir::choose(args.data_dir)?)?;
    let client = client::client(&args.provider, &data_dir, false)?;
    let provider = VpsDockerProvider::new(client, data_dir, Settings::default());
    if args.forget {
        provider.forget(&name).await?;
        println!("forgot {name}");
        return Ok(());
    }
    let destroyed = provider.destroy(&name).await?;
    if destroyed.outcomes.is_empty() {
        println!("{name} was gone already");
    } else {
        println!("destroyed {name}{}", bills::text(&destroyed));
    }
    Ok(())
}
