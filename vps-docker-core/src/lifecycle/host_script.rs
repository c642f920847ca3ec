//! The scripts that change a host on its VPS, and what their exit codes mean.

use super::Host;
use crate::error::{Error, ErrorKind, Result};
use crate::ssh::{Output, TransportExt, join};

/// The disk of the VPS is too full.
const EXIT_DISK_FULL: i32 = 28;
/// A snapshot is not what its digests say.
const EXIT_DAMAGED: i32 = 65;
/// There is no container.
const EXIT_NO_CONTAINER: i32 = 66;
/// There is no such snapshot.
const EXIT_NO_SNAPSHOT: i32 = 67;
/// Another operation holds the host.
const EXIT_LOCKED: i32 = 75;

impl Host {
    /// Runs a script on the VPS. It goes on to its end when we go away.
    pub(super) async fn run_script(
        &self,
        operation: &str,
        script: &str,
        words: &[&str],
        input: &[u8],
    ) -> Result<ScriptEnd> {
        let command = ["sh", "-c", script, operation];
        let output = self
            .vps()
            .await?
            .run(&join(command.iter().chain(words)), input)
            .await
            .map_err(|error| error.with_host(&self.info.name).with_operation(operation))?;
        Ok(ScriptEnd(output))
    }
}

/// How a script ended.
#[derive(Debug)]
pub(super) struct ScriptEnd(pub(super) Output);

impl ScriptEnd {
    pub(super) fn lacks_container(&self) -> bool {
        self.0.exit_code() == EXIT_NO_CONTAINER
    }

    /// What it printed, if it ended well.
    pub(super) fn done(self, what: &str) -> Result<String> {
        let said = self.0.stderr.trim();
        let error = match self.0.exit_code() {
            EXIT_LOCKED => Error::new(ErrorKind::Locked, said).retryable(),
            EXIT_NO_SNAPSHOT => no_snapshot(),
            EXIT_DISK_FULL => Error::new(
                ErrorKind::Capacity,
                format!("{said}; delete snapshots or make space otherwise"),
            ),
            EXIT_DAMAGED => Error::new(
                ErrorKind::State,
                format!("the snapshot is damaged and nothing was touched: {said}"),
            ),
            EXIT_NO_CONTAINER => Error::new(ErrorKind::State, said),
            _ => return self.0.success(ErrorKind::Docker, what),
        };
        Err(error)
    }
}

pub(super) fn no_snapshot() -> Error {
    Error::new(
        ErrorKind::NotFound,
        "the host has no snapshot of that id; list its snapshots to see what there is",
    )
}
