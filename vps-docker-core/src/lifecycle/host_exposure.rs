use super::Host;
use super::plan::firewall;
use super::trust::set_vps_firewall;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Exposure, Firewall};
use crate::store::HostStore;

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
    /// `Invalid` when nobody is named; `Unsupported` on a machine that was adopted, whose firewall is its
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
        let rules = exposure.rules(self.info.container_ssh.port);
        match firewall(&self.engine, Some(exposure)) {
            Firewall::Provider => client.firewall(&self.info.instance_id, &rules).await?,
            _ => set_vps_firewall(&*vps, &rules).await?,
        }
        let record = HostStore::new(vps)
            .update(|record| record.exposure = Some(exposure.clone()))
            .await?;
        self.record = Some(record);
        Ok(())
    }
}
