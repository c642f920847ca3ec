//! A transport for tests: a real shell on this machine.

use std::process::Stdio;

use async_trait::async_trait;
use tokio::process::Command;

use super::transport::{RemoteProcess, Transport};
use crate::error::Result;

/// Runs commands here, with these variables set, in a process group of their own as sshd does.
#[derive(Debug, Default)]
pub(crate) struct LocalShell {
    pub(crate) variables: Vec<(String, String)>,
}

#[async_trait]
impl Transport for LocalShell {
    async fn spawn(&self, command: &str) -> Result<RemoteProcess> {
        let mut child = Command::new("/bin/sh")
            .args(["-c", command])
            .envs(self.variables.clone())
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("a shell");
        Ok(RemoteProcess {
            stdin: Some(Box::pin(child.stdin.take().expect("piped"))),
            stdout: Box::pin(child.stdout.take().expect("piped")),
            stderr: Box::pin(child.stderr.take().expect("piped")),
            exit: Box::pin(async move { Ok(child.wait().await.expect("it ends")) }),
        })
    }
}
