use clap::Args;
use serde_json::json;
use vps_docker::Result;
use vps_docker::model::HostName;

use crate::context::Context;

/// Print the pinned host keys of a host as known_hosts lines
#[derive(Args, Debug)]
#[command(after_help = "Example:
  vps-docker known-hosts web >> ~/.ssh/known_hosts")]
pub(crate) struct KnownHosts {
    /// The host's name
    name: HostName,
}

impl KnownHosts {
    pub(crate) async fn run(self, context: &Context) -> Result<u8> {
        let host = context.interrupt.or(context.host(&self.name)).await?;
        let info = host.info().clone();
        host.close().await;
        let (vps, container) = (info.vps_ssh.known_hosts, info.container_ssh.known_hosts);
        context
            .output
            .show(&json!({"vps": vps, "container": container}), || {
                let mut text = String::new();
                for line in vps.lines().chain(container.lines()) {
                    text.push_str(line);
                    text.push('\n');
                }
                text
            })
    }
}
