//! What can be asked of a host, as options.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use vps_docker::model::{
    ContainerCommand, HostSpecBuilder, IdleMode, IdlePolicy, RegistryLogin, Runtime,
};
use vps_docker::{HostSpec, Result};

use crate::context::Context;
use crate::instances;
use crate::registries::{self, Pulls};
use crate::units::parse_span;
use crate::variables;

/// The container: what runs, how, and until when.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Container")]
pub(crate) struct ContainerArgs {
    /// Docker image; sshd is brought into it [default: debian:bookworm-slim]
    #[arg(long, value_name = "IMAGE")]
    image: Option<String>,
    /// One argument of `docker build`, repeated: the VPS builds the image of a directory here, as in
    /// `-b --build-arg=COLOUR=blue -b ./my-image`
    #[arg(short, long, value_name = "ARG", allow_hyphen_values = true)]
    build: Vec<String>,
    /// One argument of `docker run`, repeated, as in `--run=--publish=8000:8000`
    #[arg(long = "run", value_name = "ARG", allow_hyphen_values = true)]
    start: Vec<String>,
    /// Run the image's own command beside sshd, not only sshd
    #[arg(long, conflicts_with = "command")]
    image_command: bool,
    /// Run this shell command beside sshd
    #[arg(long, value_name = "COMMAND")]
    command: Option<String>,
    /// Set a variable of the container's, repeated; without a value it is that of this program's environment. It goes by a
    /// file that root alone reads: no process argument, no `docker inspect`
    #[arg(short, long, value_name = "NAME[=VALUE]")]
    env: Vec<String>,
    /// Variables from a file of NAME=VALUE lines; `-` is standard input
    #[arg(long, value_name = "FILE")]
    env_file: Vec<PathBuf>,
    /// Memory of the container, as in 512m or 2g [default: what the VPS has, less a reserve]
    #[arg(long, value_name = "SIZE")]
    memory: Option<String>,
    /// Cores of the container, as in 1.5 [default: all]
    #[arg(long, value_name = "COUNT")]
    cpus: Option<String>,
    /// How many processes and threads it may have [default: 4096]
    #[arg(long, value_name = "COUNT")]
    pids: Option<u32>,
    /// Make its root file system read-only but for /run and /tmp
    #[arg(long)]
    read_only: bool,
    /// A directory of a read-only root that can be written to, in memory; repeated
    #[arg(long, value_name = "DIR", requires = "read_only")]
    writable: Vec<String>,
    /// Give it a capability, as in NET_RAW; repeated
    #[arg(long, value_name = "NAME")]
    cap_add: Vec<String>,
    /// Take a capability from it; repeated
    #[arg(long, value_name = "NAME")]
    cap_drop: Vec<String>,
    /// Let its programs have more rights than who starts them, as sudo needs it
    #[arg(long)]
    allow_new_privileges: bool,
    /// Run it by gVisor, with a kernel of its own
    #[arg(long)]
    gvisor: bool,
    /// A label, repeated; kept with the host
    #[arg(long, value_name = "KEY=VALUE", value_parser = key_and_value)]
    label: Vec<(String, String)>,
}

/// When the container is stopped for want of use.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Idle")]
pub(crate) struct IdleArgs {
    /// Stop the container when nobody has used it for so long; `never` for never [default: 800s]
    #[arg(long, value_name = "TIME", value_parser = idle_timeout)]
    idle_timeout: Option<IdleTimeout>,
    /// What counts as use: bytes on SSH sessions and terminals (io), or logged-in connections (ssh)
    #[arg(long, value_name = "SIGNAL", value_parser = ["io", "ssh"])]
    idle_mode: Option<String>,
    /// Stop the container after so long, used or not
    #[arg(long, value_name = "TIME", value_parser = parse_span)]
    max_lifetime: Option<Duration>,
}

/// Who may reach it.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Firewall")]
pub(crate) struct ExposureArgs {
    /// Addresses that may reach the host, such as 203.0.113.0/24, repeated; without any, all
    #[arg(long, value_name = "CIDR")]
    allow_from: Vec<String>,
    /// A TCP port of the application that they may reach too, repeated
    #[arg(long, value_name = "PORT")]
    app_port: Vec<u16>,
}

impl ContainerArgs {
    /// The logins of config.toml that a host of that provider instance may need; their passwords are read, and
    /// perhaps asked for, now.
    pub(crate) fn logins(&self, context: &Context, provider: &str) -> Result<Vec<RegistryLogin>> {
        let default = instances::default_image(context, provider)?;
        let pulls = match self.build.is_empty() {
            true => Pulls::Image(self.image.as_ref().unwrap_or(&default)),
            false => Pulls::Build,
        };
        registries::logins(&context.config, pulls)
    }

    pub(crate) fn apply(&self, mut spec: HostSpecBuilder) -> Result<HostSpecBuilder> {
        spec = spec.build_args(&self.build);
        for file in &self.env_file {
            for (name, value) in variables::of_file(file)? {
                spec = spec.env(name, value);
            }
        }
        for text in &self.env {
            let (name, value) = variables::of_argument(text)?;
            spec = spec.env(name, value);
        }
        if let Some(image) = &self.image {
            spec = spec.image(image);
        }
        for arg in &self.start {
            spec = spec.start_arg(arg);
        }
        if let Some(command) = &self.command {
            let words = ["/bin/sh", "-c", command].map(str::to_owned);
            spec = spec.command(ContainerCommand::Words(words.to_vec()));
        } else if self.image_command {
            spec = spec.command(ContainerCommand::Image);
        }
        spec = self.confine(spec);
        for (key, value) in &self.label {
            spec = spec.label(key, value);
        }
        Ok(spec)
    }
}

impl ContainerArgs {
    fn confine(&self, mut spec: HostSpecBuilder) -> HostSpecBuilder {
        if let Some(memory) = &self.memory {
            spec = spec.memory(memory);
        }
        if let Some(cpus) = &self.cpus {
            spec = spec.cpus(cpus);
        }
        if let Some(pids) = self.pids {
            spec = spec.pids(pids);
        }
        if self.read_only {
            spec = spec.read_only_root();
        }
        for directory in &self.writable {
            spec = spec.writable(directory);
        }
        for name in &self.cap_add {
            spec = spec.add_capability(name);
        }
        for name in &self.cap_drop {
            spec = spec.drop_capability(name);
        }
        if self.allow_new_privileges {
            spec = spec.allow_new_privileges();
        }
        if self.gvisor {
            spec = spec.runtime(Runtime::Gvisor);
        }
        spec
    }
}

impl IdleArgs {
    /// The policy that is asked for; none when nothing is.
    pub(crate) fn policy(&self) -> Result<Option<IdlePolicy>> {
        if self.idle_timeout.is_none() && self.idle_mode.is_none() && self.max_lifetime.is_none() {
            return Ok(None);
        }
        let mode = match (self.idle_timeout, self.idle_mode.as_deref()) {
            (Some(IdleTimeout::Never), _) => IdleMode::Disabled,
            (_, Some("ssh")) => IdleMode::Ssh,
            _ => IdleMode::Io,
        };
        let timeout = match self.idle_timeout {
            Some(IdleTimeout::After(timeout)) => timeout,
            _ => IdlePolicy::default().idle_timeout(),
        };
        let policy = IdlePolicy::new(mode, timeout)?;
        match self.max_lifetime {
            Some(lifetime) => policy.with_max_lifetime(lifetime).map(Some),
            None => Ok(Some(policy)),
        }
    }

    pub(crate) fn apply(&self, spec: HostSpecBuilder) -> Result<HostSpecBuilder> {
        Ok(match self.policy()? {
            Some(policy) => spec.idle_policy(policy),
            None => spec,
        })
    }
}

impl ExposureArgs {
    pub(crate) fn apply(&self, mut spec: HostSpecBuilder) -> HostSpecBuilder {
        for range in &self.allow_from {
            spec = spec.allow_from(range);
        }
        for port in &self.app_port {
            spec = spec.app_port(*port);
        }
        spec
    }
}

/// Begins the specification of a host.
pub(crate) fn begin(name: &str) -> HostSpecBuilder {
    HostSpec::builder(name)
}

#[derive(Clone, Copy, Debug)]
enum IdleTimeout {
    After(Duration),
    Never,
}

fn idle_timeout(text: &str) -> Result<IdleTimeout, String> {
    match text {
        "never" => Ok(IdleTimeout::Never),
        text => parse_span(text).map(IdleTimeout::After),
    }
}

fn key_and_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("write KEY=VALUE".to_owned()),
    }
}
