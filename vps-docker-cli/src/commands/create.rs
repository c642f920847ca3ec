use std::time::Duration;

use clap::Args;
use rust_decimal::Decimal;
use serde_json::json;
use vps_docker::model::HostSpecBuilder;
use vps_docker::{CreateHost, Host, Result};

use crate::context::Context;
use crate::host_args::{ContainerArgs, ExposureArgs, IdleArgs, begin};
use crate::host_text;
use crate::instances;
use crate::plan_text;
use crate::progress::Progress;
use crate::units::parse_span;

/// Create a host
///
/// Orders a VPS, installs Docker on it, and runs one container with an sshd of its own. What fails, or is
/// interrupted with Ctrl-C, is taken down again.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  vps-docker create web
  vps-docker create web --image postgres:17 --image-command --run=--publish=5432:5432
  vps-docker create web -p hetzner --plan cx23,cx33 --region fsn1,nbg1 --allow-from 203.0.113.7
  vps-docker create web -p hetzner --dry-run
  vps-docker create job1 -p hetzner --max-monthly 5 --ttl 4h
  vps-docker create web -b ./my-image --idle-timeout 2h")]
pub(crate) struct Create {
    /// The host's name
    name: String,
    #[command(flatten)]
    place: PlaceArgs,
    #[command(flatten)]
    container: ContainerArgs,
    #[command(flatten)]
    exposure: ExposureArgs,
    #[command(flatten)]
    idle: IdleArgs,
    #[command(flatten)]
    limits: LimitArgs,
    /// Only show what would be ordered and run, at what price, and who could reach it
    #[arg(short = 'n', long)]
    dry_run: bool,
    /// Begin with a snapshot of another host: HOST and the snapshot's id
    #[arg(long, help_heading = "Container", num_args = 2, value_names = ["HOST", "ID"], conflicts_with_all = ["image", "build", "command", "image_command"])]
    from_snapshot: Option<Vec<String>>,
}

/// For how much, and for how long.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Cost")]
pub(crate) struct LimitArgs {
    /// Order nothing that costs more a month, in the provider's currency and without taxes
    #[arg(long, value_name = "AMOUNT")]
    max_monthly: Option<Decimal>,
    /// Order nothing that costs more an hour
    #[arg(long, value_name = "AMOUNT")]
    max_hourly: Option<Decimal>,
    /// A time to live: past it, the next `ls` or `gc` destroys the host
    #[arg(long, value_name = "TIME", value_parser = parse_span)]
    ttl: Option<Duration>,
}

/// Where the VPS is ordered.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "VPS")]
pub(crate) struct PlaceArgs {
    /// Plan of the VPS, as `vps-docker catalog` shows; several, by commas, are tried in that order
    /// [default: the configured one, else the provider's cheapest fit one]
    #[arg(long, value_name = "PLAN")]
    plan: Option<String>,
    /// Region of the VPS; or several
    #[arg(long, value_name = "REGION")]
    region: Option<String>,
    /// Operating system of the VPS
    #[arg(long, value_name = "OS")]
    os: Option<String>,
    /// Agree to an order that is paid for to the end of its term, whatever becomes of the host (Contabo)
    #[arg(long)]
    allow_order: bool,
}

impl Create {
    pub(crate) async fn run(self, context: &Context) -> Result<u8> {
        let name = context.global.provider.as_deref();
        let name = name.unwrap_or(context.config.default_provider());
        let mut spec = begin(&self.name);
        spec = self.place.apply(spec);
        spec = self.container.apply(spec)?;
        spec = self.exposure.apply(spec);
        spec = self.idle.apply(spec)?;
        spec = self.limits.apply(spec);
        if let Some([host, id]) = self.from_snapshot.as_deref() {
            spec = spec.from_snapshot(host, id);
        }
        let mut spec = spec.build()?;
        if self.from_snapshot.is_none() && !self.dry_run {
            spec.registry_logins = self.container.logins(context, name)?;
        }
        let choices = instances::Choices {
            allow_order: self.place.allow_order,
            ..instances::Choices::default()
        };
        let engine = instances::engine_with(context, name, choices)?;
        if self.dry_run {
            let plan = context.interrupt.or(engine.plan_host(&spec)).await?;
            return context.output.show(&plan, || plan_text::text(&plan));
        }
        let host = follow(context, engine.create_host(spec)).await?;
        show(context, host).await
    }
}

impl LimitArgs {
    pub(crate) fn apply(&self, mut spec: HostSpecBuilder) -> HostSpecBuilder {
        if let Some(amount) = self.max_monthly {
            spec = spec.max_monthly(amount);
        }
        if let Some(amount) = self.max_hourly {
            spec = spec.max_hourly(amount);
        }
        if let Some(ttl) = self.ttl {
            spec = spec.ttl(ttl);
        }
        spec
    }
}

impl PlaceArgs {
    pub(crate) fn apply(&self, mut spec: HostSpecBuilder) -> HostSpecBuilder {
        if let Some(plan) = &self.plan {
            spec = spec.plan(plan);
        }
        if let Some(region) = &self.region {
            spec = spec.region(region);
        }
        if let Some(os) = &self.os {
            spec = spec.os(os);
        }
        spec
    }
}

/// Runs a create with its progress; Ctrl-C rolls it back.
pub(crate) async fn follow(context: &Context, create: CreateHost) -> Result<Host> {
    let progress = Progress::new(context.global.progress);
    let left = "a VPS may remain and cost money; `vps-docker gc` finds and removes it";
    let host = create
        .on_event(progress.sink())
        .cancel_when(context.interrupt.heard(left))
        .await;
    progress.end(host.is_ok());
    host
}

/// Shows a host that was just made.
pub(crate) async fn show(context: &Context, host: Host) -> Result<u8> {
    let mut document = serde_json::to_value(host.info()).expect("it has text keys");
    document["phases"] = json!(host.phases());
    let code = context.output.show(&document, || {
        let name = &host.info().name;
        host_text::details(&host).and(format!(
            "\nvps-docker ssh {name}      logs in\nvps-docker destroy {name}  takes it down\n"
        ))
    });
    host.close().await;
    code
}
