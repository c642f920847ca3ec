//! The command line of vps-docker. The library does the work; what is here owns the environment, the
//! paths, the terminal and the words.

mod application_text;
mod cli;
mod commands;
mod config;
mod context;
mod docker_context;
mod doctor;
mod failure;
mod hcl;
mod host_args;
mod host_text;
mod identity;
mod instances;
mod interrupt;
mod manifest;
mod output;
mod plan_text;
mod progress;
mod prompt;
mod registries;
mod shown;
mod units;
mod variables;

use std::process::ExitCode;

use clap::Parser;
use tracing_subscriber::EnvFilter;

use crate::cli::{Cli, Command};
use crate::context::Context;

fn main() -> ExitCode {
    let cli = Cli::parse();
    log_to_stderr(cli.global.verbose);
    // What a shell asks for at each of its starts needs no runtime, no data directory, no network.
    match cli.command {
        Command::Completions(args) => return args.run(),
        Command::Man(args) => return args.run(),
        Command::Schema(args) => return args.run(),
        _ => {}
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("threads can be started");
    let json = cli.global.json;
    let code = match runtime.block_on(run(cli)) {
        Ok(code) => ExitCode::from(code),
        Err(error) => failure::report(&error, json),
    };
    // A thread that still reads a terminal's input must not keep us.
    runtime.shutdown_background();
    code
}

async fn run(cli: Cli) -> vps_docker::Result<u8> {
    let context = Context::new(cli.global)?;
    let result = commands::run(cli.command, &context).await;
    context.settle().await;
    result
}

/// Diagnosis: what `-v` asks for, unless `RUST_LOG` says otherwise.
fn log_to_stderr(verbose: u8) {
    let level = match verbose {
        0 => "off",
        1 => "vps_docker_core=info",
        2 => "vps_docker_core=debug",
        _ => "vps_docker_core=trace",
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(level));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .init();
}
