//! Start, stop, restart, rename, power.

use clap::{Args, ValueEnum};
use vps_docker::model::{HostName, PowerAction};
use vps_docker::{Host, Result};

use crate::context::Context;
use crate::host_text;
use crate::shown::Shown;

/// Start the container of a host, and its VPS if that is off
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  vps-docker start web")]
pub(crate) struct Start {
    /// The host's name
    name: HostName,
}

/// Stop the container of a host
///
/// Its data stays. The VPS goes on, and so does its bill; `destroy` ends both.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  vps-docker stop web")]
pub(crate) struct Stop {
    /// The host's name
    name: HostName,
}

/// Restart the container of a host
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  vps-docker restart web")]
pub(crate) struct Restart {
    /// The host's name
    name: HostName,
}

/// Give a host another name
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  vps-docker rename web shop")]
pub(crate) struct Rename {
    /// The host's name
    name: HostName,
    /// The name that it is to have
    new: HostName,
}

/// Turn the VPS of a host off, on, or reboot it
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  vps-docker power web reboot")]
pub(crate) struct Power {
    /// The host's name
    name: HostName,
    /// What to do
    action: Action,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Action {
    /// Turn it on
    On,
    /// Turn it off; at most providers it is paid for all the same
    Off,
    /// Boot it anew
    Reboot,
}

impl Start {
    pub(crate) async fn run(self, context: &Context) -> Result<u8> {
        let engine = context.engine_of(&self.name)?;
        let host = context.interrupt.or(engine.start(&self.name)).await?;
        show(context, host).await
    }
}

impl Stop {
    pub(crate) async fn run(self, context: &Context) -> Result<u8> {
        let engine = context.engine_of(&self.name)?;
        let host = context.interrupt.or(engine.stop(&self.name)).await?;
        show(context, host).await
    }
}

impl Restart {
    pub(crate) async fn run(self, context: &Context) -> Result<u8> {
        let mut host = context.interrupt.or(context.host(&self.name)).await?;
        context.interrupt.or(host.restart()).await?;
        show(context, host).await
    }
}

impl Rename {
    pub(crate) async fn run(self, context: &Context) -> Result<u8> {
        let engine = context.engine_of(&self.name)?;
        let host = context
            .interrupt
            .or(engine.rename(&self.name, &self.new))
            .await?;
        show(context, host).await
    }
}

impl Power {
    pub(crate) async fn run(self, context: &Context) -> Result<u8> {
        let mut host = context.interrupt.or(context.host(&self.name)).await?;
        let action = match self.action {
            Action::On => PowerAction::On,
            Action::Off => PowerAction::Off,
            Action::Reboot => PowerAction::Reboot,
        };
        context.interrupt.or(host.power(action)).await?;
        show(context, host).await
    }
}

/// Shows what has become of the host.
async fn show(context: &Context, host: Host) -> Result<u8> {
    let info = host.info().clone();
    let code = context.output.show(&info, || {
        let name = Shown::from(format!("{} is ", info.name));
        name.and(host_text::state(info.state)).and("\n")
    });
    host.close().await;
    code
}
