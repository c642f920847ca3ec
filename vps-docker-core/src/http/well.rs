use std::path::Path;
use std::time::Duration;

use super::tls;
use crate::error::{Error, ErrorKind, Result};

/// Asks an application how it is: `GET` of a path over a unix socket that leads to its port. From 200 to 399 it is
/// well; a redirect is not followed, and the answer's body not read.
///
/// # Errors
/// `Docker` with what it answered, or that it did not.
pub(crate) async fn ask_whether_well(
    socket: &Path,
    port: u16,
    path: &str,
    limit: Duration,
) -> Result<()> {
    let client = reqwest::Client::builder()
        .user_agent(concat!("vps-docker/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .tls_backend_preconfigured(tls::config(false)?)
        .no_proxy()
        .unix_socket(socket)
        .timeout(limit)
        .build()
        .map_err(|error| {
            Error::new(ErrorKind::State, "no HTTP client can be made here").with_source(error)
        })?;
    let what = format!("GET {path} at port {port} of the VPS");
    let answer = client
        .get(format!("http://localhost:{port}{path}"))
        .send()
        .await;
    let said = match &answer {
        Ok(answer) if (200..400).contains(&answer.status().as_u16()) => return Ok(()),
        Ok(answer) => format!("answers {}", answer.status()),
        Err(error) if error.is_timeout() => {
            format!("gets no answer in {} s", limit.as_secs_f32())
        }
        Err(_) => "gets no answer: nothing that speaks HTTP takes the connection".to_owned(),
    };
    let unwell = Error::new(ErrorKind::Docker, format!("{what} {said}"));
    Err(match answer {
        Ok(_) => unwell,
        Err(error) => unwell.with_source(error.without_url()),
    })
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::UnixListener;

    use super::*;

    /// An application that answers one question so; returns the question and what was made of the answer.
    async fn answered(answer: &str) -> (String, Result<()>) {
        let directory = tempfile::tempdir().expect("a directory");
        let socket = directory.path().join("s");
        let listener = UnixListener::bind(&socket).expect("bound");
        let serve = async {
            let (mut stream, _) = listener.accept().await.expect("asked");
            let mut question = vec![0; 4096];
            let read = stream.read(&mut question).await.expect("a question");
            let _ = stream.write_all(answer.as_bytes()).await;
            String::from_utf8_lossy(&question[..read]).into_owned()
        };
        let limit = Duration::from_secs(5);
        tokio::join!(serve, ask_whether_well(&socket, 8000, "/up?x=%20", limit))
    }

    #[tokio::test]
    async fn from_200_to_399_it_is_well_and_nothing_else_is() {
        for status in ["200 OK", "204 No Content", "302 Found", "399 Odd"] {
            let answer = format!("HTTP/1.1 {status}\r\nlocation: http://elsewhere/\r\n\r\n");
            let (question, made) = answered(&answer).await;
            made.expect(status);
            assert!(
                question.starts_with("GET /up?x=%20 HTTP/1.1\r\n"),
                "{question}"
            );
            assert!(question.contains("host: localhost:8000\r\n"), "{question}");
        }
        for status in ["404 Not Found", "500 Internal Server Error", "503 Not Yet"] {
            let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n");
            let (_, made) = answered(&answer).await;
            let error = made.expect_err(status).to_string();
            assert!(error.contains(&status[..3]), "{error}");
        }
        for nonsense in ["", "hello\r\n\r\n", "HTTP/1.1"] {
            let (_, made) = answered(nonsense).await;
            made.expect_err(nonsense);
        }
    }

    #[tokio::test]
    async fn nobody_there_and_nobody_who_answers_are_told() {
        let directory = tempfile::tempdir().expect("a directory");
        let socket = directory.path().join("s");
        let limit = Duration::from_millis(50);
        let nobody = ask_whether_well(&socket, 80, "/", limit).await;
        nobody.expect_err("nobody listens");
        let _silent = UnixListener::bind(&socket).expect("bound");
        let silent = ask_whether_well(&socket, 80, "/", limit).await;
        let error = silent.expect_err("nobody answers").to_string();
        assert!(error.contains("no answer in 0.05 s"), "{error}");
    }
}
