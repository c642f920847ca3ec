use super::Host;
use crate::error::Result;

impl Host {
    /// Text for a `ssh_config` file: a block for the container, under `alias` or the host's name,
    /// and one for the VPS, under the same with `-vps` behind it. With it `ssh NAME`, scp, sftp, rsync
    /// and editors that work over SSH get in; see
    /// [`SshEndpoint::config_block`](crate::model::SshEndpoint::config_block). No I/O.
    ///
    /// # Errors
    /// `Invalid` for an alias or a data directory that cannot be named in such a file.
    pub fn ssh_config(&self, alias: Option<&str>) -> Result<String> {
        let info = self.info();
        let alias = alias.unwrap_or(info.name.as_str());
        let container = info.container_ssh.config_block(alias)?;
        let vps = info.vps_ssh.config_block(&format!("{alias}-vps"))?;
        Ok(format!("{container}\n{vps}"))
    }
}
