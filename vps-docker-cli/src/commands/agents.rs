use std::io::Read;

use clap::{Args, Subcommand};
use serde_json::{Value, json};
use vps_docker::model::{AgentName, HostName};
use vps_docker::store::AgentRecord;
use vps_docker::{Error, ErrorKind, Result};

use crate::context::Context;
use crate::output::table;
use crate::shown::Shown;
use crate::units::age;

/// Keep documents of other programs with a host
#[derive(Debug, Subcommand)]
pub(crate) enum Agents {
    Ls(ListAgents),
    Put(PutAgent),
    Rm(RemoveAgent),
}

/// List them
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  vps-docker agents ls web --json")]
pub(crate) struct ListAgents {
    /// The host's name
    host: HostName,
}

/// Write one, in the place of what it was
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  vps-docker agents put web deployer '{\"version\": 7}'
  vps-docker agents put web deployer - < state.json")]
pub(crate) struct PutAgent {
    /// The host's name
    host: HostName,
    /// The agent's name
    agent: AgentName,
    /// A JSON value; `-` reads it from standard input
    data: String,
}

/// Remove one
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  vps-docker agents rm web deployer")]
pub(crate) struct RemoveAgent {
    /// The host's name
    host: HostName,
    /// The agent's name
    agent: AgentName,
}

impl Agents {
    pub(crate) async fn run(self, context: &Context) -> Result<u8> {
        match self {
            Self::Ls(args) => args.run(context).await,
            Self::Put(args) => args.run(context).await,
            Self::Rm(args) => args.run(context).await,
        }
    }
}

impl ListAgents {
    async fn run(self, context: &Context) -> Result<u8> {
        let engine = context.engine_of(&self.host)?;
        let agents = context.interrupt.or(engine.agents(&self.host)).await?;
        context.output.show(&agents, || text(&agents))
    }
}

impl PutAgent {
    async fn run(self, context: &Context) -> Result<u8> {
        let data = read(&self.data)?;
        let host = context.interrupt.or(context.host(&self.host)).await?;
        let work = async {
            let store = host.store().await?;
            let mut agent = AgentRecord::new(self.agent.clone(), data.clone());
            if let Some(there) = store.agent(&self.agent).await? {
                agent = AgentRecord {
                    data: data.clone(),
                    ..there
                };
            }
            store.put_agent(&mut agent).await?;
            Ok(agent)
        };
        let agent = context.interrupt.or(work).await?;
        let code = context.output.show(&agent, || {
            format!("{} is kept with {}\n", agent.name, self.host)
        });
        host.close().await;
        code
    }
}

impl RemoveAgent {
    async fn run(self, context: &Context) -> Result<u8> {
        let host = context.interrupt.or(context.host(&self.host)).await?;
        context
            .interrupt
            .or(async { host.store().await?.remove_agent(&self.agent).await })
            .await?;
        host.close().await;
        context.output.show(&json!({"removed": self.agent}), || {
            format!("{} is removed\n", self.agent)
        })
    }
}

fn read(data: &str) -> Result<Value> {
    let mut text = data.to_owned();
    if data == "-" {
        text.clear();
        std::io::stdin()
            .read_to_string(&mut text)
            .map_err(|error| {
                Error::new(ErrorKind::Invalid, "standard input cannot be read").with_source(error)
            })?;
    }
    serde_json::from_str(&text).map_err(|error| {
        Error::new(
            ErrorKind::Invalid,
            "the data is no JSON; a text needs its quotes, as in '\"text\"'",
        )
        .with_source(error)
    })
}

fn text(agents: &[AgentRecord]) -> Shown {
    if agents.is_empty() {
        return "no agents\n".into();
    }
    let rows = agents
        .iter()
        .map(|agent| {
            [
                agent.name.to_string(),
                age(agent.updated_at),
                agent.data.to_string(),
            ]
        })
        .collect();
    table(["NAME", "WRITTEN", "DATA"], rows)
}
