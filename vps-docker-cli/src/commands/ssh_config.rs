use clap::Args;
use serde_json::json;
use vps_docker::Result;
use vps_docker::model::HostName;

use crate::context::Context;

/// Print a block for ~/.ssh/config, with which ssh, scp, rsync and editors get in
#[derive(Args, Debug)]
#[command(after_help = "Example:
  vps-docker ssh-config web >> ~/.ssh/config   # then: ssh web, ssh web-vps")]
pub(crate) struct SshConfig {
    /// The host's name
    name: HostName,
    /// What to call it there [default: its name]
    #[arg(long)]
    alias: Option<String>,
}

impl SshConfig {
    pub(crate) async fn run(self, context: &Context) -> Result<u8> {
        let host = context.interrupt.or(context.host(&self.name)).await?;
        let text = host.ssh_config(self.alias.as_deref())?;
        host.close().await;
        context
            .output
            .show(&json!({ "ssh_config": text }), || text.clone())
    }
}
