use std::future::pending;
use std::time::Duration;

use crate::docker::{CONTAINER_NAME, ContainerRun, DockerOverSsh};
use crate::error::{Error, ErrorKind, Result};
use crate::store::HostRecord;

/// What a container that has just been started is to be seen doing.
pub(super) const LET_IN: &str = "its sshd let us in";

/// Starts the one container as the record has it.
///
/// # Errors
/// `Docker` with docker's words, `State` for the record of a create that did not get that far.
pub(super) async fn run_container(docker: &DockerOverSsh, record: &HostRecord) -> Result<()> {
    docker.run_container(&arguments(record)?).await
}

/// The words of `docker create` that do so.
pub(super) fn arguments(record: &HostRecord) -> Result<Vec<String>> {
    let image = record.derived_image.as_deref().ok_or_else(|| {
        Error::new(
            ErrorKind::State,
            "the record names no image to run: the host's create did not get far; destroy it",
        )
    })?;
    let run = ContainerRun {
        host_id: &record.id,
        name: &record.name,
        spec: &record.container,
        command: &record.container_command,
        image,
        host_dir: &record.host_dir,
        ssh_port: record.container_ssh_port,
        deployment: record.deployment.as_deref(),
    };
    Ok(run.arguments())
}

/// Ends when the container does within the limit, with what it said last. `before` says what it was to be
/// seen doing.
pub(super) async fn container_ended(
    docker: &DockerOverSsh,
    limit: Duration,
    before: &str,
) -> Error {
    let code = match docker.wait_for_end(CONTAINER_NAME, limit).await {
        Ok(Some(code)) => code,
        Ok(None) => return pending().await,
        Err(error) => return error,
    };
    let said = last_words(docker).await;
    Error::new(
        ErrorKind::Docker,
        format!("the container ended with exit code {code} before {before}; it said: {said}"),
    )
}

/// The last 20 lines of the container's log, or why they cannot be had.
pub(super) async fn last_words(docker: &DockerOverSsh) -> String {
    let said = match docker.spawn(["logs", "--tail=20", CONTAINER_NAME]).await {
        Ok(logs) => match logs.finish(b"").await {
            Ok(output) => format!("{}{}", output.stdout, output.stderr),
            Err(error) => error.to_string(),
        },
        Err(error) => error.to_string(),
    };
    // sshd ends its lines as terminals do.
    said.replace('\r', "").trim().to_owned()
}
