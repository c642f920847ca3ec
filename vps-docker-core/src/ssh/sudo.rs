use std::sync::Arc;

use async_trait::async_trait;

use super::quote::join;
use super::transport::{RemoteProcess, Transport};
use crate::error::Result;

/// Runs every command as root, by way of a login that may `sudo` without a password.
#[derive(Debug)]
pub(crate) struct Sudo(pub(crate) Arc<dyn Transport>);

#[async_trait]
impl Transport for Sudo {
    async fn spawn(&self, command: &str) -> Result<RemoteProcess> {
        let words = ["sudo", "-n", "--", "sh", "-c", command];
        self.0.spawn(&join(words)).await
    }
}
