use clap::Args;
use rust_decimal::Decimal;
use serde_json::json;
use vps_docker::application::{Application, ApplicationPlan, Running, UpChange};
use vps_docker::model::HostPlan;
use vps_docker::secrecy::ExposeSecret;
use vps_docker::{Result, VpsDockerProvider};

use crate::application_text;
use crate::context::Context;
use crate::manifest::{ApplicationArgs, OverlayArgs};
use crate::progress::Progress;
use crate::registries::{self, Pulls};

/// Bring an application up, or up to date
///
/// What it is stands in vps-docker.toml, or in options. The first time its host is created, after what it costs was
/// shown and agreed to; every other time only what differs is changed: the container is replaced, its data kept, and
/// the old container comes back if the new one is not healthy.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  vps-docker up
  vps-docker up --env prod --yes --json
  vps-docker up --stack pr-12 --ttl 8h
  vps-docker up --stack hello -b . --port 8000:8000 --health-http /
  vps-docker up -p hetzner --max-monthly 10")]
pub(crate) struct Up {
    #[command(flatten)]
    application: ApplicationArgs,
    #[command(flatten)]
    overlay: OverlayArgs,
}

/// Show what `up` would create or change, and at what price
///
/// Reads, and changes nothing anywhere.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  vps-docker plan
  vps-docker plan --env prod --json | jq -r .action")]
pub(crate) struct Plan {
    #[command(flatten)]
    application: ApplicationArgs,
    #[command(flatten)]
    overlay: OverlayArgs,
}

impl Plan {
    pub(crate) async fn run(self, context: &Context) -> Result<u8> {
        let (application, engine) = self.application.read(context, &self.overlay)?;
        let plan = engine.plan_application(&application);
        let plan = context.interrupt.or(plan).await?;
        context
            .output
            .show(&plan, || application_text::plan(&application, &plan))
    }
}

impl Up {
    pub(crate) async fn run(self, context: &Context) -> Result<u8> {
        let (mut application, engine) = self.application.read(context, &self.overlay)?;
        if !context.global.yes {
            agree(context, &application, &engine).await?;
        }
        let spec = &mut application.spec;
        let pulls = match &spec.image {
            Some(image) => Pulls::Image(image.as_str()),
            None => Pulls::Build,
        };
        spec.registry_logins = registries::logins(&context.config, pulls)?;
        let progress = Progress::new(context.global.progress);
        let left = "a VPS may remain and cost money; `vps-docker gc` finds and removes it";
        let running = engine
            .up(&application)
            .on_event(progress.sink())
            .cancel_when(context.interrupt.heard(left))
            .await;
        progress.end(running.is_ok());
        show(context, running?).await
    }
}

/// Shows what will happen, and asks where that costs money.
async fn agree(
    context: &Context,
    application: &Application,
    engine: &VpsDockerProvider,
) -> Result<()> {
    let plan = engine.plan_application(application);
    let plan = context.interrupt.or(plan).await?;
    // A line is left free before the progress.
    let text = application_text::plan(application, &plan);
    context.output.done(text.as_str());
    match &plan {
        ApplicationPlan::Create { plan } if !is_free(plan) => {
            context.confirm(&format!("Create {}?", plan.name))
        }
        _ => Ok(()),
    }
}

/// Whether the provider says that nothing of it costs anything.
fn is_free(plan: &HostPlan) -> bool {
    plan.places.iter().all(|(plan, region)| {
        let price = plan.price_in(&region.id);
        let mut amounts = [&price.hourly, &price.monthly]
            .into_iter()
            .flatten()
            .peekable();
        amounts.peek().is_some() && amounts.all(|money| money.amount == Decimal::ZERO)
    })
}

async fn show(context: &Context, running: Running) -> Result<u8> {
    let Running {
        host,
        change,
        urls,
        token,
        ..
    } = running;
    let document = json!({
        "host": host.info(),
        "change": change,
        "urls": urls,
        "token": token.as_ref().map(ExposeSecret::expose_secret),
    });
    let code = context.output.show(&document, || {
        let name = &host.info().name;
        let done = match &change {
            UpChange::Created => format!("{name} is up"),
            UpChange::Changed { changes } => {
                format!(
                    "{name} is up to date: {}",
                    application_text::changes(changes)
                )
            }
            UpChange::Started => format!("{name} runs again"),
            _ => format!("{name} is up; nothing had changed"),
        };
        let urls: String = urls.iter().map(|url| format!("  {url}\n")).collect();
        format!("{done}\n{urls}")
    });
    host.close().await;
    code
}
