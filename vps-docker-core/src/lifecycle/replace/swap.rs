use secrecy::ExposeSecret;
use secrecy::zeroize::Zeroizing;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::docker::{REPLACE_CONTAINER, render_environment};
use crate::error::{Error, ErrorKind, Result};
use crate::lifecycle::host_script::ScriptEnd;
use crate::lifecycle::run_container;
use crate::model::Environment;
use crate::ssh::{RemoteProcess, Transport, join};
use crate::store::HostRecord;

/// What the script says when the new container lets somebody in.
const UP: &str = "up\n";

/// How a swap is begun.
pub(super) struct Order<'a> {
    /// The record as it will be.
    pub(super) record: &'a HostRecord,
    pub(super) environment: &'a Environment,
    /// The image of before.
    pub(super) former: Option<&'a str>,
    /// Seconds until the new container's sshd is there, and until a container that is stopped is killed.
    pub(super) start: u64,
    pub(super) stop: u64,
    /// Seconds that the script waits for us behind that.
    pub(super) patience: u64,
}

/// `replace.sh` at work on the VPS: it holds the host, with the old container kept, until this value is
/// [ended](Self::end) or dropped, or the connection breaks, or this program is killed. Then it keeps the new container if
/// the record names it, and puts the old one back if not.
pub(super) struct Swap {
    /// `None` once it has ended.
    process: Option<RemoteProcess>,
}

/// What became of the new container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Settled {
    Kept,
    Undone,
    /// It ended before, by a failure that tells.
    AsTold,
}

impl Swap {
    pub(super) async fn begin(vps: &dyn Transport, order: &Order<'_>) -> Result<Self> {
        let record = order.record;
        let run = join(run_container::arguments(record)?);
        let environment = render_environment(order.environment);
        let environment = environment.expose_secret().as_bytes();
        let deployment = record.deployment.as_deref().expect("it was given one");
        let image = record.derived_image.as_deref().expect("arguments need it");
        let words = [
            deployment.to_owned(),
            image.to_owned(),
            order.former.unwrap_or("-").to_owned(),
            record.container_ssh_port.to_string(),
            order.start.to_string(),
            order.stop.to_string(),
            order.patience.to_string(),
            run.len().to_string(),
            environment.len().to_string(),
        ];
        let script = ["sh", "-c", REPLACE_CONTAINER, "replace"];
        let words = words.iter().map(String::as_str);
        let command = join(script.into_iter().chain(words));
        let mut process = vps.spawn(&command).await?;
        let mut input = Zeroizing::new(Vec::with_capacity(run.len() + environment.len()));
        input.extend_from_slice(run.as_bytes());
        input.extend_from_slice(environment);
        if let Some(stdin) = process.stdin.as_mut() {
            // A script that does not read it says why in how it ends.
            let _ = stdin.write_all(&input).await;
            let _ = stdin.flush().await;
        }
        Ok(Self {
            process: Some(process),
        })
    }

    /// Waits until the new container lets somebody in.
    ///
    /// # Errors
    /// With what the script said, which by then has put the old one back.
    pub(super) async fn up(&mut self) -> Result<()> {
        let process = self.process.as_mut().expect("it has not ended");
        // Not by a buffer, which would be gone with what it holds when this is dropped.
        let mut line = String::new();
        while line.len() < UP.len()
            && let Ok(byte) = process.stdout.read_u8().await
        {
            line.push(byte.into());
        }
        if line == UP {
            return Ok(());
        }
        match self.end().await {
            Ok(settled) => Err(Error::new(
                ErrorKind::State,
                format!("the VPS says {line:?} of the new container, and {settled:?}"),
            )),
            Err(error) => Err(error),
        }
    }

    /// Ends it, and says what the VPS has made of it.
    ///
    /// # Errors
    /// When the script itself failed; `Unreachable` when the connection broke, and it goes on alone.
    pub(super) async fn end(&mut self) -> Result<Settled> {
        let Some(process) = self.process.take() else {
            return Ok(Settled::AsTold);
        };
        let output = process.finish(b"").await?;
        let said = ScriptEnd(output).done("replacing the container")?;
        Ok(match said.lines().last() {
            Some("kept") => Settled::Kept,
            _ => Settled::Undone,
        })
    }
}
