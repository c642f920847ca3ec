use std::fmt::Write;
use std::path::Path;
use std::time::Duration;

use clap::{Args, Subcommand};
use serde_json::{Value, json};
use vps_docker::model::{CertificateSerial, HostName, TlsClient, TlsClients, TlsEndpointOptions};
use vps_docker::ssh::quote;
use vps_docker::{Error, ErrorKind, Host, Result, TlsEndpoint};

use crate::context::Context;
use crate::docker_context::context_create;
use crate::host_text::left;
use crate::output::table;
use crate::units::{age, parse_span};

/// Open a host's Docker engine to tools that speak only TCP with TLS, by client certificates
///
/// Off until it is opened. Who can use SSH, or this program, needs none of it: see `docker` and `docker-endpoint`.
#[derive(Debug, Subcommand)]
pub(crate) enum Endpoint {
    Open(OpenEndpoint),
    Env(EndpointEnv),
    Show(ShowEndpoint),
    Renew(RenewEndpoint),
    Revoke(RevokeClients),
    Close(CloseEndpoint),
}

/// Open the endpoint, and print how docker gets to it
///
/// A client certificate is made here, which is as good as root on the VPS; one that is good is kept. What was left by half
/// is mended.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  vps-docker endpoint open web
  eval \"$(vps-docker endpoint open web --valid 8h)\"")]
pub(crate) struct OpenEndpoint {
    /// The host's name
    host: HostName,
    /// The TCP port
    #[arg(long, default_value_t = TlsEndpointOptions::default().port)]
    port: u16,
    #[command(flatten)]
    validity: Validity,
    /// Open it although the whole world can reach the host
    #[arg(long)]
    open_to_world: bool,
}

/// For how long a certificate is good.
#[derive(Args, Clone, Copy, Debug)]
struct Validity {
    /// For how long the client certificate is good, as in 8h or 30d
    #[arg(long, value_name = "TIME", default_value = "30d", value_parser = parse_span)]
    valid: Duration,
}

/// Print the variables that lead docker to the endpoint, for `eval`
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  eval \"$(vps-docker endpoint env web)\"")]
pub(crate) struct EndpointEnv {
    /// The host's name
    host: HostName,
}

/// Show the endpoint and the certificates that were given out for it
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  vps-docker endpoint show web")]
pub(crate) struct ShowEndpoint {
    /// The host's name
    host: HostName,
}

/// Make a new client certificate; the old one is good until it expires or is revoked
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  vps-docker endpoint renew web --valid 90d")]
pub(crate) struct RenewEndpoint {
    /// The host's name
    host: HostName,
    #[command(flatten)]
    validity: Validity,
}

/// Let nobody in any more by certain certificates, and cut off who is connected
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  vps-docker endpoint revoke web 5d0c0f5a9b1e7c3a2f44
  vps-docker endpoint revoke web --all")]
pub(crate) struct RevokeClients {
    /// The host's name
    host: HostName,
    /// Their serial numbers, as `show` lists them
    #[arg(required_unless_present = "all", conflicts_with = "all")]
    serial: Vec<CertificateSerial>,
    /// Every one that was given out
    #[arg(long)]
    all: bool,
}

/// Close the endpoint; all of its certificates are worth nothing then
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  vps-docker endpoint close web")]
pub(crate) struct CloseEndpoint {
    /// The host's name
    host: HostName,
}

impl Endpoint {
    pub(crate) async fn run(self, context: &Context) -> Result<u8> {
        let name = match &self {
            Self::Open(args) => &args.host,
            Self::Env(args) => &args.host,
            Self::Show(args) => &args.host,
            Self::Renew(args) => &args.host,
            Self::Revoke(args) => &args.host,
            Self::Close(args) => &args.host,
        };
        let mut host = context.interrupt.or(context.host(name)).await?;
        let code = context.interrupt.or(self.on(&mut host, context)).await;
        host.close().await;
        code
    }

    async fn on(&self, host: &mut Host, context: &Context) -> Result<u8> {
        let text = match self {
            Self::Open(args) => {
                let options = TlsEndpointOptions::default()
                    .port(args.port)
                    .client_validity(args.validity.valid)
                    .open_to_world(args.open_to_world);
                host.open_tls_endpoint(&options).await?;
                environment
            }
            Self::Env(_) => environment,
            Self::Show(_) => list,
            Self::Renew(args) => {
                host.renew_tls_endpoint(args.validity.valid).await?;
                environment
            }
            Self::Revoke(args) => {
                for which in args.which() {
                    host.revoke_tls_clients(&which).await?;
                }
                list
            }
            Self::Close(_) => {
                host.close_tls_endpoint().await?;
                closed
            }
        };
        let endpoint = host.tls_endpoint()?;
        let name = &host.info().name;
        let text = text(name, endpoint.as_ref())?;
        let document =
            json!({"name": name, "endpoint": endpoint.map(|open| document(name, &open))});
        context.output.show(&document, || text)
    }
}

impl RevokeClients {
    fn which(&self) -> Vec<TlsClients> {
        match self.all {
            true => vec![TlsClients::All],
            false => self.serial.iter().cloned().map(TlsClients::One).collect(),
        }
    }
}

/// What a shell evaluates. Without it docker would go on with another engine than was meant, so there is an error.
fn environment(name: &HostName, endpoint: Option<&TlsEndpoint>) -> Result<String> {
    let unusable = |reason: &str| Err(Error::new(ErrorKind::NotFound, reason).with_host(name));
    let Some(endpoint) = endpoint else {
        return unusable("the endpoint is not open; `vps-docker endpoint open` opens it");
    };
    let (Some(directory), Some(own)) = (&endpoint.certificate_dir, endpoint.own()) else {
        return unusable(
            "no certificate is here that is good; `vps-docker endpoint renew` makes one",
        );
    };
    let mut text = String::new();
    for (name, value) in variables(endpoint, directory) {
        writeln!(text, "export {name}={}", quote(&value)).expect("a string takes all");
    }
    let context = tls_context(name, endpoint, directory);
    write!(
        text,
        "# {} expires {}\n# eval \"$(vps-docker endpoint env {name})\" sets these. Or, once and for all:\n# {context}\n",
        own.serial,
        left(own.expires_at),
    )
    .expect("a string takes all");
    Ok(text)
}

fn list(name: &HostName, endpoint: Option<&TlsEndpoint>) -> Result<String> {
    let Some(endpoint) = endpoint else {
        return closed(name, None);
    };
    let reach = match endpoint.open_to_world {
        true => ", open to the world",
        false => "",
    };
    let row = |client: &TlsClient| {
        let own = endpoint.serial.as_ref() == Some(&client.serial);
        let state = match client.revoked_at {
            Some(at) => format!("revoked {} ago", age(at)),
            None if own => "good, and here".to_owned(),
            None => "good".to_owned(),
        };
        [
            client.serial.to_string(),
            age(client.issued_at),
            client.expires_at.to_string(),
            state,
        ]
    };
    let rows = endpoint.clients.iter().map(row).collect();
    let table = table(["CERTIFICATE", "AGE", "EXPIRES", "STATE"], rows);
    let head = format!("{}{reach}\n", endpoint.docker_host());
    Ok(format!("{head}{}", table.as_str()))
}

fn closed(name: &HostName, _: Option<&TlsEndpoint>) -> Result<String> {
    Ok(format!("the endpoint of {name} is closed\n"))
}

/// The endpoint as it is printed.
pub(crate) fn document(name: &HostName, endpoint: &TlsEndpoint) -> Value {
    let directory = endpoint.certificate_dir.as_deref();
    let client = |client: &TlsClient| {
        json!({
            "serial": client.serial,
            "issued_at": client.issued_at,
            "expires_at": client.expires_at,
            "revoked_at": client.revoked_at,
        })
    };
    json!({
        "docker_host": endpoint.docker_host(),
        "open_to_world": endpoint.open_to_world,
        "cert_path": directory,
        "serial": endpoint.serial,
        "context_create": directory.map(|directory| tls_context(name, endpoint, directory)),
        "clients": endpoint.clients.iter().map(client).collect::<Vec<_>>(),
    })
}

fn variables(endpoint: &TlsEndpoint, directory: &Path) -> [(&'static str, String); 3] {
    [
        ("DOCKER_HOST", endpoint.docker_host()),
        ("DOCKER_TLS_VERIFY", "1".to_owned()),
        ("DOCKER_CERT_PATH", directory.display().to_string()),
    ]
}

fn tls_context(name: &HostName, endpoint: &TlsEndpoint, directory: &Path) -> String {
    let file = |name: &str| directory.join(name).display().to_string();
    context_create(
        name,
        &[
            ("host", endpoint.docker_host()),
            ("ca", file("ca.pem")),
            ("cert", file("cert.pem")),
            ("key", file("key.pem")),
        ],
    )
}
