use super::Host;
use super::plan::firewall;
use super::trust::set_vps_firewall;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Exposure, Firewall};
use crate::ssh::Connection;
use crate::store::{EndpointRecord, HostRecord, HostStore};

impl Host {
    /// From where the host may be reached, as the record said when it was read; `None` where nobody was
    /// named, so from everywhere, and when the VPS did not answer.
    #[must_use]
    pub fn exposure(&self) -> Option<&Exposure> {
        self.record.as_ref()?.exposure.as_ref()
    }

    /// Changes from where the host may be reached: at the provider's firewall, or at the VPS's own where
    /// the provider has none, and then in the record. The old rules hold until the new ones do, so
    /// that at no moment more is open than before or after. Connections that are there go on.
    /// To open the host to the world, name [`Cidr::WORLD`](crate::model::Cidr::WORLD); closed are then
    /// all ports but those of the two sshds and the application's.
    ///
    /// Whoever does not name the own address shuts the door behind this connection. Idempotent.
    /// Dropped in the middle, the firewall may be the new one and the record the old: set it again.
    ///
    /// # Errors
    /// `Invalid` when nobody is named, and when a Docker endpoint is open that the world was not to reach
    /// and now could; `Unsupported` on a machine that was adopted, whose firewall is its
    /// owner's; `State` when it cannot be set or the record not be written; those of the
    /// provider and of [`vps`](Self::vps).
    pub async fn set_exposure(&mut self, exposure: &Exposure) -> Result<()> {
        let set = self.exposed(exposure).await;
        set.map_err(|error| {
            error
                .with_host(&self.info.name)
                .with_operation("set_exposure")
        })
    }

    async fn exposed(&mut self, exposure: &Exposure) -> Result<()> {
        if exposure.sources.is_empty() || exposure.app_ports.contains(&0) {
            return Err(Error::new(
                ErrorKind::Invalid,
                "nobody is named who may reach the host, or a port is 0: name ranges of addresses",
            ));
        }
        let client = &self.engine.client;
        if client.capabilities().machine_stays {
            return Err(Error::new(
                ErrorKind::Unsupported,
                "the firewall of a machine that was adopted is its owner's",
            ));
        }
        // While it may be reached for sure; the record is written over the same connection.
        let vps = self.vps().await?;
        let record = self.fresh_record().await?;
        let closed = |open: &EndpointRecord| !open.open_to_world && exposure.is_open_to_world();
        if record.tls_endpoint.as_ref().is_some_and(closed) {
            return Err(Error::new(
                ErrorKind::Invalid,
                "the Docker endpoint of the host would be open to the world; close it, or open it anew and \
                 agree to that",
            ));
        }
        apply_exposure(self, &vps, &record, exposure).await?;
        let record = HostStore::new(vps)
            .update(|record| record.exposure = Some(exposure.clone()))
            .await?;
        self.record = Some(record);
        Ok(())
    }

    /// As it is now, whatever others have written since this host was looked at.
    pub(super) async fn fresh_record(&self) -> Result<HostRecord> {
        let record = self.store().await?.read().await?;
        record.ok_or_else(|| Error::new(ErrorKind::State, "the VPS holds no record of a host"))
    }
}

/// Makes the firewall let in what the exposure names, and to what else the record says is open.
pub(super) async fn apply_exposure(
    host: &Host,
    vps: &Connection,
    record: &HostRecord,
    exposure: &Exposure,
) -> Result<()> {
    let mut open = exposure.clone();
    open.app_ports
        .extend(record.tls_endpoint.as_ref().map(|open| open.port));
    let rules = open.rules(record.container_ssh_port);
    let engine = &host.engine;
    match firewall(engine, Some(exposure)) {
        Firewall::Provider => {
            let instance = &host.info.instance_id;
            engine.client.firewall(instance, &rules).await
        }
        _ => set_vps_firewall(vps, &rules).await,
    }
}
