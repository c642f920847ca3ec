use std::str::FromStr;

use clap::Args;
use vps_docker::Result;
use vps_docker::model::HostName;

use super::ssh::become_program;
use crate::context::Context;

/// Reach a port in a host's container from this machine, until Ctrl-C
///
/// Over SSH: the port need not be published nor let through a firewall.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  vps-docker port-forward web 8000
  vps-docker port-forward web 15432:5432 8080:80
  vps-docker port-forward web --vps 8000")]
pub(crate) struct PortForward {
    /// The host's name
    name: HostName,
    /// The port there; before it, after a colon's left, the one here
    #[arg(required = true, value_name = "[HERE:]THERE")]
    ports: Vec<Ports>,
    /// A port of the VPS, not of the container
    #[arg(long)]
    vps: bool,
}

#[derive(Clone, Copy, Debug)]
struct Ports {
    here: u16,
    there: u16,
}

impl FromStr for Ports {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (here, there) = text.split_once(':').unwrap_or((text, text));
        let port = |text: &str| match text.parse() {
            Ok(0) | Err(_) => Err(format!("{text:?} is no port; write 8000 or 8080:80")),
            Ok(port) => Ok(port),
        };
        Ok(Self {
            here: port(here)?,
            there: port(there)?,
        })
    }
}

impl PortForward {
    pub(crate) async fn run(self, context: &Context) -> Result<u8> {
        let host = context.interrupt.or(context.host(&self.name)).await?;
        let info = host.info();
        let door = if self.vps {
            &info.vps_ssh
        } else {
            &info.container_ssh
        };
        let mut words = door.command();
        let mut options = vec![
            "-N".to_owned(),
            "-o".to_owned(),
            "ExitOnForwardFailure=yes".to_owned(),
        ];
        for Ports { here, there } in &self.ports {
            options.extend([
                "-L".to_owned(),
                format!("127.0.0.1:{here}:127.0.0.1:{there}"),
            ]);
            context.output.done(&format!(
                "127.0.0.1:{here} is port {there} of {}",
                self.name
            ));
        }
        words.splice(1..1, options);
        host.close().await;
        Err(become_program(&words))
    }
}
