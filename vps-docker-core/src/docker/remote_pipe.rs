use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::error::{Error, ErrorKind, Result};
use crate::files::adaptive_gzip::{self, Sent};
use crate::ssh::{Output, RemoteProcess};

/// Whether what goes through a pipe is compressed on its way out of this side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wire {
    Plain,
    /// As a gzip stream, where that is faster.
    Gzip,
}

/// Feeds what one remote command prints to another one, through this side. Returns how the second
/// one ended; that the first one ended well is seen to here.
///
/// # Errors
/// Of the given kind with the first command's words; [`ErrorKind::Unreachable`].
pub(crate) async fn pipe(
    mut from: RemoteProcess,
    mut to: RemoteProcess,
    wire: Wire,
    (kind, what): (ErrorKind, &str),
) -> Result<(Output, Sent)> {
    let nothing = || Box::pin(tokio::io::empty());
    drop(from.stdin.take());
    let out = std::mem::replace(&mut from.stdout, nothing());
    let mut complaints = std::mem::replace(&mut from.stderr, nothing());
    let into = to.stdin.take().expect("taken once, here");
    let mut complaint = String::new();
    let copy = async {
        match wire {
            Wire::Gzip => adaptive_gzip::copy(out, into).await,
            Wire::Plain => plain_copy(out, into).await,
        }
    };
    let (sent, received, status, _) = tokio::join!(
        copy,
        to.finish(b""),
        from.exit,
        complaints.read_to_string(&mut complaint),
    );
    // The side that failed first tells why; the other one only saw a broken pipe.
    let (status, received) = (status?, received?);
    if received.exit_code() == 0 && !status.success() {
        let text = format!("{what} failed: {}", complaint.trim());
        return Err(Error::new(kind, text));
    }
    let sent = match sent {
        Ok(sent) => sent,
        Err(_) if received.exit_code() != 0 => Sent::default(),
        Err(error) => {
            return Err(
                Error::new(ErrorKind::Unreachable, "what was to be sent broke off")
                    .with_source(error),
            );
        }
    };
    Ok((received, sent))
}

async fn plain_copy(
    mut from: impl tokio::io::AsyncRead + Unpin,
    mut to: impl tokio::io::AsyncWrite + Unpin,
) -> std::io::Result<Sent> {
    let bytes = tokio::io::copy(&mut from, &mut to).await?;
    to.shutdown().await?;
    Ok(Sent {
        plain: bytes,
        on_the_wire: bytes,
    })
}
