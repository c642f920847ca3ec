use clap::Args;
use vps_docker::model::{HostName, Timestamp};
use vps_docker::{LogsOptions, Result};

use super::exec::{code, pass_on};
use crate::context::Context;
use crate::units::parse_span;

/// Show what a host's container has printed
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  vps-docker logs web --tail 100
  vps-docker logs web -f --since 10m")]
pub(crate) struct Logs {
    /// The host's name
    name: HostName,
    /// Go on with what is printed from now on
    #[arg(short, long)]
    follow: bool,
    /// No more than so many lines of what there is already
    #[arg(short = 'n', long, value_name = "LINES")]
    tail: Option<u64>,
    /// Nothing from before: so long ago, as 10m, or a time, as 2026-01-31T12:00:00Z
    #[arg(long, value_name = "WHEN", value_parser = since)]
    since: Option<Timestamp>,
    /// The time before each line
    #[arg(short, long)]
    timestamps: bool,
}

impl Logs {
    pub(crate) async fn run(self, context: &Context) -> Result<u8> {
        let host = context.interrupt.or(context.host(&self.name)).await?;
        let mut options = LogsOptions::default()
            .follow(self.follow)
            .timestamps(self.timestamps);
        if let Some(lines) = self.tail {
            options = options.tail(lines);
        }
        if let Some(since) = self.since {
            options = options.since(since);
        }
        let work = async { pass_on(host.logs(options).await?).await };
        let status = context.interrupt.or(work).await?;
        host.close().await;
        Ok(code(status))
    }
}

fn since(text: &str) -> Result<Timestamp, String> {
    if let Ok(time) = text.parse() {
        return Ok(time);
    }
    let ago = parse_span(text)
        .map_err(|_| format!("{text:?} is no time; write 10m, 2h or 2026-01-31T12:00:00Z"))?;
    Ok(Timestamp::from(std::time::SystemTime::now() - ago))
}
