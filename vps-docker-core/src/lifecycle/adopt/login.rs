use std::net::SocketAddr;
use std::sync::Arc;

use tokio::sync::Mutex;
use tokio::time::Instant;

use super::Machine;
use super::machine::Pin;
use crate::error::{Error, ErrorKind, Result};
use crate::keys::PublicKey;
use crate::lifecycle::engine::{Engine, PassingEntry};
use crate::lifecycle::locate::pinned_key;
use crate::model::SshEndpoint;
use crate::ssh::{Connection, Identity, Sudo, Transport, TransportExt};

/// The way onto a machine before our own key opens it: its user's login, the host key pinned.
#[derive(Debug)]
pub(in crate::lifecycle) struct Login {
    host_key: PublicKey,
    endpoint: SshEndpoint,
    identity: Identity,
    /// Holds the pins' file.
    _pins: PassingEntry,
    connection: Mutex<Option<Arc<Connection>>>,
}

impl Login {
    /// Finds out the host key where only its fingerprint is given. Nobody logs in.
    pub(super) async fn find(engine: &Engine, machine: &Machine) -> Result<Self> {
        let host_key = match &machine.pin {
            Pin::Key(key) => key.clone(),
            Pin::Fingerprint(pin) => {
                let deadline = Instant::now() + engine.settings.ssh_connect_timeout;
                let source = "the fingerprint given is";
                pinned_key(&[pin], source, machine.door(), deadline).await?
            }
        };
        let line = host_key.known_hosts_line(machine.address, machine.ssh_port);
        let pins = engine.passing_entry()?;
        let file_of_pins = pins.entry().vps_known_hosts();
        pins.entry().write_pins(&file_of_pins, &line)?;
        let (identity, file) = machine.identity.clone();
        Ok(Self {
            endpoint: SshEndpoint {
                user: machine.user.clone(),
                host: machine.address,
                port: machine.ssh_port,
                identity_file: file,
                identity_agent: None,
                known_hosts: line,
                known_hosts_file: file_of_pins,
            },
            identity,
            host_key,
            _pins: pins,
            connection: Mutex::default(),
        })
    }

    pub(super) fn host_key(&self) -> &PublicKey {
        &self.host_key
    }

    /// Whether it leads to what listens there.
    pub(in crate::lifecycle) fn leads_to(&self, door: SocketAddr) -> bool {
        door == SocketAddr::from((self.endpoint.host, self.endpoint.port))
    }

    /// Where every command is run as root. Connects when it is first needed, and anew when the
    /// connection has broken.
    ///
    /// # Errors
    /// `Permission` when the user cannot become root without a password; those of
    /// [`Connection::open`].
    pub(super) async fn root(&self, engine: &Engine) -> Result<Arc<dyn Transport>> {
        let mut slot = self.connection.lock().await;
        if let Some(open) = slot.as_ref().filter(|open| !open.has_ended()) {
            return Ok(self.as_root(open));
        }
        let connection = engine.log_in(&self.endpoint, self.identity).await?;
        let root = self.as_root(&connection);
        let id = root.run("id -u", b"").await?;
        if id.stdout.trim() != "0" {
            return Err(Error::new(
                ErrorKind::Permission,
                format!(
                    "{} is not root and cannot become it without a password ({}); allow it in \
                     sudoers with NOPASSWD, or log in as root",
                    self.endpoint.user,
                    id.stderr.trim()
                ),
            ));
        }
        *slot = Some(connection);
        Ok(root)
    }

    fn as_root(&self, connection: &Arc<Connection>) -> Arc<dyn Transport> {
        if self.endpoint.user == "root" {
            return connection.clone();
        }
        Arc::new(Sudo(connection.clone()))
    }
}
