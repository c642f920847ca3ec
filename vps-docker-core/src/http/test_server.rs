//! A server of canned answers, so that a test decides byte by byte what a provider says.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Serves one canned answer after the other, the last one again and again. Ends with the test.
pub(super) struct Server {
    pub(super) origin: String,
    requests: Arc<Mutex<Vec<String>>>,
}

/// What becomes of one request.
#[derive(Clone, Debug)]
pub(super) enum Answer {
    /// These bytes, then the connection is closed.
    Bytes(String),
    /// The connection is closed without a word.
    Cut,
    /// No answer ever.
    Silence,
    /// A body without an end.
    Endless,
}

/// An answer with that status, headers (`Name: value` lines, each with its end) and body.
pub(super) fn answer(status: u16, headers: &str, body: &str) -> Answer {
    let length = body.len();
    Answer::Bytes(format!(
        "HTTP/1.1 {status} x\r\nconnection: close\r\ncontent-length: {length}\r\n{headers}\r\n{body}"
    ))
}

impl Server {
    pub(super) async fn start(answers: impl IntoIterator<Item = Answer>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let requests = Arc::new(Mutex::new(Vec::new()));
        let answers: Vec<Answer> = answers.into_iter().collect();
        let seen = Arc::clone(&requests);
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.expect("a connection");
                tokio::spawn(serve(stream, answers.clone(), Arc::clone(&seen)));
            }
        });
        Self {
            origin: format!("http://{address}"),
            requests,
        }
    }

    /// The requests so far, each as it came: head and body.
    pub(super) fn requests(&self) -> Vec<String> {
        self.requests.lock().expect("no panic").clone()
    }
}

async fn serve(mut stream: TcpStream, answers: Vec<Answer>, seen: Arc<Mutex<Vec<String>>>) {
    let Some(request) = read_request(&mut stream).await else {
        return;
    };
    let number = {
        let mut seen = seen.lock().expect("no panic");
        seen.push(request);
        seen.len() - 1
    };
    // A client that has gone is no fault of the server's.
    let _ = match &answers[number.min(answers.len() - 1)] {
        Answer::Bytes(bytes) => stream.write_all(bytes.as_bytes()).await,
        Answer::Cut => Ok(()),
        Answer::Silence => std::future::pending().await,
        Answer::Endless => {
            let head = b"HTTP/1.1 200 x\r\ntransfer-encoding: chunked\r\n\r\n";
            let mut written = stream.write_all(head).await;
            while written.is_ok() {
                written = stream.write_all(b"5\r\n[1,1,\r\n").await;
            }
            written
        }
    };
}

async fn read_request(stream: &mut TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    loop {
        let mut chunk = [0; 4096];
        let n = stream.read(&mut chunk).await.ok()?;
        if n == 0 {
            return None;
        }
        bytes.extend_from_slice(&chunk[..n]);
        if !bytes[0].is_ascii_uppercase() {
            // No method of HTTP: answered as servers do.
            let _ = stream.write_all(b"HTTP/1.1 400 x\r\n\r\n").await;
            return None;
        }
        let text = String::from_utf8_lossy(&bytes);
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let length = head
            .lines()
            .find_map(|line| {
                line.to_ascii_lowercase()
                    .strip_prefix("content-length: ")
                    .map(str::to_owned)
            })
            .map_or(0, |digits| digits.parse().expect("a length"));
        if body.len() >= length {
            return Some(text.into_owned());
        }
    }
}
