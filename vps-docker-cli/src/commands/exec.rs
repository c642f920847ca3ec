use std::process::ExitStatus;

use clap::Args;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, copy};
use vps_docker::Result;
use vps_docker::model::HostName;
use vps_docker::ssh::RemoteProcess;

use crate::context::Context;
use crate::variables;

/// Run a program in a host's container; its streams and its exit code are this one's
///
/// No shell looks at the words: `exec web -- sh -c 'a | b'` is one.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  vps-docker exec web -- uname -a
  vps-docker exec web -i -- psql < dump.sql
  vps-docker exec web --env PGPASSWORD --user postgres --dir /srv -- psql -c 'select 1'")]
pub(crate) struct Exec {
    /// The host's name
    name: HostName,
    /// Pass standard input on
    #[arg(short, long)]
    interactive: bool,
    /// Set a variable, repeated; without a value it is that of this program's environment, and nobody sees it
    #[arg(short, long, value_name = "NAME[=VALUE]")]
    env: Vec<String>,
    /// Run it in this directory
    #[arg(long, value_name = "DIR")]
    dir: Option<String>,
    /// Run it as this user: a name, a uid, or user:group
    #[arg(short, long)]
    user: Option<String>,
    /// The program and its arguments
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<String>,
}

impl Exec {
    pub(crate) async fn run(self, context: &Context) -> Result<u8> {
        let env = self
            .env
            .iter()
            .map(|text| variables::of_argument(text))
            .collect::<Result<Vec<_>>>()?;
        let host = context.interrupt.or(context.host(&self.name)).await?;
        let mut command = host.command(&self.command);
        for (name, value) in env {
            command = command.env(name, value);
        }
        if let Some(directory) = &self.dir {
            command = command.current_dir(directory);
        }
        if let Some(user) = &self.user {
            command = command.user(user);
        }
        let work = async {
            let process = match self.interactive {
                true => command.spawn_piped().await?,
                false => command.spawn().await?,
            };
            pass_on(process).await
        };
        let status = context.interrupt.or(work).await?;
        host.close().await;
        Ok(code(status))
    }
}

/// Joins a remote program's streams with ours until it has ended and said all.
pub(crate) async fn pass_on(mut process: RemoteProcess) -> Result<ExitStatus> {
    // Its end is not waited for: a read of a terminal cannot be taken back.
    if let Some(mut stdin) = process.stdin.take() {
        tokio::spawn(async move {
            let _ = copy(&mut tokio::io::stdin(), &mut stdin).await;
            let _ = stdin.shutdown().await;
        });
    }
    let out = stream(process.stdout, tokio::io::stdout());
    let err = stream(process.stderr, tokio::io::stderr());
    let (status, (), ()) = tokio::join!(process.exit, out, err);
    status
}

/// A reader that went away, as `head` does, is no error.
async fn stream(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin) {
    let _ = copy(&mut from, &mut to).await;
    let _ = to.flush().await;
}

/// An exit code as a shell would have it.
pub(crate) fn code(status: ExitStatus) -> u8 {
    use std::os::unix::process::ExitStatusExt;
    let code = status
        .code()
        .or_else(|| status.signal().map(|signal| 128 + signal));
    code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1)
}
