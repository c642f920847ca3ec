use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use super::HostRecord;
use super::file::{
    create_directory, io_error, read, read_record, remove_directory, write_atomically, write_record,
};
use super::run_dir::RunDir;
use crate::error::Result;
use crate::keys::PublicKey;
use crate::model::{HostId, InstanceId, Timestamp};
use crate::step::step;

/// What this side knows of a host: enough to find it and to check who it is. One directory:
/// `host.json`, `known_hosts_vps`, `known_hosts_container`, and `tls/` where there is a certificate
/// for its Docker endpoint.
#[derive(Clone, Debug)]
pub struct HostEntry {
    directory: PathBuf,
    run: Arc<RunDir>,
}

/// The content of `host.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct KnownHost {
    pub(crate) schema_version: u32,
    pub(crate) id: HostId,
    pub(crate) instance_id: InstanceId,
    pub(crate) address: IpAddr,
    /// Of the VPS's sshd.
    #[serde(default = "ssh_port")]
    pub(crate) ssh_port: u16,
    pub(crate) vps_host_key: PublicKey,
    /// The key that it is about to have, while its key is being changed: as good as the other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) next_vps_host_key: Option<PublicKey>,
    pub(crate) created_at: Timestamp,
    pub(crate) labels: BTreeMap<String, String>,
}

impl KnownHost {
    /// The lines of `known_hosts` for the VPS: one, and while its key is being changed two.
    fn vps_pins(&self) -> String {
        let keys = [Some(&self.vps_host_key), self.next_vps_host_key.as_ref()];
        let lines = keys.into_iter().flatten();
        lines
            .map(|key| key.known_hosts_line(self.address, self.ssh_port))
            .collect()
    }

    /// With what the record says of the host.
    pub(crate) fn with_record(&self, record: &HostRecord) -> Self {
        Self {
            created_at: record.created_at,
            labels: record.labels.clone(),
            ..self.clone()
        }
    }
}

fn ssh_port() -> u16 {
    22
}

impl HostEntry {
    pub(super) fn new(directory: PathBuf, run: Arc<RunDir>) -> Self {
        Self { directory, run }
    }

    /// The directory, which may not exist.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The pins of the VPS's sshd.
    #[must_use]
    pub fn vps_known_hosts(&self) -> PathBuf {
        self.directory.join("known_hosts_vps")
    }

    /// The pins of the container's sshd.
    #[must_use]
    pub fn container_known_hosts(&self) -> PathBuf {
        self.directory.join("known_hosts_container")
    }

    /// For files that are being written.
    pub(super) fn staging(&self) -> &Path {
        self.run.path()
    }

    pub(crate) fn read(&self) -> Result<Option<KnownHost>> {
        read_record(&self.directory.join("host.json"))
    }

    fn write(&self, known: &KnownHost) -> Result<()> {
        create_directory(&self.directory)?;
        write_record(&self.directory.join("host.json"), known, self.run.path())
    }

    /// Writes where the VPS stands and pins its key there.
    pub(crate) fn pin_vps(&self, known: &KnownHost) -> Result<()> {
        self.write_pins(&self.vps_known_hosts(), &known.vps_pins())?;
        self.write(known)
    }

    /// Writes the pins of the VPS anew where one who was killed has left others in the file.
    pub(crate) fn settle_pins(&self, known: &KnownHost) -> Result<()> {
        let (file, pins) = (self.vps_known_hosts(), known.vps_pins());
        if std::fs::read_to_string(&file).is_ok_and(|found| found == pins) {
            return Ok(());
        }
        self.write_pins(&file, &pins)
    }

    /// Writes a file of pins.
    pub(crate) fn write_pins(&self, file: &Path, lines: &str) -> Result<()> {
        create_directory(&self.directory)?;
        write_atomically(file, lines.as_bytes(), self.run.path())
    }

    /// The token of the hook of the application that runs there.
    pub(crate) fn hook_token(&self) -> Result<Option<SecretString>> {
        Ok(read(&self.hook_token_file())?.map(SecretString::from))
    }

    /// Keeps it, readable by us alone.
    pub(crate) fn keep_hook_token(&self, token: &SecretString) -> Result<()> {
        let (file, text) = (self.hook_token_file(), token.expose_secret());
        if std::fs::read_to_string(&file).is_ok_and(|found| found == text) {
            return Ok(());
        }
        create_directory(&self.directory)?;
        write_atomically(&file, text.as_bytes(), self.run.path())
    }

    fn hook_token_file(&self) -> PathBuf {
        self.directory.join("hook_token")
    }

    /// Moves what is known to another name, which must be free. Where it was moved already nothing
    /// happens.
    pub(crate) fn rename(&self, to: &Self) -> Result<()> {
        match std::fs::rename(&self.directory, &to.directory) {
            Ok(()) => step("rename", self.directory.display()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(io_error("rename", &self.directory, error)),
        }
        Ok(())
    }

    /// Forgets the host. Idempotent.
    ///
    /// # Errors
    /// When files cannot be removed.
    pub fn remove(&self) -> Result<()> {
        remove_directory(&self.directory)
    }
}
