use clap::Args;
use vps_docker::Result;

use crate::context::Context;
use crate::doctor::{Finding, examine};
use crate::output::print;
use crate::shown::Shown;

/// Look whether all that is needed is there, and say how to mend what is not
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  vps-docker doctor")]
pub(crate) struct Doctor {}

impl Doctor {
    pub(crate) async fn run(self, context: &Context) -> Result<u8> {
        let findings = context
            .interrupt
            .or(async { Ok(examine(context).await) })
            .await?;
        let ill = findings.iter().any(Finding::is_ill);
        context.output.show(&findings, || {
            findings.iter().map(Finding::text).collect::<Shown>()
        })?;
        if !ill && !context.global.json {
            print("all is well\n");
        }
        Ok(u8::from(ill))
    }
}
