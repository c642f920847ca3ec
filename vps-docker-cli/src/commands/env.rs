use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::json;
use vps_docker::model::{Environment, HostName, near_matches};
use vps_docker::{Error, ErrorKind, Host, Result};

use crate::context::Context;
use crate::variables;

/// Show and change the variables of a host's container: names are shown, values never
#[derive(Debug, Subcommand)]
pub(crate) enum Env {
    Ls(ListVariables),
    Set(SetVariables),
    Rm(RemoveVariables),
}

/// List the variables' names
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  vps-docker env ls web")]
pub(crate) struct ListVariables {
    /// The host's name
    host: HostName,
}

/// Set variables; the others stay
///
/// They go by a file that root alone reads: no process argument there, no `docker inspect`, no image. What is typed as
/// NAME=VALUE can be seen here, by `ps` and in the shell's history; a name alone, or a file, cannot.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  vps-docker env set web COLOUR=blue API_TOKEN --restart
  vps-docker env set web --env-file ./production.env
  pass show web | vps-docker env set web --env-file -")]
pub(crate) struct SetVariables {
    /// The host's name
    host: HostName,
    /// Variables; without a value it is that of this program's environment
    #[arg(value_name = "NAME[=VALUE]", required_unless_present = "env_file")]
    variables: Vec<String>,
    /// Variables from a file of NAME=VALUE lines; `-` is standard input
    #[arg(long, value_name = "FILE")]
    env_file: Vec<PathBuf>,
    /// Restart the container, so that they hold at once
    #[arg(long)]
    restart: bool,
}

/// Take variables away
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  vps-docker env rm web API_TOKEN")]
pub(crate) struct RemoveVariables {
    /// The host's name
    host: HostName,
    /// The variables' names
    #[arg(required = true, value_name = "NAME")]
    names: Vec<String>,
    /// Restart the container, so that they are gone at once
    #[arg(long)]
    restart: bool,
}

impl Env {
    pub(crate) async fn run(self, context: &Context) -> Result<u8> {
        match self {
            Self::Ls(args) => args.run(context).await,
            Self::Set(args) => args.run(context).await,
            Self::Rm(args) => args.run(context).await,
        }
    }
}

impl ListVariables {
    async fn run(self, context: &Context) -> Result<u8> {
        let host = context.interrupt.or(context.host(&self.host)).await?;
        let names = context.interrupt.or(host.env_names()).await?;
        host.close().await;
        let document = json!({"host": self.host, "variables": names});
        context.output.show(&document, || match names.is_empty() {
            true => "no variables\n".to_owned(),
            false => names.iter().map(|name| format!("{name}\n")).collect(),
        })
    }
}

impl SetVariables {
    async fn run(self, context: &Context) -> Result<u8> {
        let mut variables = Vec::new();
        for file in &self.env_file {
            variables.extend(variables::of_file(file)?);
        }
        for text in &self.variables {
            variables.push(variables::of_argument(text)?);
        }
        let set = Environment::new(variables)?;
        let host = context.interrupt.or(context.host(&self.host)).await?;
        context.interrupt.or(host.change_env(&set, &[])).await?;
        changed(context, host, self.restart).await
    }
}

impl RemoveVariables {
    async fn run(self, context: &Context) -> Result<u8> {
        let host = context.interrupt.or(context.host(&self.host)).await?;
        let there = context.interrupt.or(host.env_names()).await?;
        let there: Vec<&str> = there.iter().map(String::as_str).collect();
        for name in &self.names {
            if !there.contains(&name.as_str()) {
                let near = near_matches(name, &there);
                let none = format!("there is no variable {name:?}{near}");
                return Err(Error::new(ErrorKind::NotFound, none));
            }
        }
        let names: Vec<&str> = self.names.iter().map(String::as_str).collect();
        let none = Environment::default();
        let change = host.change_env(&none, &names);
        context.interrupt.or(change).await?;
        changed(context, host, self.restart).await
    }
}

/// Shows what there is now.
async fn changed(context: &Context, mut host: Host, restart: bool) -> Result<u8> {
    if restart {
        context.interrupt.or(host.restart()).await?;
    }
    let names = context.interrupt.or(host.env_names()).await?;
    let name = host.info().name.clone();
    host.close().await;
    let document = json!({"host": name, "variables": names});
    let code = context.output.show(&document, || {
        names
            .iter()
            .map(|name| format!("{name}\n"))
            .collect::<String>()
    })?;
    if !restart && !context.global.json {
        context.output.done(&format!(
            "it holds from the next start on; `vps-docker restart {name}` is one"
        ));
    }
    Ok(code)
}
