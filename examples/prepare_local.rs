//! Builds what the provider `local` needs before its first VPS: its images, and a base image for
//! containers where no image registry answers. Minutes the first time, a moment later on.

use std::process::ExitCode;

use vps_docker::provider_local::{LocalConfig, LocalProvider};

#[path = "support/failure.rs"]
mod failure;

#[tokio::main]
async fn main() -> ExitCode {
    match prepare().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failure::report(&error.into()),
    }
}

async fn prepare() -> vps_docker::Result<()> {
    let provider = LocalProvider::new(LocalConfig::default());
    provider
        .prepare_images(|event| eprintln!("{event}"))
        .await?;
    provider
        .prepare_container_base(|event| eprintln!("{event}"))
        .await?;
    Ok(())
}
