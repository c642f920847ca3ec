use std::collections::BTreeMap;
use std::net::IpAddr;

use clap::{Args, Subcommand};
use serde::Serialize;
use vps_docker::model::HostName;
use vps_docker::{Error, ErrorKind, Host, Result};

use crate::context::Context;
use crate::hcl;
use crate::instances;

/// Print hosts that exist in the words of another tool
#[derive(Debug, Subcommand)]
pub(crate) enum Export {
    Tfvars(Tfvars),
}

/// Print a terraform.tfvars for Terraform's Docker provider
///
/// The variables are those of the module infra/terraform/modules/docker_node: where Docker answers, and the paths of the
/// key and of the pinned host key. Nothing in it is secret. With --json it is a terraform.tfvars.json.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  vps-docker export tfvars web > terraform.tfvars
  vps-docker export tfvars web --json > web.auto.tfvars.json
  vps-docker export tfvars web --tls > terraform.tfvars
  vps-docker export tfvars --all > terraform.tfvars   # one variable, `nodes`, with a host each")]
pub(crate) struct Tfvars {
    /// The host's name
    #[arg(required_unless_present = "all", conflicts_with = "all")]
    name: Option<HostName>,
    /// Every host of every provider whose credentials are there
    #[arg(long)]
    all: bool,
    /// By the endpoint over mutual TLS, which must be open, instead of SSH
    #[arg(long)]
    tls: bool,
}

/// What the module `docker_node` is told of a host.
#[derive(Debug, Serialize)]
struct Node {
    host_name: String,
    host_address: IpAddr,
    docker_host: String,
    docker_ssh_opts: Vec<String>,
    docker_cert_path: Option<String>,
}

impl Export {
    pub(crate) async fn run(self, context: &Context) -> Result<u8> {
        match self {
            Self::Tfvars(args) => args.run(context).await,
        }
    }
}

impl Tfvars {
    async fn run(self, context: &Context) -> Result<u8> {
        let document = match &self.name {
            Some(name) => serde_json::to_value(one(context, name, self.tls).await?),
            None => {
                serde_json::to_value(BTreeMap::from([("nodes", all(context, self.tls).await?)]))
            }
        };
        let document = document.expect("it has text keys");
        context
            .output
            .show(&document, || hcl::definitions(&document))
    }
}

async fn one(context: &Context, name: &HostName, tls: bool) -> Result<Node> {
    let host = context.interrupt.or(context.host(name)).await?;
    let node = Node::of(&host, tls);
    host.close().await;
    node
}

/// Those of ours. One that does not answer is an error: a file without it would take its containers down.
async fn all(context: &Context, tls: bool) -> Result<BTreeMap<String, Node>> {
    let mut nodes = BTreeMap::new();
    for instance in instances::asked_for(context) {
        let engine = instances::engine(context, instance)?;
        let listed = context
            .interrupt
            .or(async { Ok(engine.hosts().await?.all().await) })
            .await;
        let hosts = match listed {
            // A Docker engine that is not there is no fault of whoever never used it.
            Err(error)
                if instance == "local"
                    && error.kind() == ErrorKind::Unreachable
                    && !instances::has_hosts(context, instance) =>
            {
                continue;
            }
            listed => listed?,
        };
        let ours = engine.data_dir().owner();
        for listed in hosts
            .iter()
            .filter(|host| host.owner.as_ref() == Some(ours))
        {
            let name: HostName = listed.name.parse()?;
            let host = context.interrupt.or(engine.host(&name)).await?;
            let node = Node::of(&host, tls);
            host.close().await;
            if nodes.insert(name.to_string(), node?).is_some() {
                let twice = "two providers have a host of that name: say which with --provider";
                return Err(Error::new(ErrorKind::Invalid, twice).with_host(&name));
            }
        }
        engine.settled().await;
    }
    Ok(nodes)
}

impl Node {
    fn of(host: &Host, tls: bool) -> Result<Self> {
        let info = host.info();
        let node = Self {
            host_name: info.name.to_string(),
            host_address: info.address,
            docker_host: String::new(),
            docker_ssh_opts: Vec::new(),
            docker_cert_path: None,
        };
        if !tls {
            let door = &info.vps_ssh;
            let mut docker_ssh_opts = vec!["-F".to_owned(), "none".to_owned()];
            docker_ssh_opts.extend(door.options());
            return Ok(Self {
                docker_host: format!("ssh://{}@{}", door.user, door.door()),
                docker_ssh_opts,
                ..node
            });
        }
        let endpoint = host.tls_endpoint()?;
        let usable = endpoint.and_then(|open| Some((open.docker_host(), open.certificate_dir?)));
        let (docker_host, directory) = usable.ok_or_else(|| {
            let text = "there is no endpoint over TLS with a certificate here; `vps-docker endpoint open` makes one";
            Error::new(ErrorKind::State, text).with_host(&info.name)
        })?;
        Ok(Self {
            docker_host,
            docker_cert_path: Some(directory.display().to_string()),
            ..node
        })
    }
}
