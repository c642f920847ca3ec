use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;

use super::Host;
use super::reconnecting::Reconnecting;
use crate::docker::{BuildSource, DockerOverSsh, build_image};
use crate::error::{Error, ErrorKind, Result};
use crate::files::{Ignore, Surplus, Transfer, Tree, cannot, download, sync};
use crate::model::{ImageBuild, ImageReference};
use crate::ssh::{RemoteProcess, Transport};

impl Host {
    /// Copies a file or a directory into the container, as the user who logs in there. `remote` is
    /// what it will be called: a file replaces the file of that name, a directory's entries go
    /// into the directory of that name, where others are left alone. Directories above are made.
    /// A relative path begins in the image's working directory.
    ///
    /// Symbolic links are copied as links, and one that is in the place of what is copied is
    /// replaced, also where it leads to a directory. Permissions and times of modification are kept, owners,
    /// extended attributes and hard links are not. Only what differs travels, compressed while
    /// that is faster, and memory does not grow with the files.
    ///
    /// Idempotent. A lost connection is made anew and what has arrived is not sent again, nor is
    /// it by the next call after this future was dropped. Each file is written in place: whoever
    /// reads it meanwhile may see half of it.
    ///
    /// # Errors
    /// `Permission` when one side may not read or the other not write; `Invalid` for a device, FIFO
    /// or socket, with its path, and an unfit `remote`; `Unsupported` when the container has no
    /// tar; `State` when its disk is full; those of [`container`](Self::container).
    pub async fn upload(
        &self,
        local: impl AsRef<Path>,
        remote: impl AsRef<str>,
    ) -> Result<Transfer> {
        let (local, remote) = (local.as_ref(), remote.as_ref());
        self.send(local, remote).await.map_err(|error| {
            let error = error.with_host(&self.info.name);
            error.with_operation("upload")
        })
    }

    async fn send(&self, local: &Path, remote: &str) -> Result<Transfer> {
        check_remote(remote)?;
        // A link that was named is followed; one in a directory is not.
        let local = local
            .canonicalize()
            .map_err(|error| cannot("find", local, error))?;
        let door = ContainerDoor(self);
        if local.is_dir() {
            let walk = move || Tree::walk(&local, &Ignore::default());
            return sync(&door, walk, remote, Surplus::Kept).await;
        }
        let (directory, name) = match remote.rsplit_once('/') {
            None => (".", remote),
            Some(("", name)) => ("/", name),
            Some((directory, name)) => (directory, name),
        };
        if matches!(name, "" | "." | "..") {
            return Err(Error::new(
                ErrorKind::Invalid,
                format!("{remote:?} is the name of a directory; add the file's name"),
            ));
        }
        let name = name.as_bytes().to_vec();
        let walk = move || {
            let mut tree = Tree::default();
            tree.add_file(&local, &name)?;
            Ok(tree)
        };
        sync(&door, walk, directory, Surplus::Kept).await
    }

    /// Copies a file or a directory out of the container, as the user who logs in there. `local` is
    /// what it will be called: a file replaces the file of that name; a directory must not be there
    /// yet, or be empty. It appears when all of it is here.
    ///
    /// Whatever the container sends, nothing is written elsewhere and no link is followed; links
    /// are copied as links, wherever they point. Permissions are kept but for set-user-ID bits.
    ///
    /// Idempotent for a file. After a lost connection it begins anew; when this future is dropped,
    /// nothing is left.
    ///
    /// # Errors
    /// `NotFound`; `Permission` when one side may not write or the other not read; `Invalid` when
    /// `local` is taken or a device, FIFO or socket is among the files; `Unsupported` when the
    /// container has no tar; those of [`container`](Self::container).
    pub async fn download(
        &self,
        remote: impl AsRef<str>,
        local: impl AsRef<Path>,
    ) -> Result<Transfer> {
        let (remote, local) = (remote.as_ref(), local.as_ref());
        let fetch = async {
            check_remote(remote)?;
            download(&ContainerDoor(self), remote, local).await
        };
        fetch.await.map_err(|error| {
            let error = error.with_host(&self.info.name);
            error.with_operation("download")
        })
    }

    /// Builds an image on the VPS, as a create with build args does, and leaves the container as it
    /// is. Every line of the output is told. Of the context only what has changed since the last
    /// build travels: it stays on the VPS, in `/var/lib/vps-docker/contexts`, under the path that
    /// it has here. Two builds at once of one context are not kept apart.
    ///
    /// Idempotent. Dropped in the middle, the build ends on the VPS with its next line of output.
    ///
    /// # Errors
    /// `Docker` with the failing step and the end of the output; those of
    /// [`upload`](Self::upload) for the context; those of [`vps`](Self::vps).
    pub async fn build_image(
        &self,
        build: &ImageBuild,
        on_line: impl Fn(String) + Send + Sync,
    ) -> Result<ImageReference> {
        let work = async {
            let source = BuildSource::look(build.clone()).await?;
            let vps = Reconnecting::new(&self.engine, self.vps().await?);
            let docker = DockerOverSsh::new(Arc::new(vps));
            let engine = &self.engine.settings.local_engine;
            let reference = build.reference();
            build_image(&docker, engine, &source, &reference, &on_line).await?;
            Ok(reference)
        };
        work.await.map_err(|error: Error| {
            let error = error.with_host(&self.info.name);
            error.with_operation("build")
        })
    }
}

fn check_remote(remote: &str) -> Result<()> {
    if remote.is_empty() || remote.contains('\0') {
        return Err(Error::new(
            ErrorKind::Invalid,
            format!("{remote:?} is no path in the container"),
        ));
    }
    Ok(())
}

/// The container, connected anew where the connection has broken.
#[derive(Debug)]
struct ContainerDoor<'a>(&'a Host);

#[async_trait]
impl Transport for ContainerDoor<'_> {
    async fn spawn(&self, command: &str) -> Result<RemoteProcess> {
        self.0.container().await?.spawn(command).await
    }
}
