use clap::Args;
use serde_json::json;
use vps_docker::model::{DestroyOutcome, HostName};
use vps_docker::{Error, ErrorKind, Result, VpsDockerProvider};

use crate::context::Context;
use crate::host_text;

/// Destroy hosts: their VPS, container, data and host snapshots
///
/// Asks first. Destroying what is gone already is no error with --missing-ok.
#[derive(Args, Debug)]
#[command(
    visible_alias = "rm",
    after_help = "Examples:
  vps-docker destroy web
  vps-docker destroy web1 web2 --yes"
)]
pub(crate) struct Destroy {
    /// The hosts' names
    #[arg(required = true)]
    names: Vec<HostName>,
    /// A host that is not there is no error
    #[arg(long)]
    missing_ok: bool,
}

impl Destroy {
    pub(crate) async fn run(self, context: &Context) -> Result<u8> {
        let names: Vec<&str> = self.names.iter().map(HostName::as_str).collect();
        context.confirm(&format!(
            "Destroy {} with all data and snapshots on it? This cannot be undone.",
            names.join(", ")
        ))?;
        let (mut destroyed, mut failure): (Vec<_>, Option<Error>) = (Vec::new(), None);
        for name in &self.names {
            let destroyed_one = match context.engine_of(name) {
                Ok(engine) => take_down(context, &engine, name, self.missing_ok).await,
                Err(error) => Err(error),
            };
            match destroyed_one {
                Ok(document) => destroyed.push(document),
                Err(error) => {
                    if let Some(earlier) = failure.replace(error.with_host(name)) {
                        crate::failure::report(&earlier, false);
                    }
                }
            }
        }
        match failure {
            Some(error) => Err(error),
            None => context.output.show(&destroyed, String::new),
        }
    }
}

/// Destroys a host, and says so.
pub(crate) async fn take_down(
    context: &Context,
    engine: &VpsDockerProvider,
    name: &HostName,
    missing_ok: bool,
) -> Result<serde_json::Value> {
    let heard = context.interrupt.heard("");
    let destroyed = tokio::select! {
        result = engine.destroy(name) => result?,
        () = heard => {
            let left = format!("interrupted: {name} may be half destroyed; the same command goes on");
            return Err(Error::new(ErrorKind::Cancelled, left));
        }
    };
    engine.settled().await;
    if destroyed.outcomes.is_empty() {
        if !missing_ok {
            let none = format!(
                "there is no host {name} at {}",
                engine.client().provider_name()
            );
            return Err(Error::new(ErrorKind::NotFound, none));
        }
        context.output.done(&format!("{name} is not there"));
        return Ok(json!({"name": name, "destroyed": false, "paid_until": null}));
    }
    context.output.done(&format!(
        "{name} is destroyed{}",
        host_text::bills(&destroyed)
    ));
    let paid_until = destroyed.outcomes.iter().find_map(|outcome| match outcome {
        DestroyOutcome::EndsAt(time) => Some(*time),
        _ => None,
    });
    Ok(json!({"name": name, "destroyed": true, "paid_until": paid_until}))
}
