use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until, timeout, timeout_at};

use crate::error::{Error, ErrorKind, Result};

/// How long one try may take to connect, and then to greet.
const TRY: Duration = Duration::from_secs(5);

/// Waits until something at the address greets as an SSH server. Sends nothing; says nothing about
/// who it is, which the pinned key decides. Cancel-safe.
///
/// # Errors
/// [`ErrorKind::Timeout`] at the deadline, telling what was seen last: refused (nothing listens),
/// no answer (a firewall, or the machine is down), or connected without a greeting (sshd is
/// overloaded or starting).
pub async fn wait_for_banner(address: SocketAddr, deadline: Instant) -> Result<()> {
    let mut pause = Duration::from_millis(10);
    loop {
        let seen = match timeout_at(deadline, greeting(address)).await {
            Ok(Greeting::Ssh) => return Ok(()),
            Ok(seen) => seen,
            Err(_elapsed) => Greeting::NoAnswer,
        };
        let next = Instant::now() + pause;
        if next >= deadline {
            return Err(seen.into_error(address));
        }
        sleep_until(next).await;
        pause = (pause * 2).min(Duration::from_millis(100));
    }
}

enum Greeting {
    Ssh,
    Refused,
    NoAnswer,
    Silent,
    Other(String),
}

async fn greeting(address: SocketAddr) -> Greeting {
    let mut stream = match timeout(TRY, TcpStream::connect(address)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) if error.kind() == std::io::ErrorKind::ConnectionRefused => {
            return Greeting::Refused;
        }
        Ok(Err(_)) | Err(_) => return Greeting::NoAnswer,
    };
    let mut start = [0_u8; 4];
    match timeout(TRY, stream.read_exact(&mut start)).await {
        Ok(Ok(_)) if &start == b"SSH-" => Greeting::Ssh,
        Ok(Ok(_)) => Greeting::Other(String::from_utf8_lossy(&start).into_owned()),
        Ok(Err(_)) | Err(_) => Greeting::Silent,
    }
}

impl Greeting {
    fn into_error(self, address: SocketAddr) -> Error {
        let seen = match self {
            Self::Ssh | Self::Refused => {
                "the port refuses connections: sshd does not run yet".into()
            }
            Self::NoAnswer => "no answer: a firewall is in between or the machine is down".into(),
            Self::Silent => "it accepts connections but does not greet: sshd is starting or \
                             overloaded"
                .into(),
            Self::Other(start) => format!("something that is not SSH answers there ({start:?})"),
        };
        Error::new(
            ErrorKind::Timeout,
            format!("no SSH server at {address} by the deadline, {seen}"),
        )
        .retryable()
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt;
    use tokio::net::TcpListener;

    use super::*;

    fn soon() -> Instant {
        Instant::now() + Duration::from_millis(300)
    }

    #[tokio::test]
    async fn a_refusal_and_a_silent_server_are_told_apart() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("bound");
        let silent = wait_for_banner(address, soon()).await.expect_err("silent");
        assert!(
            silent.to_string().contains("no answer")
                || silent.to_string().contains("does not greet")
        );
        drop(listener);
        let refused = wait_for_banner(address, soon()).await.expect_err("refused");
        assert!(
            refused.to_string().contains("refuses connections"),
            "{refused}"
        );
        assert_eq!(refused.kind(), ErrorKind::Timeout);
    }

    #[tokio::test]
    async fn a_greeting_ends_the_wait() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("bound");
        let server = async {
            let (mut stream, _) = listener.accept().await.expect("a client");
            stream
                .write_all(b"SSH-2.0-test\r\n")
                .await
                .expect("written");
        };
        let (result, ()) = tokio::join!(wait_for_banner(address, soon()), server);
        result.expect("greeted");
    }
}
