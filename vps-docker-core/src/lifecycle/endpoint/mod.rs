//! The Docker API of a host over TCP with TLS, for tools that speak nothing else. A program of the
//! distribution's (stunnel) stands before Docker's socket on the VPS, so Docker is neither configured anew nor restarted.

mod tls_endpoint;
mod vps_endpoint;

pub use tls_endpoint::TlsEndpoint;

use std::time::Duration;

use self::vps_endpoint::set_on_vps;
use super::Host;
use super::host_exposure::apply_exposure;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{
    CertificateSerial, Exposure, Timestamp, TlsClient, TlsClients, TlsEndpointOptions,
};
use crate::store::{EndpointRecord, HostRecord, KnownClient, SCHEMA_VERSION};
use crate::tls::{CertificateAuthority, CertifiedKey};

/// A server's certificate is good for at least so long, and made anew with every certificate of a client.
const SERVER_VALIDITY: Duration = Duration::from_secs(366 * 24 * 3600);

impl Host {
    /// Opens the Docker API of the VPS to whoever has a client certificate of this host, over TLS 1.3,
    /// for tools that cannot use [`docker_socket`](Self::docker_socket). Such a certificate is as good
    /// as root on the VPS. One is made for this data directory, where
    /// [`TlsEndpoint::certificate_dir`] says, in the form that Docker's own tools take; one that has
    /// most of its time before it is kept. The authority that certifies both sides is the data
    /// directory's own (`keys/tls_authority.pem`); a certificate for one host opens no other.
    ///
    /// The first time a package (`stunnel4`) is installed on the VPS. Docker and the container go on.
    /// The port is let through the host's firewall where it has one.
    ///
    /// Idempotent: open as it is, it is set up anew and what is connected through it is cut off; what was
    /// left by half is mended. Also after the VPS has got another address. Dropped in the middle, it may be
    /// open, and [`tls_endpoint`](Self::tls_endpoint) says so: open or close it again.
    ///
    /// # Errors
    /// `Invalid` for a port that is used or below 1024, and when the whole world could reach it and
    /// [`open_to_world`](TlsEndpointOptions::open_to_world) does not agree to that; `State` when it was
    /// opened from a data directory with another authority, when the package cannot be installed or
    /// another program has the port; those of the provider and of [`vps`](Self::vps).
    pub async fn open_tls_endpoint(&mut self, options: &TlsEndpointOptions) -> Result<TlsEndpoint> {
        let opened = self.open_endpoint(options).await;
        opened.map_err(|error| self.endpoint_error(error, "open_tls_endpoint"))
    }

    /// Makes a new client certificate for this data directory, in the place of the one that it had, and a
    /// new one for the server. The old one stays good until it expires or is
    /// [revoked](Self::revoke_tls_clients), for it may be in use elsewhere. What is connected through the
    /// endpoint is cut off.
    ///
    /// Dropped in the middle, the old certificate or the new one is here, and both are good.
    ///
    /// # Errors
    /// `State` when the endpoint is not open, and those of [`open_tls_endpoint`](Self::open_tls_endpoint).
    pub async fn renew_tls_endpoint(&mut self, validity: Duration) -> Result<TlsEndpoint> {
        let renewed = self.renew_endpoint(validity).await;
        renewed.map_err(|error| self.endpoint_error(error, "renew_tls_endpoint"))
    }

    /// Lets nobody in any more by these certificates, and cuts off who is connected through the endpoint:
    /// those with good ones come in again. Returns those that were revoked, the ones of before too.
    /// The one that is here, if it is among them, is removed.
    ///
    /// Idempotent. Dropped in the middle, the record may name them as revoked and the VPS still take them:
    /// call it again.
    ///
    /// # Errors
    /// `NotFound` when no certificate has that number; `State` when the endpoint is not open; those of
    /// [`vps`](Self::vps).
    pub async fn revoke_tls_clients(&mut self, which: &TlsClients) -> Result<Vec<TlsClient>> {
        let revoked = self.revoke(which).await;
        revoked.map_err(|error| self.endpoint_error(error, "revoke_tls_clients"))
    }

    /// Closes the endpoint: nothing listens, the firewall lets nothing through to it, its key and all of its
    /// certificates are gone, and so is the one that is here. The installed package stays. Idempotent.
    /// Dropped in the middle, call it again.
    ///
    /// # Errors
    /// Those of the provider and of [`vps`](Self::vps).
    pub async fn close_tls_endpoint(&mut self) -> Result<()> {
        let closed = self.close_endpoint().await;
        closed.map_err(|error| self.endpoint_error(error, "close_tls_endpoint"))
    }

    /// The endpoint, as the record said when it was read; `None` where it is not open and when the VPS did
    /// not answer.
    ///
    /// # Errors
    /// `State` when what is here of its certificate cannot be read.
    pub fn tls_endpoint(&self) -> Result<Option<TlsEndpoint>> {
        let Some(open) = self
            .record
            .as_ref()
            .and_then(|record| record.tls_endpoint.as_ref())
        else {
            return Ok(None);
        };
        let entry = self.engine.entry(&self.info.name);
        let now = Timestamp::now();
        let own = entry.tls_client()?.filter(|own| {
            let given = |client: &&TlsClient| client.serial == own.serial;
            open.clients
                .iter()
                .find(given)
                .is_some_and(|client| client.is_good(now))
        });
        Ok(Some(TlsEndpoint {
            address: self.info.address,
            port: open.port,
            open_to_world: open.open_to_world,
            certificate_dir: own.as_ref().map(|_| entry.tls_directory()),
            serial: own.map(|own| own.serial),
            clients: open.clients.clone(),
        }))
    }

    async fn open_endpoint(&mut self, options: &TlsEndpointOptions) -> Result<TlsEndpoint> {
        let record = self.fresh_record().await?;
        check_port(&record, options.port)?;
        self.check_reach(record.exposure.as_ref(), options.open_to_world)?;
        let authority = self.engine.data_dir.tls_authority()?;
        if let Some(open) = &record.tls_endpoint {
            check_authority(open, &authority)?;
        }
        self.record = Some(record);
        let keep = self.own_client()?.filter(|own| {
            let left = Timestamp::now().plus(options.client_validity / 10);
            own.expires_at > left
        });
        let new = match keep {
            Some(_) => None,
            None => Some(NewClient::make(&authority, options.client_validity)?),
        };
        let endpoint = EndpointRecord {
            port: options.port,
            open_to_world: options.open_to_world,
            authority: authority.certificate().to_owned(),
            clients: Vec::new(),
        };
        self.set_endpoint(&authority, new, |open| {
            let clients = open.take().map(|open: EndpointRecord| open.clients);
            *open = Some(EndpointRecord {
                clients: clients.unwrap_or_default(),
                ..endpoint.clone()
            });
        })
        .await
    }

    async fn renew_endpoint(&mut self, validity: Duration) -> Result<TlsEndpoint> {
        let record = self.fresh_record().await?;
        let open = record.tls_endpoint.as_ref().ok_or_else(not_open)?;
        let authority = self.engine.data_dir.tls_authority()?;
        check_authority(open, &authority)?;
        let new = NewClient::make(&authority, validity)?;
        self.set_endpoint(&authority, Some(new), |_| {}).await
    }

    /// Writes down what is to be, the new client too; then it is made so, from inside to outside.
    async fn set_endpoint(
        &mut self,
        authority: &CertificateAuthority,
        new: Option<NewClient>,
        change: impl Fn(&mut Option<EndpointRecord>) + Send + Sync,
    ) -> Result<TlsEndpoint> {
        let now = Timestamp::now();
        let vps = self.vps().await?;
        let given = new.as_ref().map(|new| new.client.clone());
        let record = self
            .store()
            .await?
            .update(|record| {
                change(&mut record.tls_endpoint);
                if let Some(open) = &mut record.tls_endpoint {
                    open.clients.retain(|client| client.expires_at > now);
                    open.clients.extend(given.clone());
                }
            })
            .await?;
        self.record = Some(record.clone());
        let open = record.tls_endpoint.as_ref().ok_or_else(not_open)?;
        let last = open.clients.iter().map(|client| client.expires_at).max();
        let until = last.max(Some(now.plus(SERVER_VALIDITY))).unwrap_or(now);
        let server = authority.server(self.info.address, &self.info.id, until)?;
        set_on_vps(&*vps, &record, self.info.address, Some(&server)).await?;
        if let Some(exposure) = &record.exposure {
            apply_exposure(self, &vps, &record, exposure).await?;
        }
        if let Some(new) = new {
            let known = KnownClient {
                schema_version: SCHEMA_VERSION,
                serial: new.client.serial,
                expires_at: new.client.expires_at,
            };
            let entry = self.engine.entry(&self.info.name);
            entry.write_tls_client(&known, &new.key, authority.certificate())?;
        }
        self.tls_endpoint()?.ok_or_else(not_open)
    }

    async fn revoke(&mut self, which: &TlsClients) -> Result<Vec<TlsClient>> {
        let record = self.fresh_record().await?;
        let open = record.tls_endpoint.as_ref().ok_or_else(not_open)?;
        let known = open.clients.iter().map(|client| &client.serial);
        if let TlsClients::One(serial) = which
            && !known.clone().any(|known| known == serial)
        {
            return Err(no_client(serial, known));
        }
        let (now, vps) = (Timestamp::now(), self.vps().await?);
        let revoke = |record: &mut HostRecord| {
            let open = record.tls_endpoint.as_mut();
            let clients = open.map(|open| &mut open.clients).into_iter().flatten();
            for client in clients.filter(|client| which.contain(&client.serial)) {
                client.revoked_at.get_or_insert(now);
            }
        };
        let record = self.store().await?.update(revoke).await?;
        self.record = Some(record.clone());
        set_on_vps(&*vps, &record, self.info.address, None).await?;
        let entry = self.engine.entry(&self.info.name);
        if entry
            .tls_client()?
            .is_some_and(|own| which.contain(&own.serial))
        {
            entry.remove_tls_client()?;
        }
        let open = record.tls_endpoint.ok_or_else(not_open)?;
        let mut clients = open.clients;
        clients.retain(|client| which.contain(&client.serial));
        Ok(clients)
    }

    async fn close_endpoint(&mut self) -> Result<()> {
        let mut record = self.fresh_record().await?;
        let vps = self.vps().await?;
        record.tls_endpoint = None;
        set_on_vps(&*vps, &record, self.info.address, None).await?;
        if let Some(exposure) = &record.exposure {
            apply_exposure(self, &vps, &record, exposure).await?;
        }
        let record = self
            .store()
            .await?
            .update(|record| record.tls_endpoint = None)
            .await?;
        self.record = Some(record);
        self.engine.entry(&self.info.name).remove_tls_client()
    }

    /// The certificate that is here and lets in.
    fn own_client(&self) -> Result<Option<KnownClient>> {
        match self.tls_endpoint()?.and_then(|open| open.serial) {
            Some(_) => self.engine.entry(&self.info.name).tls_client(),
            None => Ok(None),
        }
    }

    /// Refuses what the whole world could reach, unless that was agreed to.
    fn check_reach(&self, exposure: Option<&Exposure>, agreed: bool) -> Result<()> {
        let reason = if agreed {
            return Ok(());
        } else if self.engine.client.capabilities().machine_stays {
            "its firewall is its owner's, and may let the whole world reach the endpoint"
        } else if exposure.is_none_or(Exposure::is_open_to_world) {
            "the whole world can reach it"
        } else {
            return Ok(());
        };
        Err(Error::new(
            ErrorKind::Invalid,
            format!(
                "{reason}, and who gets past the endpoint is root: name those who may reach the host \
                 first (its exposure), or agree to open the endpoint to the world"
            ),
        ))
    }

    fn endpoint_error(&self, error: Error, operation: &str) -> Error {
        error.with_host(&self.info.name).with_operation(operation)
    }
}

/// A client certificate that was not given out yet.
struct NewClient {
    client: TlsClient,
    key: CertifiedKey,
}

impl NewClient {
    fn make(authority: &CertificateAuthority, validity: Duration) -> Result<Self> {
        if validity.as_secs() == 0 {
            return Err(Error::new(
                ErrorKind::Invalid,
                "a certificate that is good for no time opens nothing; give it days",
            ));
        }
        let (serial, now) = (CertificateSerial::random(), Timestamp::now());
        let expires_at = now.plus(validity);
        let key = authority.client(&serial, expires_at)?;
        let client = TlsClient {
            serial,
            issued_at: now,
            expires_at,
            revoked_at: None,
            certificate: key.certificate.clone(),
        };
        Ok(Self { client, key })
    }
}

fn check_port(record: &HostRecord, port: u16) -> Result<()> {
    let app_ports = record
        .exposure
        .iter()
        .flat_map(|exposure| &exposure.app_ports);
    let refused = |reason: &str| {
        let text = format!("the port {port} {reason}; choose another, such as 2376");
        Err(Error::new(ErrorKind::Invalid, text))
    };
    if port < 1024 {
        return refused("is below 1024, which takes more rights than the endpoint has");
    }
    if port == record.container_ssh_port || app_ports.into_iter().any(|app| *app == port) {
        return refused("is one of the container's");
    }
    Ok(())
}

fn check_authority(open: &EndpointRecord, ours: &CertificateAuthority) -> Result<()> {
    if open.authority == ours.certificate() {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::State,
        "the endpoint was opened from another data directory, whose authority certifies its clients; use \
         that one, or close the endpoint and open it here",
    ))
}

fn not_open() -> Error {
    Error::new(ErrorKind::State, "the endpoint is not open; open it first")
}

fn no_client<'a>(
    serial: &CertificateSerial,
    known: impl Iterator<Item = &'a CertificateSerial>,
) -> Error {
    let known: Vec<&str> = known.map(CertificateSerial::as_str).collect();
    Error::new(
        ErrorKind::NotFound,
        format!(
            "no certificate of the host has the number {serial}; there are: {}",
            known.join(", ")
        ),
    )
}
