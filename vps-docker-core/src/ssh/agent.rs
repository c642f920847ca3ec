use std::path::Path;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

use crate::error::{Error, ErrorKind, Result};
use crate::keys::PublicKey;

/// As in the protocol (draft-ietf-sshm-ssh-agent), in which OpenSSH takes no longer message.
const LONGEST: u32 = 256 * 1024;
const REQUEST_IDENTITIES: u8 = 11;
const IDENTITIES_ANSWER: u8 = 12;

/// Asks an ssh-agent whether it holds a key. Nothing is signed. Cancel-safe.
///
/// # Errors
/// [`ErrorKind::Auth`] when it does not; [`ErrorKind::State`] when no agent answers there.
pub(crate) async fn check_agent_holds(socket: &Path, key: &PublicKey) -> Result<()> {
    let silent = |error: std::io::Error| {
        Error::new(
            ErrorKind::State,
            format!(
                "no ssh-agent answers at {}; start one, and give its socket, which $SSH_AUTH_SOCK \
                 holds in a shell",
                socket.display()
            ),
        )
        .with_source(error)
    };
    let answer = identities(socket).await.map_err(silent)?;
    let wanted = key.blob();
    let mut rest = answer.as_slice();
    while let Some(blob) = take_string(&mut rest) {
        if blob == wanted.as_slice() {
            return Ok(());
        }
        // The key's comment.
        take_string(&mut rest);
    }
    Err(Error::new(
        ErrorKind::Auth,
        format!(
            "the ssh-agent at {} does not hold the key {}; add it with `ssh-add`, and look with \
             `ssh-add -l`",
            socket.display(),
            key.fingerprint()
        ),
    ))
}

/// What it holds: for each key two strings, the key and a comment.
async fn identities(socket: &Path) -> std::io::Result<Vec<u8>> {
    let mut agent = UnixStream::connect(socket).await?;
    agent.write_all(&[0, 0, 0, 1, REQUEST_IDENTITIES]).await?;
    let length = agent.read_u32().await?;
    if !(5..=LONGEST).contains(&length) || agent.read_u8().await? != IDENTITIES_ANSWER {
        return Err(std::io::Error::other("it does not speak as an agent does"));
    }
    let _count = agent.read_u32().await?;
    let mut answer = vec![0; length as usize - 5];
    agent.read_exact(&mut answer).await?;
    Ok(answer)
}

fn take_string<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (length, after) = rest.split_first_chunk::<4>()?;
    let (string, after) = after.split_at_checked(u32::from_be_bytes(*length) as usize)?;
    *rest = after;
    Some(string)
}

#[cfg(test)]
mod tests {
    use std::process::{Child, Command, Stdio};

    use secrecy::ExposeSecret;
    use tempfile::TempDir;

    use super::*;
    use crate::keys::KeyPair;

    /// A real one, which ends with the value.
    struct Agent {
        process: Child,
        directory: TempDir,
    }

    impl Agent {
        async fn start() -> Self {
            let directory = tempfile::tempdir().expect("a directory");
            let process = Command::new("ssh-agent")
                .arg("-D")
                .arg("-a")
                .arg(directory.path().join("agent"))
                .stdout(Stdio::null())
                .spawn()
                .expect("an ssh-agent program");
            let agent = Self { process, directory };
            while UnixStream::connect(agent.socket()).await.is_err() {
                tokio::task::yield_now().await;
            }
            agent
        }

        fn socket(&self) -> std::path::PathBuf {
            self.directory.path().join("agent")
        }

        fn add(&self, pair: &KeyPair) {
            let file = self.directory.path().join("key");
            let mut options = std::fs::OpenOptions::new();
            let options = std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            let file_of_key = options.write(true).create(true).truncate(true).open(&file);
            let private = pair.private_openssh();
            std::io::Write::write_all(
                &mut file_of_key.expect("made"),
                private.expose_secret().as_bytes(),
            )
            .expect("written");
            let add = Command::new("ssh-add")
                .arg("-q")
                .arg(&file)
                .env("SSH_AUTH_SOCK", self.socket())
                .status();
            assert!(add.expect("an ssh-add program").success());
        }
    }

    impl Drop for Agent {
        fn drop(&mut self) {
            let _ = self.process.kill();
            let _ = self.process.wait();
        }
    }

    #[tokio::test]
    async fn an_agent_tells_what_it_holds() {
        let pair = |name| KeyPair::generate(name).expect("random");
        let (first, second, stranger) = (pair("first"), pair("second"), pair("stranger"));
        let agent = Agent::start().await;
        let asked = |pair: &KeyPair| {
            let (socket, key) = (agent.socket(), pair.public().clone());
            async move { check_agent_holds(&socket, &key).await }
        };
        let error = asked(&first).await.expect_err("it is empty");
        assert_eq!(error.kind(), ErrorKind::Auth);
        agent.add(&first);
        agent.add(&second);
        for held in [&first, &second] {
            asked(held).await.expect("held");
        }
        let error = asked(&stranger).await.expect_err("not held");
        let fingerprint = stranger.public().fingerprint();
        assert!(error.to_string().contains(&fingerprint), "{error}");
    }

    #[tokio::test]
    async fn where_no_agent_is_that_is_said() {
        let directory = tempfile::tempdir().expect("a directory");
        let key = KeyPair::generate("x").expect("random");
        let socket = directory.path().join("none");
        let error = check_agent_holds(&socket, key.public()).await;
        let error = error.expect_err("nobody is there");
        assert_eq!(error.kind(), ErrorKind::State);
        assert!(error.to_string().contains("SSH_AUTH_SOCK"), "{error}");
    }
}
