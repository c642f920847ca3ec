use std::net::IpAddr;

use clap::Args;
use serde_json::json;
use vps_docker::model::{Cidr, Exposure as Who, HostName, HostState};
use vps_docker::ssh::TransportExt;
use vps_docker::{Error, ErrorKind, Host, Result};

use crate::context::Context;

/// Show or change who may reach a host, and at which ports
///
/// What is given takes the place of what was; a part that is not given stays. Connections that are there go on.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  vps-docker exposure web
  vps-docker exposure web --allow-from 203.0.113.0/24 --allow-from 2001:db8::/32
  vps-docker exposure web --app-port 80 --app-port 443
  vps-docker exposure web --open")]
pub(crate) struct Exposure {
    /// The host's name
    name: HostName,
    /// Addresses that may reach the host, repeated
    #[arg(long, value_name = "CIDR")]
    allow_from: Vec<Cidr>,
    /// A TCP port of the application that they may reach too, repeated
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    app_port: Vec<u16>,
    /// No port but those of the two sshds
    #[arg(long, conflicts_with = "app_port")]
    no_app_port: bool,
    /// Let everybody reach it, at the sshds' ports and the application's
    #[arg(long, conflicts_with = "allow_from")]
    open: bool,
}

impl Exposure {
    pub(crate) async fn run(self, context: &Context) -> Result<u8> {
        let mut host = context.interrupt.or(context.host(&self.name)).await?;
        // What is not known must not be taken for what is not there.
        context.interrupt.or(host.vps()).await?;
        if host.info().state == HostState::Unreachable {
            let back = "the VPS did not answer and does now; the same command again knows more";
            return Err(Error::new(ErrorKind::State, back).with_host(&self.name));
        }
        if let Some(wanted) = self.wanted(host.exposure())? {
            if let Some(us) = shut_out(context, &host, &wanted).await? {
                context.confirm(&format!(
                    "Shut this machine out? {} sees it as {us}, which is in no range that may reach it.",
                    self.name
                ))?;
            }
            context.interrupt.or(host.set_exposure(&wanted)).await?;
        }
        let exposure = host.exposure().cloned();
        let document = json!({"name": host.info().name, "exposure": exposure});
        let port = host.info().container_ssh.port;
        let code = context
            .output
            .show(&document, || text(exposure.as_ref(), port));
        host.close().await;
        code
    }

    /// What is asked for; `None` when nothing is.
    fn wanted(&self, now: Option<&Who>) -> Result<Option<Who>> {
        let keeps_sources = self.allow_from.is_empty() && !self.open;
        let keeps_ports = self.app_port.is_empty() && !self.no_app_port;
        if keeps_sources && keeps_ports {
            return Ok(None);
        }
        let sources = match (self.open, keeps_sources, now) {
            (true, ..) => Cidr::WORLD.to_vec(),
            (_, true, Some(now)) => now.sources.clone(),
            (_, true, None) => {
                return Err(Error::new(
                    ErrorKind::Invalid,
                    "this host has no firewall, so all its ports are open; say who may reach it with --allow-from \
                     or --open",
                )
                .with_host(&self.name));
            }
            _ => self.allow_from.clone(),
        };
        let app_ports = match now {
            Some(now) if keeps_ports => now.app_ports.clone(),
            _ => self.app_port.clone(),
        };
        Ok(Some(Who { sources, app_ports }))
    }
}

/// The address by which the VPS knows this machine, where it could not come back.
async fn shut_out(context: &Context, host: &Host, wanted: &Who) -> Result<Option<IpAddr>> {
    let ask = async {
        host.vps()
            .await?
            .run("echo \"${SSH_CONNECTION%% *}\"", b"")
            .await
    };
    let answer = context.interrupt.or(ask).await?;
    // What cannot be told is not asked about.
    let us: Option<IpAddr> = answer.stdout.trim().parse().ok();
    Ok(us.filter(|us| !wanted.sources.iter().any(|range| range.contains(*us))))
}

fn text(exposure: Option<&Who>, container_port: u16) -> String {
    let Some(exposure) = exposure else {
        return "from everywhere, at all ports: it has no firewall\n".to_owned();
    };
    let ports: Vec<String> = [22, container_port]
        .iter()
        .chain(&exposure.app_ports)
        .map(ToString::to_string)
        .collect();
    let sources: Vec<String> = match exposure.sources[..] == Cidr::WORLD {
        true => vec!["everywhere".to_owned()],
        false => exposure.sources.iter().map(ToString::to_string).collect(),
    };
    format!("from {} at {}\n", sources.join(", "), ports.join(", "))
}
