//! What every command stands on.

use std::path::{Path, PathBuf};

use etcetera::base_strategy::{BaseStrategy, choose_native_strategy};
use vps_docker::model::HostName;
use vps_docker::{Error, ErrorKind, Host, Registry, Result, VpsDockerProvider};

use crate::cli::Global;
use crate::config::Config;
use crate::instances;
use crate::interrupt::Interrupt;
use crate::output::Output;
use crate::prompt;

/// The user's choices, and the providers that follow from them.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) global: Global,
    pub(crate) config: Config,
    pub(crate) registry: Registry,
    pub(crate) output: Output,
    pub(crate) interrupt: Interrupt,
    data_dir: PathBuf,
}

impl Context {
    /// Reads the configuration. Neither makes a data directory nor asks anybody.
    pub(crate) fn new(global: Global) -> Result<Self> {
        let data_dir = match &global.data_dir {
            Some(path) => path.clone(),
            None => platform_data_dir()?,
        };
        let registry = Registry::linked()?;
        Ok(Self {
            config: Config::read(&data_dir.join("config.toml"), &registry)?,
            registry,
            output: Output::new(global.json),
            interrupt: Interrupt::default(),
            data_dir,
            global,
        })
    }

    pub(crate) fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    /// The engine for new hosts.
    pub(crate) fn engine(&self) -> Result<VpsDockerProvider> {
        let chosen = self.global.provider.as_deref();
        instances::engine(self, chosen.unwrap_or(self.config.default_provider()))
    }

    /// The engine that the host of this name belongs to, as far as this side knows.
    pub(crate) fn engine_of(&self, name: &HostName) -> Result<VpsDockerProvider> {
        if self.global.provider.is_some() {
            return self.engine();
        }
        match &instances::that_know(self, name)[..] {
            [] => self.engine(),
            [one] => instances::engine(self, one),
            several => Err(Error::new(
                ErrorKind::Invalid,
                format!(
                    "there are hosts of that name at {}: say which with --provider",
                    several.join(" and ")
                ),
            )
            .with_host(name)),
        }
    }

    /// The host of this name, looked at.
    pub(crate) async fn host(&self, name: &HostName) -> Result<Host> {
        self.engine_of(name)?.host(name).await
    }

    /// Asks before something that cannot be undone; `--yes` answers.
    pub(crate) fn confirm(&self, question: &str) -> Result<()> {
        if self.global.yes {
            return Ok(());
        }
        prompt::confirm(question)
    }

    /// Waits for what goes on after a command was cancelled.
    pub(crate) async fn settle(&self) {
        self.interrupt.settle().await;
    }
}

fn platform_data_dir() -> Result<PathBuf> {
    let platform = choose_native_strategy().map_err(|error| {
        Error::new(
            ErrorKind::Invalid,
            "there is no home directory: give --data-dir or VPS_DOCKER_DATA_DIR",
        )
        .with_source(error)
    })?;
    Ok(platform.data_dir().join("vps-docker"))
}
