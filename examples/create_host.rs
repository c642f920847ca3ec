//! Creates a host, shows how to get in, proves that it works, and destroys it.
//!
//! ```text
//! cargo run --example create_host
//! cargo run --example create_host -- --name web1 --image debian:bookworm-slim --keep --json
//! HCLOUD_TOKEN=… cargo run --example create_host -- --provider hetzner --plan cx23,cx33 --region fsn1,nbg1
//! cargo run --example create_host -- -b --vps-plan=small -b --build-arg=COLOUR=blue -b ./my-image
//! ```

#[path = "support/bills.rs"]
mod bills;
#[path = "support/client.rs"]
mod client;
#[path = "support/data_dir.rs"]
mod data_dir;
#[path = "support/failure.rs"]
mod failure;
#[path = "support/progress.rs"]
mod progress;
#[path = "support/proof.rs"]
mod proof;
#[path = "support/show.rs"]
mod show;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use vps_docker::{DataDir, HostSpec, Settings, VpsDockerProvider};

use crate::progress::Progress;

/// Creates a host on a VPS, proves that it works, and destroys it again.
#[derive(Parser)]
struct Args {
    /// Where the VPS is ordered.
    #[arg(long, default_value = "local")]
    provider: String,
    /// The host's name.
    #[arg(long, default_value = "example")]
    name: String,
    /// Docker image of the container.
    #[arg(long)]
    image: Option<String>,
    /// One build argument, repeated: `--vps-region=`, `--vps-plan=` and `--vps-os=` say where the
    /// VPS is, all others are for `docker build` on it, a local context included.
    #[arg(short, long, value_name = "ARG", allow_hyphen_values = true)]
    build: Vec<String>,
    /// Plan of the VPS, as in the provider's catalogue; several are separated by commas and tried in
    /// that order.
    #[arg(long)]
    plan: Option<String>,
    /// Region of the VPS, as in the provider's catalogue; or several.
    #[arg(long)]
    region: Option<String>,
    /// Operating system of the VPS, as in the provider's catalogue.
    #[arg(long)]
    os: Option<String>,
    /// Agree to an order that is paid for to the end of its term, whatever becomes of the host
    /// (Contabo).
    #[arg(long)]
    allow_order: bool,
    /// Addresses that may reach the host, such as 203.0.113.0/24, may be repeated; without it, all.
    #[arg(long, value_name = "CIDR")]
    allow_from: Vec<String>,
    /// A TCP port of the application that they may reach too, may be repeated.
    #[arg(long, value_name = "PORT")]
    app_port: Vec<u16>,
    /// Leave the host running.
    #[arg(long)]
    keep: bool,
    /// Print one JSON document on standard output and nothing else there.
    #[arg(long)]
    json: bool,
    /// Where keys, pins and the journal are kept.
    #[arg(long)]
    data_dir: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> ExitCode {
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
        .with_writer(std::io::stderr)
        .init();
    match run(Args::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failure::report(&error),
    }
}

async fn run(args: Args) -> anyhow::Result<()> {
    let spec = host_spec(&args)?;
    let data_dir = DataDir::open(data_dir::choose(args.data_dir.clone())?)?;
    let client = client::client(&args.provider, &data_dir, args.allow_order)?;
    let provider = VpsDockerProvider::new(client, data_dir, Settings::default());

    let progress = Progress::new();
    let host = provider
        .create_host(spec)
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
    // Whatever the proof says: a host that is not to be kept does not stay.
    let proof = proof::prove(&host).await;
    if args.keep {
        host.close().await;
    } else {
        let destroyed = host.destroy().await?;
        eprintln!("destroyed {}{}", args.name, bills::text(&destroyed));
    }
    proof
}

fn host_spec(args: &Args) -> vps_docker::Result<HostSpec> {
    let mut spec = HostSpec::builder(&args.name).build_args(&args.build);
    if let Some(image) = &args.image {
        spec = spec.image(image);
    }
    if let Some(plan) = &args.plan {
        spec = spec.plan(plan);
    }
    if let Some(region) = &args.region {
        spec = spec.region(region);
    }
    if let Some(os) = &args.os {
        spec = spec.os(os);
    }
    for range in &args.allow_from {
        spec = spec.allow_from(range);
    }
    for port in &args.app_port {
        spec = spec.app_port(*port);
    }
    spec.build()
}
