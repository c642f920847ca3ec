use std::path::{Path, PathBuf};

use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};

use super::HostEntry;
use super::file::{
    create_directory, io_error, read_record, remove_directory, write_atomically, write_record,
};
use crate::error::Result;
use crate::model::{CertificateSerial, Timestamp};
use crate::step::step;
use crate::tls::CertifiedKey;

/// The client certificate that this side has for a host. One directory, named and filled as
/// `DOCKER_CERT_PATH` wants it: `ca.pem`, `cert.pem`, `key.pem`, and `client.json` with this.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct KnownClient {
    pub(crate) schema_version: u32,
    pub(crate) serial: CertificateSerial,
    pub(crate) expires_at: Timestamp,
}

impl HostEntry {
    /// Where the client certificate for the host's Docker endpoint is, if there is one.
    #[must_use]
    pub fn tls_directory(&self) -> PathBuf {
        self.directory().join("tls")
    }

    pub(crate) fn tls_client(&self) -> Result<Option<KnownClient>> {
        read_record(&self.tls_directory().join("client.json"))
    }

    /// Puts a client certificate in the place of the one that was there. Whoever looks finds the one or
    /// the other, or for a moment none; never a key without its certificate.
    pub(crate) fn write_tls_client(
        &self,
        client: &KnownClient,
        key: &CertifiedKey,
        authority: &str,
    ) -> Result<()> {
        let host = self.directory().iter().rev().take(2);
        let host: Vec<_> = host.map(|part| part.to_string_lossy()).collect();
        let staging = self.staging().join(format!("tls-{}", host.join("-")));
        remove_directory(&staging)?;
        create_directory(&staging)?;
        for (name, content) in [
            ("ca.pem", authority),
            ("cert.pem", &key.certificate),
            ("key.pem", key.private_key.expose_secret()),
        ] {
            write_atomically(&staging.join(name), content.as_bytes(), self.staging())?;
        }
        write_record(&staging.join("client.json"), client, self.staging())?;
        create_directory(self.directory())?;
        self.remove_tls_client()?;
        move_to(&staging, &self.tls_directory())
    }

    /// Forgets it. Idempotent.
    pub(crate) fn remove_tls_client(&self) -> Result<()> {
        remove_directory(&self.tls_directory())
    }
}

fn move_to(from: &Path, to: &Path) -> Result<()> {
    std::fs::rename(from, to).map_err(|error| io_error("write", to, error))?;
    step("rename", to.display());
    Ok(())
}
