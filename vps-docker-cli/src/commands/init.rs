use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt;

use clap::Args;
use serde_json::json;
use vps_docker::registry::{Need, Registration};
use vps_docker::{Error, ErrorKind, Result};

use crate::context::Context;
use crate::prompt;

/// Write config.toml: the provider that is meant when none is named, and its defaults
///
/// Asks for what is not given, on a terminal. Credentials are never written: the file names the variable or the file that
/// holds them.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  vps-docker init
  vps-docker init -p hetzner --plan cx23 --region fsn1 --credential-file ~/.secrets/hcloud")]
pub(crate) struct Init {
    /// What to call this provider instance [default: the provider's name]
    #[arg(long)]
    name: Option<String>,
    /// Plan of new hosts
    #[arg(long)]
    plan: Option<String>,
    /// Region of new hosts
    #[arg(long)]
    region: Option<String>,
    /// The file that holds the credential, where the provider needs just one
    #[arg(long, value_name = "FILE")]
    credential_file: Option<String>,
    /// Write over the file that there is
    #[arg(long)]
    force: bool,
}

impl Init {
    pub(crate) async fn run(self, context: &Context) -> Result<u8> {
        let path = context.data_dir().join("config.toml");
        if path.exists() && !self.force {
            return Err(Error::new(
                ErrorKind::Invalid,
                format!(
                    "{} is there already: change it by hand, or give --force",
                    path.display()
                ),
            ));
        }
        let provider = self.provider(context)?;
        let registration = context.registry.find(&provider).ok_or_else(|| {
            let known: Vec<&str> = context.registry.iter().map(|one| one.name).collect();
            Error::new(
                ErrorKind::Invalid,
                format!(
                    "unknown provider {provider:?}{}",
                    vps_docker::model::near_matches(&provider, &known)
                ),
            )
        })?;
        let text = self.text(registration)?;
        std::fs::create_dir_all(context.data_dir())
            .and_then(|()| {
                OpenOptions::new()
                    .write(true)
                    .create(true)
                    .truncate(true)
                    .mode(0o600)
                    .open(&path)
                    .and_then(|mut file| file.write_all(text.as_bytes()))
            })
            .map_err(|error| {
                Error::new(
                    ErrorKind::Permission,
                    format!("{} cannot be written", path.display()),
                )
                .with_source(error)
            })?;
        context
            .output
            .show(&json!({"config": path, "provider": provider}), || {
                format!(
                    "{} is written\n{}\nvps-docker doctor  looks whether all is well\n",
                    path.display(),
                    text
                )
            })
    }

    fn provider(&self, context: &Context) -> Result<String> {
        match &context.global.provider {
            Some(provider) => Ok(provider.clone()),
            None if prompt::is_possible() && !context.global.yes => {
                for one in context.registry.iter() {
                    anstream::eprintln!("  {:14} {}", one.name, one.description);
                }
                prompt::ask("Which provider?", "local")
            }
            None => Ok("local".to_owned()),
        }
    }

    fn text(&self, registration: &Registration) -> Result<String> {
        let name = self.name.as_deref().unwrap_or(registration.name);
        let mut text = format!("default_provider = {name:?}\n\n[providers.{name}]\n");
        if name != registration.name {
            let _ = writeln!(text, "type = {:?}", registration.name);
        }
        for (key, value) in [("plan", &self.plan), ("region", &self.region)] {
            if let Some(value) = value {
                let _ = writeln!(text, "{key} = {value:?}");
            }
        }
        let credentials = registration
            .options
            .iter()
            .filter(|option| option.need == Need::Credential);
        for option in credentials {
            match (&self.credential_file, option.variable) {
                (Some(file), _) => {
                    let _ = writeln!(text, "{}_file = {file:?}", option.key);
                }
                (None, Some(variable)) => {
                    let _ = writeln!(text, "{}_env = {variable:?}  # {}", option.key, option.help);
                }
                (None, None) => {}
            }
        }
        Ok(text)
    }
}
