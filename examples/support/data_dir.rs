//! Where this program keeps keys, pins and the journal.

use std::path::PathBuf;

use anyhow::Context;

/// `--data-dir`, else `VPS_DOCKER_DATA_DIR`, else the platform's data directory.
pub(crate) fn choose(argument: Option<PathBuf>) -> anyhow::Result<PathBuf> {
    if let Some(path) = argument {
        return Ok(path);
    }
    if let Some(path) = std::env::var_os("VPS_DOCKER_DATA_DIR") {
        return Ok(path.into());
    }
    let data = dirs::data_dir().context("no home directory: give --data-dir")?;
    Ok(data.join("vps-docker"))
}
