//! Where this program keeps keys, pins and the journal.

use std::path::PathBuf;

use anyhow::Context;
use etcetera::base_strategy::{BaseStrategy, choose_native_strategy};

/// `--data-dir`, else `VPS_DOCKER_DATA_DIR`, else the platform's data directory.
pub(crate) fn choose(argument: Option<PathBuf>) -> anyhow::Result<PathBuf> {
    if let Some(path) = argument {
        return Ok(path);
    }
    if let Some(path) = std::env::var_os("VPS_DOCKER_DATA_DIR") {
        return Ok(path.into());
    }
    let platform = choose_native_strategy().context("no home directory: give --data-dir")?;
    Ok(platform.data_dir().join("vps-docker"))
}
