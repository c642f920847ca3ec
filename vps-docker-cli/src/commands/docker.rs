use clap::Args;
use tokio::process::Command;
use vps_docker::model::HostName;
use vps_docker::{Error, ErrorKind, Result};

use super::exec::code;
use crate::context::Context;

/// Run the docker CLI of this machine against a host's Docker engine
///
/// Through a socket that is forwarded over SSH for as long as it runs. `docker-endpoint` holds one for many commands.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  vps-docker docker web -- ps
  vps-docker docker web -- compose up -d")]
pub(crate) struct Docker {
    /// The host's name
    name: HostName,
    /// The arguments of docker
    #[arg(last = true, required = true, value_name = "ARG")]
    arguments: Vec<String>,
}

impl Docker {
    pub(crate) async fn run(self, context: &Context) -> Result<u8> {
        let host = context.interrupt.or(context.host(&self.name)).await?;
        let socket = context.interrupt.or(host.docker_socket(None)).await?;
        // Signals of the terminal reach docker by themselves; we wait for what it makes of them.
        let heard = context.interrupt.heard("");
        tokio::spawn(heard);
        let status = Command::new("docker")
            .args(&self.arguments)
            .env("DOCKER_HOST", socket.docker_host())
            .env_remove("DOCKER_CONTEXT")
            .env_remove("DOCKER_TLS_VERIFY")
            .status()
            .await
            .map_err(|error| {
                Error::new(
                    ErrorKind::Invalid,
                    "the docker CLI cannot be started; is it installed?",
                )
                .with_source(error)
            });
        socket.close().await;
        host.close().await;
        Ok(code(status?))
    }
}
