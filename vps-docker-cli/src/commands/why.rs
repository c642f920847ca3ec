use std::fmt::Write;

use clap::Args;
use vps_docker::Result;
use vps_docker::idle::Why as Reasons;
use vps_docker::model::HostName;

use crate::context::Context;
use crate::output::{width, wrapped};
use crate::units::age;

/// Tell what keeps a host's container up, or what stopped it
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  vps-docker why web")]
pub(crate) struct Why {
    /// The host's name
    name: HostName,
}

impl Why {
    pub(crate) async fn run(self, context: &Context) -> Result<u8> {
        let host = context.interrupt.or(context.host(&self.name)).await?;
        let why = context.interrupt.or(host.why()).await?;
        let code = context.output.show(&why, || text(&why));
        host.close().await;
        code
    }
}

fn text(why: &Reasons) -> String {
    let mut text = format!("{why}\n");
    for event in &why.events {
        let _ = writeln!(
            text,
            "{:>5} ago  {:8} {}",
            age(event.at),
            event.event,
            event.text
        );
    }
    let line = |line: &str| format!("{}\n", wrapped(line.trim_end(), width(), 2));
    text.lines().map(line).collect()
}
