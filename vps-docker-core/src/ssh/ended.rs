//! A stream that tells when nobody reads it any more.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, ReadBuf};
use tokio::sync::oneshot;

/// A stream, and what ends when it was read to its end or dropped.
///
/// Who asks `ssh` how a session ended, and has the answer, gets nothing more of what the session printed: the
/// answer may come before the last of it. So that question waits for the streams.
pub(super) fn until_read<R: AsyncRead + Unpin>(
    stream: R,
) -> (UntilRead<R>, impl Future<Output = ()> + Send) {
    let (open, ended) = oneshot::channel::<()>();
    let stream = UntilRead {
        stream,
        open: Some(open),
    };
    (stream, async move {
        let _ = ended.await;
    })
}

/// See [`until_read`].
#[derive(Debug)]
pub(super) struct UntilRead<R> {
    stream: R,
    /// Dropped with the end of the stream.
    open: Option<oneshot::Sender<()>>,
}

impl<R: AsyncRead + Unpin> AsyncRead for UntilRead<R> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let (before, room) = (buffer.filled().len(), buffer.remaining());
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        match &read {
            Poll::Ready(Ok(())) if buffer.filled().len() > before || room == 0 => {}
            Poll::Ready(_) => self.open = None,
            Poll::Pending => {}
        }
        read
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use tokio::io::AsyncReadExt;

    use super::*;

    #[tokio::test]
    async fn it_ends_with_the_last_byte_or_when_nobody_is_left_to_read() {
        let (mut stream, ended) = until_read(&b"two words"[..]);
        let mut ended = Box::pin(ended);
        let mut some = [0; 3];
        stream.read_exact(&mut some).await.expect("there is some");
        assert!(ended.as_mut().now_or_never().is_none(), "there is more");
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).await.expect("read");
        ended.await;

        let (stream, ended) = until_read(&b"nobody"[..]);
        let mut ended = Box::pin(ended);
        assert!(ended.as_mut().now_or_never().is_none());
        drop(stream);
        ended.await;
    }
}
