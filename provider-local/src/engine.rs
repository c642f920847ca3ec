//! The connection to the Docker engine.

use std::future::ready;
use std::time::Duration;

use bollard::query_parameters::UploadToContainerOptionsBuilder;
use bollard::{API_DEFAULT_VERSION, Docker};
use futures_util::stream;
use tokio::sync::OnceCell;
use vps_docker_core::Result;

use crate::error::during;

/// An answer to a plain question takes milliseconds; this is for an engine under load.
const ANSWER: Duration = Duration::from_secs(120);
/// Builds, imports and copies answer when they are done.
const WORK: Duration = Duration::from_secs(3600);

/// The engine, asked once what it is.
#[derive(Clone, Debug)]
pub(crate) struct Engine {
    pub(crate) docker: Docker,
    /// Processors of the machine.
    pub(crate) cpus: u32,
}

impl Engine {
    /// For requests that answer only when long work is done.
    pub(crate) fn patient(&self) -> Docker {
        self.docker.clone().with_timeout(WORK)
    }
}

/// Connects at the first use, so that making a provider does no I/O.
#[derive(Debug, Default)]
pub(crate) struct Connection(OnceCell<Engine>);

impl Connection {
    pub(crate) async fn engine(&self, socket: &str) -> Result<&Engine> {
        self.0
            .get_or_try_init(|| async {
                let docker =
                    Docker::connect_with_socket(socket, ANSWER.as_secs(), API_DEFAULT_VERSION)
                        .map_err(during("connect to the Docker engine"))?
                        .negotiate_version()
                        .await
                        .map_err(during("connect to the Docker engine"))?;
                let info = docker
                    .info()
                    .await
                    .map_err(during("ask the Docker engine what it is"))?;
                Ok(Engine {
                    docker,
                    cpus: info
                        .ncpu
                        .and_then(|cpus| u32::try_from(cpus).ok())
                        .unwrap_or(1),
                })
            })
            .await
    }
}

/// Unpacks an archive into a container, from its root.
pub(crate) async fn put_files(
    docker: &Docker,
    container: &str,
    files: Vec<u8>,
) -> Result<(), bollard::errors::Error> {
    // A body of one piece would be in the trace that bollard writes, and user_data in there.
    let files = bollard::body_stream(stream::once(ready(files.into())));
    let options = UploadToContainerOptionsBuilder::new().path("/").build();
    docker
        .upload_to_container(container, Some(options), files)
        .await
}
