use vps_docker_core::Result;

use crate::config::LocalConfig;
use crate::engine::{Connection, Engine};
use crate::store::Store;

/// As on Hetzner, so that what fits here fits there.
pub(crate) const USER_DATA_LIMIT: usize = 32 * 1024;

/// What every call needs: the settings, and the engine that stands for the cloud.
#[derive(Debug)]
pub(crate) struct Cloud {
    pub(crate) config: LocalConfig,
    connection: Connection,
}

impl Cloud {
    pub(crate) fn new(config: LocalConfig) -> Self {
        Self {
            config,
            connection: Connection::default(),
        }
    }

    pub(crate) async fn engine(&self) -> Result<&Engine> {
        self.connection.engine(&self.config.socket).await
    }

    pub(crate) async fn store(&self) -> Result<Store> {
        Ok(Store {
            docker: self.engine().await?.docker.clone(),
            account: self.config.network.clone(),
        })
    }
}
