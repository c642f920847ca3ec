use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::transport::{Output, RemoteProcess};
use crate::error::{Error, ErrorKind, Result};

/// Feeds what one remote command prints to another one, through this side, as it is. Returns how the
/// second one ended; that the first one, named by `what`, ended well is seen to here.
///
/// # Errors
/// Of the given kind with the first command's words; [`ErrorKind::Unreachable`].
pub(crate) async fn pipe(
    mut from: RemoteProcess,
    mut to: RemoteProcess,
    (kind, what): (ErrorKind, &str),
) -> Result<Output> {
    let nothing = || Box::pin(tokio::io::empty());
    drop(from.stdin.take());
    let mut out = std::mem::replace(&mut from.stdout, nothing());
    let mut complaints = std::mem::replace(&mut from.stderr, nothing());
    let mut into = to.stdin.take().expect("taken once, here");
    let mut complaint = String::new();
    let copy = async move {
        tokio::io::copy(&mut out, &mut into).await?;
        into.shutdown().await
    };
    let (sent, received, status, _) = tokio::join!(
        copy,
        to.finish(b""),
        from.exit,
        complaints.read_to_string(&mut complaint),
    );
    // The side that failed first tells why; the other one only saw a broken pipe.
    let (status, received) = (status?, received?);
    if received.exit_code() != 0 {
        return Ok(received);
    }
    if !status.success() {
        let text = format!("{what} failed: {}", complaint.trim());
        return Err(Error::new(kind, text));
    }
    sent.map(|()| received).map_err(|error| {
        Error::new(ErrorKind::Unreachable, "what was to be sent broke off").with_source(error)
    })
}
