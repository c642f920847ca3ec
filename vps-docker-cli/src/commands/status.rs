use clap::Args;
use vps_docker::application::ApplicationStatus;
use vps_docker::model::InstanceCost;
use vps_docker::{Error, ErrorKind, Result};

use crate::commands::cost::so_far;
use crate::context::Context;
use crate::host_text;
use crate::manifest::ApplicationArgs;
use crate::output::pairs;
use crate::shown::Shown;
use crate::units::age;

/// Show how an application fares: where it is reached, whether it is healthy, and until when it lives
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  vps-docker status
  curl $(vps-docker status --url)
  vps-docker status --env prod --json | jq -r '.urls[0]'")]
pub(crate) struct Status {
    #[command(flatten)]
    application: ApplicationArgs,
    /// Only where it is reached first
    #[arg(long)]
    url: bool,
}

impl Status {
    pub(crate) async fn run(self, context: &Context) -> Result<u8> {
        let (application, engine) = self.application.look(context)?;
        let status = engine.application_status(&application);
        let (status, host) = context.interrupt.or(status).await?;
        host.close().await;
        if self.url && !context.global.json {
            let url = status.urls.first().ok_or_else(|| {
                let none = "the application publishes no port: give it `ports` in vps-docker.toml";
                Error::new(ErrorKind::NotFound, none)
            })?;
            crate::output::print(format!("{url}\n"));
            return Ok(0);
        }
        context.output.show(&status, || text(&status))
    }
}

fn text(status: &ApplicationStatus) -> Shown {
    let healthy = match status.healthy {
        Some(true) => "yes",
        Some(false) => "no",
        None => "",
    };
    let row = |name, value: String| (name, Shown::from(value));
    pairs(&[
        row("application", status.application.clone()),
        row(
            "environment",
            status.environment.clone().unwrap_or_default(),
        ),
        ("state", host_text::state(status.state)),
        row("healthy", healthy.to_owned()),
        row("problem", status.problem.clone().unwrap_or_default()),
        row("reached", status.urls.join("\n")),
        row("age", age(status.created_at)),
        row("cost", cost(status.cost.as_ref())),
        row(
            "expires",
            status.expires_at.map(host_text::left).unwrap_or_default(),
        ),
    ])
}

fn cost(cost: Option<&InstanceCost>) -> String {
    let Some(cost) = cost else {
        return String::new();
    };
    let monthly = match &cost.price.monthly {
        Some(money) => format!(", {money} a month"),
        None => String::new(),
    };
    format!("{} so far{monthly}", so_far(cost.so_far.as_ref()))
}
