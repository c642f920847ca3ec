use std::io::Read;
use std::path::Path;

use flate2::read::MultiGzDecoder;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio_util::io::SyncIoBridge;

use super::refused;
use super::sync::{Transfer, blocking};
use super::traffic::Counted;
use super::tree::cannot;
use super::unpack::{Unpacking, unpack};
use crate::error::{Error, ErrorKind, Result};
use crate::ssh::{Transport, join};

const SCRIPT: &str = include_str!("assets/download.sh");
/// How often it is begun anew after a lost connection.
const TRIES: u32 = 3;

/// Fetches a file or directory. It appears at `local` when all of it is here, and not before.
///
/// # Errors
/// `NotFound`, `Permission` and `State` with the other side's words; `Invalid` for a stream that
/// would write elsewhere and a place that is taken; `Unreachable`.
pub(crate) async fn download(remote: &dyn Transport, path: &str, local: &Path) -> Result<Transfer> {
    let remote = Counted::new(remote);
    let mut tries = 1;
    let entries = loop {
        match fetch(&remote, path, local).await {
            Err(error) if error.kind() == ErrorKind::Unreachable && tries < TRIES => {
                tracing::info!(%error, tries, "the download was interrupted and begins anew");
                tries += 1;
            }
            other => break other?,
        }
    };
    Ok(Transfer {
        entries,
        sent: remote.sent(),
        received: remote.received(),
    })
}

async fn fetch(remote: &Counted<'_>, path: &str, local: &Path) -> Result<u64> {
    let words = ["sh", "-c", SCRIPT, "download", path];
    let mut process = remote.spawn(&join(words)).await?;
    let nothing = Box::pin(tokio::io::empty());
    let mut answer = BufReader::new(std::mem::replace(&mut process.stdout, nothing));
    let mut said = String::new();
    let _ = answer.read_line(&mut said).await;
    let (is_directory, is_zipped) = match said.trim_end() {
        "directory gzip" => (true, true),
        "directory plain" => (true, false),
        "file gzip" => (false, true),
        "file plain" => (false, false),
        said => {
            drop(answer);
            let output = process.finish(b"").await?;
            return Err(match said {
                "missing" => Error::new(
                    ErrorKind::NotFound,
                    format!("there is no {path} on the other side"),
                ),
                _ => refused("the download", &output),
            });
        }
    };
    let local = Place::new(local, is_directory)?;
    let stage = local.stage()?;

    // Dropping this future ends the pipe, and the unpacking with it.
    let (mut into, from) = tokio::io::duplex(256 * 1024);
    let passing = async move {
        let _ = tokio::io::copy_buf(&mut answer, &mut into).await;
        let _ = into.shutdown().await;
    };
    let stage_path = stage.path().join("new");
    let unpacking = blocking(move || {
        let from = SyncIoBridge::new(from);
        std::fs::create_dir(&stage_path).map_err(|error| cannot("make", &stage_path, error))?;
        let from: Box<dyn Read> = match is_zipped {
            true => Box::new(MultiGzDecoder::new(from)),
            false => Box::new(from),
        };
        Ok(unpack(from, &stage_path))
    });
    let (unpacked, (), output) = tokio::join!(unpacking, passing, process.finish(b""));
    let unpacked = match unpacked? {
        Err(Unpacking::Here(error)) => return Err(error),
        other => other,
    };
    let output = output?;
    if !output.status.success() {
        return Err(refused("the download", &output));
    }
    let count = unpacked.map_err(|unpacking| match unpacking {
        Unpacking::Here(error) => error,
        Unpacking::Stream(error) => Error::new(
            ErrorKind::State,
            "what the other side sent is no tar stream",
        )
        .with_source(error),
    })?;
    local.take(&stage.path().join("new"))?;
    Ok(count)
}

/// Where the download goes.
struct Place<'a> {
    path: &'a Path,
    is_directory: bool,
}

impl<'a> Place<'a> {
    /// Refuses a place that is taken by what would not be replaced.
    fn new(path: &'a Path, is_directory: bool) -> Result<Self> {
        let taken = path.symlink_metadata();
        let is_free = match &taken {
            Err(_) => true,
            Ok(taken) if is_directory => {
                taken.is_dir() && std::fs::read_dir(path).is_ok_and(|mut it| it.next().is_none())
            }
            Ok(taken) => !taken.is_dir(),
        };
        if is_free {
            return Ok(Self { path, is_directory });
        }
        let advice = match is_directory {
            true => "a directory is downloaded to where there is nothing, or an empty one",
            false => "it is a directory; add the file's name",
        };
        Err(Error::new(
            ErrorKind::Invalid,
            format!("{} is taken: {advice}", path.display()),
        ))
    }

    /// A directory beside it, on the same file system.
    fn stage(&self) -> Result<tempfile::TempDir> {
        let parent = match self.path.parent() {
            Some(parent) if parent != Path::new("") => parent,
            _ => Path::new("."),
        };
        tempfile::Builder::new()
            .prefix(".vps-docker-")
            .tempdir_in(parent)
            .map_err(|error| cannot("write to", parent, error))
    }

    /// Puts what has arrived into its place. A link that is there is replaced, not followed.
    fn take(&self, arrived: &Path) -> Result<()> {
        let failed = |error| cannot("put the download at", self.path, error);
        if self.is_directory {
            return std::fs::rename(arrived, self.path).map_err(failed);
        }
        let mut entries = std::fs::read_dir(arrived).map_err(failed)?;
        let file = entries.next().transpose().map_err(failed)?;
        match file {
            Some(file) if file.file_type().is_ok_and(|kind| kind.is_file()) => {
                std::fs::rename(file.path(), self.path).map_err(failed)
            }
            _ => Err(Error::new(
                ErrorKind::State,
                "the other side promised a file and sent something else",
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{create_dir_all, read_to_string, write};
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::ssh::local_shell::LocalShell;

    #[tokio::test]
    async fn trees_and_files_arrive_whole_and_replace_nothing_they_should_not() {
        let root = tempfile::tempdir().expect("a directory");
        let path = |inside: &str| root.path().join(inside);
        let remote = |inside: &str| path(inside).display().to_string();
        create_dir_all(path("there/a 'b'")).expect("made");
        write(path("there/a 'b'/file"), "x".repeat(300_000)).expect("written");
        symlink("a 'b'/file", path("there/link")).expect("made");
        let shell = LocalShell::default();

        let transfer = download(&shell, &remote("there"), &path("tree")).await;
        assert_eq!(transfer.expect("fetched").entries, 3);
        let diff = std::process::Command::new("diff")
            .args(["-r", "--no-dereference"])
            .args([path("there"), path("tree")])
            .status();
        assert!(diff.expect("there is a diff").success());

        write(path("mine"), "mine").expect("written");
        symlink("mine", path("target")).expect("made");
        let transfer = download(&shell, &remote("there/link"), &path("target")).await;
        assert_eq!(transfer.expect("fetched").entries, 1);
        assert_eq!(
            read_to_string(path("target")).expect("there").len(),
            300_000
        );
        assert_eq!(read_to_string(path("mine")).expect("there"), "mine");

        for (from, to, kind) in [
            ("there", "tree", ErrorKind::Invalid),
            ("there", "mine", ErrorKind::Invalid),
            ("there/link", "tree", ErrorKind::Invalid),
            ("nowhere", "new", ErrorKind::NotFound),
            ("there", "no/parent", ErrorKind::NotFound),
        ] {
            let error = download(&shell, &remote(from), &path(to)).await;
            assert_eq!(error.expect_err(to).kind(), kind, "{from} to {to}");
        }
        let left = std::fs::read_dir(root.path()).expect("there").count();
        assert_eq!(left, 4, "nothing is left beside");
    }
}
