use std::net::IpAddr;
use std::path::PathBuf;

use clap::Args;
use vps_docker::{Error, ErrorKind, Machine, Result};

use super::create::{follow, show};
use crate::context::Context;
use crate::host_args::{ContainerArgs, IdleArgs, begin};
use crate::instances;

/// Make a host of a machine that you reach by SSH already
///
/// The machine's host key must be given: nothing is trusted on first use. `destroy` leaves the machine and removes what
/// is ours.
#[derive(Args, Debug)]
#[command(after_help = "Example:
  vps-docker adopt web --address 203.0.113.7 --user debian --identity ~/.ssh/id_ed25519 --fingerprint SHA256:…
  (on the machine: ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub)")]
pub(crate) struct Adopt {
    /// The host's name
    name: String,
    /// Where the machine is reached
    #[arg(long)]
    address: IpAddr,
    /// The port of its sshd
    #[arg(long, default_value_t = 22)]
    port: u16,
    /// Who logs in: root, or somebody with password-less sudo
    #[arg(long, default_value = "root")]
    user: String,
    /// The private key that gets in [default: the ssh-agent of SSH_AUTH_SOCK]
    #[arg(long, value_name = "FILE")]
    identity: Option<PathBuf>,
    /// The machine's host key: the line in its /etc/ssh/ssh_host_ed25519_key.pub
    #[arg(long, value_name = "LINE", required_unless_present = "fingerprint")]
    host_key: Option<String>,
    /// The fingerprint of its ed25519 host key, SHA256:…
    #[arg(long)]
    fingerprint: Option<String>,
    #[command(flatten)]
    container: ContainerArgs,
    #[command(flatten)]
    idle: IdleArgs,
}

impl Adopt {
    pub(crate) async fn run(self, context: &Context) -> Result<u8> {
        let spec = begin(&self.name);
        let spec = self.container.apply(spec)?;
        let mut spec = self.idle.apply(spec)?.build()?;
        spec.registry_logins = self.container.logins(context, "adopted")?;
        let machine = self.machine()?;
        let engine = instances::engine(context, "adopted")?;
        let host = follow(context, engine.adopt(spec, machine)).await?;
        show(context, host).await
    }

    fn machine(&self) -> Result<Machine> {
        let mut machine = Machine::builder(self.address)
            .port(self.port)
            .user(&self.user);
        machine = match (&self.identity, std::env::var_os("SSH_AUTH_SOCK")) {
            (Some(file), _) => machine.identity_file(file),
            (None, Some(socket)) => machine.agent(socket),
            (None, None) => {
                return Err(Error::new(
                    ErrorKind::Invalid,
                    "there is no key to log in with: give --identity, or start an ssh-agent",
                ));
            }
        };
        if let Some(line) = &self.host_key {
            machine = machine.host_key(line);
        }
        if let Some(fingerprint) = &self.fingerprint {
            machine = machine.fingerprint(fingerprint);
        }
        machine.build()
    }
}
