use std::time::Duration;

use clap::Args;
use vps_docker::Result;
use vps_docker::model::{HostName, Timestamp};

use crate::context::Context;
use crate::units::parse_span;

/// Give a host more time to live, or less, counted from now
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  vps-docker extend job1 2h
  vps-docker extend job1 never")]
pub(crate) struct Extend {
    /// The host's name
    name: HostName,
    /// For how long, as in 90m or 3d; `never` takes the end away
    #[arg(value_parser = life)]
    time: Life,
}

#[derive(Clone, Copy, Debug)]
enum Life {
    For(Duration),
    Ever,
}

fn life(text: &str) -> Result<Life, String> {
    match text {
        "never" => Ok(Life::Ever),
        text => parse_span(text).map(Life::For),
    }
}

impl Extend {
    pub(crate) async fn run(self, context: &Context) -> Result<u8> {
        let mut host = context.interrupt.or(context.host(&self.name)).await?;
        let at = match self.time {
            Life::For(time) => Some(Timestamp::now().plus(time)),
            Life::Ever => None,
        };
        context.interrupt.or(host.set_expiry(at)).await?;
        let document = serde_json::json!({"name": host.info().name, "expires_at": at});
        let code = context.output.show(&document, || match at {
            Some(at) => format!("{} lives until {at}\n", self.name),
            None => format!("{} has no end\n", self.name),
        });
        host.close().await;
        code
    }
}
