//! A pseudo-terminal, our end of it as asynchronous input and output.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::pty::OpenptFlags;
use rustix::termios::{InputModes, OptionalActions, Winsize};
use tokio::io::{AsyncRead, ReadBuf};
use tokio::net::unix::pipe;

/// A new pseudo-terminal in its usual modes.
#[derive(Debug)]
pub(super) struct Pty {
    /// What is typed. No pipe, but whatever can be polled may be wrapped in it.
    pub(super) input: pipe::Sender,
    pub(super) output: PtyOutput,
    pub(super) size: PtySize,
    /// The end of whom it is made for. Never blocks.
    pub(super) theirs: OwnedFd,
}

impl Pty {
    pub(super) fn open(rows: u16, columns: u16) -> io::Result<Self> {
        let ours = rustix::pty::openpt(flags())?;
        rustix::pty::grantpt(&ours)?;
        rustix::pty::unlockpt(&ours)?;
        let name = rustix::pty::ptsname(&ours, Vec::new())?;
        // Whoever blocked on a terminal that nobody reads would be the `ssh` of all sessions.
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let theirs = rustix::fs::open(name, flags, Mode::empty())?;
        let mut modes = rustix::termios::tcgetattr(&theirs)?;
        modes.input_modes |= InputModes::IUTF8;
        rustix::termios::tcsetattr(&theirs, OptionalActions::Now, &modes)?;
        let size = PtySize(Arc::new(ours.try_clone()?));
        size.set(rows, columns)?;
        Ok(Self {
            input: pipe::Sender::from_file_unchecked(File::from(ours.try_clone()?))?,
            output: PtyOutput(pipe::Receiver::from_file_unchecked(File::from(ours))?),
            size,
            theirs,
        })
    }
}

/// Nothing is echoed or changed by it any more.
pub(super) fn make_raw(end: impl AsFd) -> io::Result<()> {
    let mut modes = rustix::termios::tcgetattr(&end)?;
    modes.make_raw();
    Ok(rustix::termios::tcsetattr(
        end,
        OptionalActions::Now,
        &modes,
    )?)
}

/// The size of a pseudo-terminal.
#[derive(Clone, Debug)]
pub(super) struct PtySize(Arc<OwnedFd>);

impl PtySize {
    pub(super) fn set(&self, rows: u16, columns: u16) -> io::Result<()> {
        let size = Winsize {
            ws_row: rows,
            ws_col: columns,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        Ok(rustix::termios::tcsetwinsize(&self.0, size)?)
    }
}

/// What is shown. Ends when the other end is closed.
#[derive(Debug)]
pub(super) struct PtyOutput(pipe::Receiver);

impl AsyncRead for PtyOutput {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = ready!(Pin::new(&mut self.0).poll_read(context, buffer));
        Poll::Ready(match read {
            // Linux's way to say that the other end is closed.
            Err(error) if Errno::from_io_error(&error) == Some(Errno::IO) => Ok(()),
            other => other,
        })
    }
}

#[cfg(target_os = "linux")]
fn flags() -> OpenptFlags {
    OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC
}

#[cfg(not(target_os = "linux"))]
fn flags() -> OpenptFlags {
    OpenptFlags::RDWR | OpenptFlags::NOCTTY
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    #[tokio::test]
    async fn what_is_written_at_one_end_is_read_at_the_other_until_it_is_closed() {
        let Pty {
            mut input,
            mut output,
            size,
            theirs,
        } = Pty::open(24, 80).expect("a terminal");
        make_raw(&theirs).expect("made raw");
        size.set(50, 132).expect("set");
        let seen = rustix::termios::tcgetwinsize(&theirs).expect("a size");
        assert_eq!((seen.ws_row, seen.ws_col), (50, 132));

        input.write_all(b"typed\n").await.expect("written");
        let mut typed = [0; 6];
        rustix::io::read(&theirs, &mut typed).expect("there at once");
        assert_eq!(&typed, b"typed\n");

        rustix::io::write(&theirs, b"shown\n").expect("written");
        drop(theirs);
        let mut shown = String::new();
        output
            .read_to_string(&mut shown)
            .await
            .expect("the end is no error");
        assert_eq!(shown, "shown\n", "changed on its way");
    }
}
