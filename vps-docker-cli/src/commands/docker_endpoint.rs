use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use serde_json::json;
use vps_docker::model::HostName;
use vps_docker::ssh::quote;
use vps_docker::{Error, ErrorKind, Result};

use crate::context::Context;
use crate::docker_context::context_create;
use crate::output::{print, print_json};

/// Hold a unix socket that is the Docker API of a host, until Ctrl-C
///
/// For DOCKER_HOST, or as a context of the docker CLI: every Docker client then works at the speed of one warm connection. Who can open the socket is root
/// on the VPS: it is readable for you alone.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  vps-docker docker-endpoint web &
  docker -H unix://$PWD/web.sock ps          (with --socket ./web.sock)
  docker context create web --docker host=unix://$PWD/web.sock")]
pub(crate) struct DockerEndpoint {
    /// The host's name
    name: HostName,
    /// Where the socket is to stand [default: in a directory of this process's]
    #[arg(long, value_name = "PATH")]
    socket: Option<PathBuf>,
}

impl DockerEndpoint {
    pub(crate) async fn run(self, context: &Context) -> Result<u8> {
        let host = context.interrupt.or(context.host(&self.name)).await?;
        let socket = context
            .interrupt
            .or(host.docker_socket(self.socket.as_deref()))
            .await?;
        let docker_host = socket.docker_host();
        let create = context_create(&self.name, &[("host", docker_host.clone())]);
        if context.global.json {
            print_json(&json!({
                "docker_host": docker_host,
                "socket": socket.path(),
                "context_create": create,
            }));
        } else {
            let docker_host = quote(&docker_host);
            print(format!("export DOCKER_HOST={docker_host}\n# {create}\n"));
        }
        let heard = context.interrupt.heard("");
        let lost = async {
            // `ssh` tells nobody when it ends: it is looked at.
            let mut look = tokio::time::interval(Duration::from_secs(2));
            while socket.is_open() {
                look.tick().await;
            }
        };
        let lost = tokio::select! { () = heard => false, () = lost => true };
        socket.close().await;
        host.close().await;
        match lost {
            true => Err(Error::new(
                ErrorKind::Unreachable,
                "the connection to the VPS has ended",
            )
            .with_host(&self.name)),
            false => Ok(0),
        }
    }
}
