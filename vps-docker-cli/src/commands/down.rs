use clap::Args;
use vps_docker::Result;

use crate::commands::destroy::take_down;
use crate::context::Context;
use crate::manifest::ApplicationArgs;

/// Take an application down: destroy its host with all data and snapshots on it
///
/// Asks first. What is down already is no error.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  vps-docker down
  vps-docker down --env prod --yes
  vps-docker down --stack pr-12 --yes --json")]
pub(crate) struct Down {
    #[command(flatten)]
    application: ApplicationArgs,
}

impl Down {
    pub(crate) async fn run(self, context: &Context) -> Result<u8> {
        let (name, engine) = self.application.host(context)?;
        context.confirm(&format!(
            "Destroy {name} with all data and snapshots on it? This cannot be undone."
        ))?;
        let taken = take_down(context, &engine, &name, true).await?;
        context.output.show(&taken, String::new)
    }
}
