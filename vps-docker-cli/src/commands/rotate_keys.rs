use clap::Args;
use vps_docker::Result;
use vps_docker::model::HostName;

use crate::context::Context;

/// Give a host new SSH host keys, that of the VPS and that of the container
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  vps-docker rotate-keys web")]
pub(crate) struct RotateKeys {
    /// The host's name
    name: HostName,
}

impl RotateKeys {
    pub(crate) async fn run(self, context: &Context) -> Result<u8> {
        let mut host = context.interrupt.or(context.host(&self.name)).await?;
        context.interrupt.or(host.rotate_host_keys()).await?;
        let info = host.info().clone();
        let code = context
            .output
            .show(&info, || format!("{} has new host keys\n", info.name));
        host.close().await;
        code
    }
}
