//! The root file system below the images: the registry's, else one made by `debootstrap`.

use std::io;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use bollard::query_parameters::{CreateImageOptionsBuilder, TagImageOptionsBuilder};
use futures_util::{StreamExt, TryStreamExt};
use tempfile::TempDir;
use tokio::io::AsyncReadExt;
use tokio::process::Command;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::io::ReaderStream;
use vps_docker_core::{Error, ErrorKind, Result};

use super::{ContainerBase, ImageEvent, exists, lock};
use crate::config::LocalConfig;
use crate::engine::Engine;
use crate::error::during;
use crate::uninterrupted::{check, uninterrupted};

/// What containers are made of, and VPSs where it can be had.
const SLIM: (&str, &str) = ("debian", "bookworm-slim");
/// Ours, when it cannot.
const OWN: (&str, &str) = ("vps-docker/rootfs", "bookworm");
/// How the names of our temporary directories begin.
const SCRATCH: &str = "vps-docker-rootfs-";
/// A registry that does not begin to answer within this time is none.
const PULL_SILENCE: Duration = Duration::from_secs(30);

fn name((repository, tag): (&str, &str)) -> String {
    format!("{repository}:{tag}")
}

/// Makes sure that there is a root file system and returns the name of its image.
pub(super) async fn ensure(
    engine: &Engine,
    config: &LocalConfig,
    on_event: &(dyn Fn(ImageEvent) + Send + Sync),
) -> Result<String> {
    for image in [name(SLIM), name(OWN)] {
        if exists(engine, &image).await? {
            return Ok(image);
        }
    }
    match pull(engine, on_event).await {
        Ok(()) => Ok(name(SLIM)),
        Err(reason) => {
            bootstrap(engine, config, &reason, on_event).await?;
            Ok(name(OWN))
        }
    }
}

/// Makes sure that there is an image for containers.
pub(crate) async fn container_base(
    engine: &Engine,
    config: &LocalConfig,
    on_event: &(dyn Fn(ImageEvent) + Send + Sync),
) -> Result<ContainerBase> {
    let image = name(SLIM);
    if exists(engine, &image).await? {
        on_event(ImageEvent::Ready { image });
        return Ok(ContainerBase::Present);
    }
    let _lock = lock(config, on_event).await?;
    let base = match pull(engine, on_event).await {
        Ok(()) => ContainerBase::Pulled,
        Err(reason) => {
            if !exists(engine, &name(OWN)).await? {
                bootstrap(engine, config, &reason, on_event).await?;
            }
            let options = TagImageOptionsBuilder::new()
                .repo(SLIM.0)
                .tag(SLIM.1)
                .build();
            engine
                .docker
                .tag_image(&name(OWN), Some(options))
                .await
                .map_err(during("tag image"))?;
            on_event(ImageEvent::Line(ContainerBase::Imported.to_string()));
            ContainerBase::Imported
        }
    };
    on_event(ImageEvent::Ready { image });
    Ok(base)
}

/// Pulls from the registry; says why it could not.
async fn pull(
    engine: &Engine,
    on_event: &(dyn Fn(ImageEvent) + Send + Sync),
) -> std::result::Result<(), String> {
    on_event(ImageEvent::Pulling { image: name(SLIM) });
    let options = CreateImageOptionsBuilder::new()
        .from_image(SLIM.0)
        .tag(SLIM.1)
        .build();
    let docker = engine.docker.clone().with_timeout(PULL_SILENCE);
    let mut answers = docker.create_image(Some(options), None, None).boxed();
    loop {
        match timeout(PULL_SILENCE, answers.next()).await {
            Err(_) => return Err("the registry is silent".to_owned()),
            Ok(None) => return Ok(()),
            Ok(Some(Err(error))) => return Err(format!("the registry cannot be used: {error}")),
            Ok(Some(Ok(info))) => {
                if let Some(detail) = info.error_detail {
                    return Err(detail.message.unwrap_or_default());
                }
            }
        }
    }
}

async fn bootstrap(
    engine: &Engine,
    config: &LocalConfig,
    reason: &str,
    on_event: &(dyn Fn(ImageEvent) + Send + Sync),
) -> Result<()> {
    if !rustix::process::geteuid().is_root() {
        return Err(unavailable(
            reason,
            "must run as root: use sudo once for this",
        ));
    }
    on_event(ImageEvent::Bootstrapping {
        reason: reason.to_owned(),
        image: name(OWN),
    });
    let engine = engine.clone();
    let scratch_dir = config.scratch_dir.clone();
    let mirror = config.mirror.clone();
    let reason = reason.to_owned();
    uninterrupted(move |cancelled| async move {
        sweep(&scratch_dir);
        let scratch = scratch(&scratch_dir)?;
        let root = scratch.path().join("root");
        let made = tokio::select! {
            made = make(&engine, &root, mirror.as_deref(), &reason) => made,
            () = cancelled.cancelled() => check(&cancelled),
        };
        clear(scratch.path()).await;
        made
    })
    .await
}

async fn make(engine: &Engine, root: &Path, mirror: Option<&str>, reason: &str) -> Result<()> {
    debootstrap(root, mirror, reason).await?;
    import(engine, root).await
}

fn scratch(parent: &Path) -> Result<TempDir> {
    tempfile::Builder::new()
        .prefix(SCRATCH)
        .tempdir_in(parent)
        .map_err(|error| {
            Error::new(
                ErrorKind::State,
                format!(
                    "no directory can be made in {}; name another one with the option \
                     `scratch_dir`",
                    parent.display()
                ),
            )
            .with_source(error)
        })
}

/// Removes what killed processes left; we hold the lock, so none of it is in use.
fn sweep(parent: &Path) {
    let entries = std::fs::read_dir(parent).into_iter().flatten().flatten();
    for entry in entries {
        if entry.file_name().to_string_lossy().starts_with(SCRATCH)
            && let Err(error) = std::fs::remove_dir_all(entry.path())
        {
            tracing::warn!(%error, path = %entry.path().display(), "a left-over cannot be removed");
        }
    }
}

/// Removes our directory; processes that were just killed may write into it for another moment.
async fn clear(directory: &Path) {
    let deadline = Instant::now() + Duration::from_secs(5);
    while let Err(error) = std::fs::remove_dir_all(directory) {
        if Instant::now() > deadline {
            tracing::warn!(%error, path = %directory.display(), "a directory is left");
            return;
        }
        sleep(Duration::from_millis(20)).await;
    }
}

/// In namespaces of its own: no mount is left below the directory that is then removed, and all
/// its processes end with it.
async fn debootstrap(root: &Path, mirror: Option<&str>, reason: &str) -> Result<()> {
    let output = Command::new("unshare")
        .args(["--mount", "--propagation", "private"])
        .args(["--pid", "--fork", "--kill-child", "--mount-proc"])
        .args(["debootstrap", "--variant=minbase", "bookworm"])
        .arg(root)
        .args(mirror)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .map_err(|error| unavailable(reason, "needs the package util-linux").with_source(error))?;
    match output.status.code() {
        Some(0) => Ok(()),
        Some(127) => Err(unavailable(
            reason,
            "is missing: install it with `apt-get install debootstrap`",
        )),
        _ => Err(Error::new(
            ErrorKind::Provider,
            format!(
                "debootstrap failed ({}); is the Debian mirror reachable? It ended with:\n{}",
                output.status,
                last_lines(&output.stdout)
            ),
        )),
    }
}

fn last_lines(output: &[u8]) -> String {
    let text = String::from_utf8_lossy(output);
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(5)..].join("\n")
}

/// Streams the tree into the engine: nothing of it is held in memory or written a second time.
async fn import(engine: &Engine, root: &Path) -> Result<()> {
    let mut tar = Command::new("tar")
        .arg("-C")
        .arg(root)
        .args(["--numeric-owner", "--one-file-system"])
        .args(["--exclude=./var/cache/apt/archives/*.deb"])
        .args(["--exclude=./var/cache/apt/*.bin"])
        .args(["--exclude=./var/lib/apt/lists/*"])
        .args(["-c", "."])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| failed_tar(None, "", Some(error)))?;
    let stdout = tar.stdout.take().expect("piped");
    let mut stderr = tar.stderr.take().expect("piped");
    let options = CreateImageOptionsBuilder::new()
        .from_src("-")
        .repo(OWN.0)
        .tag(OWN.1)
        .changes(vec![
            "CMD [\"bash\"]".to_owned(),
            "LABEL vps-docker=\"\" vps-docker.kind=\"image\"".to_owned(),
        ])
        .build();
    let body = bollard::body_try_stream(ReaderStream::with_capacity(stdout, 1 << 16));
    let docker = engine.patient();
    let imported = docker
        .create_image(Some(options), Some(body), None)
        .try_for_each(|_| async { Ok(()) });
    let mut said = String::new();
    let (imported, _) = tokio::join!(imported, stderr.read_to_string(&mut said));
    imported.map_err(during("import the root file system"))?;
    let status = tar
        .wait()
        .await
        .map_err(|error| failed_tar(None, &said, Some(error)))?;
    if status.success() {
        Ok(())
    } else {
        Err(failed_tar(Some(status), &said, None))
    }
}

fn failed_tar(status: Option<ExitStatus>, said: &str, source: Option<io::Error>) -> Error {
    let status = status.map(|status| status.to_string()).unwrap_or_default();
    let error = Error::new(
        ErrorKind::Provider,
        format!("tar could not pack the root file system: {status} {said}"),
    );
    match source {
        Some(source) => error.with_source(source),
        None => error,
    }
}

fn unavailable(reason: &str, what: &str) -> Error {
    Error::new(
        ErrorKind::Unsupported,
        format!(
            "debian:bookworm-slim can neither be pulled ({reason}) nor made here: debootstrap \
             {what}; or load the image yourself with `docker load`"
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Connection;

    /// Half a minute, root and a Debian mirror: `cargo test -p provider-local -- --ignored rootfs`.
    #[tokio::test]
    #[ignore = "takes half a minute and needs root"]
    async fn a_root_file_system_is_made_without_a_registry_and_a_dropped_one_leaves_nothing() {
        let scratch = tempfile::tempdir().expect("temporary directory");
        let config = LocalConfig::default().scratch_dir(scratch.path());
        let connection = Connection::default();
        let engine = connection.engine(&config.socket).await.expect("an engine");

        let dropped = bootstrap(engine, &config, "test", &|_| {});
        let moment = Duration::from_secs(5);
        assert!(timeout(moment, dropped).await.is_err());
        while std::fs::read_dir(scratch.path()).expect("readable").count() > 0 {
            sleep(moment / 100).await;
        }

        bootstrap(engine, &config, "test", &|_| {})
            .await
            .expect("made");
        let left = std::fs::read_dir(scratch.path()).expect("readable").count();
        assert_eq!(left, 0);
        assert!(exists(engine, &name(OWN)).await.expect("asked"));
    }
}
