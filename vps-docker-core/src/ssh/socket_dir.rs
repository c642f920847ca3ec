//! Where unix sockets can stand: their paths are short.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use tempfile::TempDir;

use crate::error::{Error, ErrorKind, Result};

/// The longest path of a unix socket that every system takes, in bytes (macOS: 104 with its end).
pub(crate) const LONGEST_SOCKET_PATH: usize = 103;

/// A directory of mode 0700 for a socket of that name: in `run_dir` if there is room, and if every
/// program can be told the path without quoting; else in `/tmp`. Dropped, it is removed.
pub(crate) fn socket_dir(run_dir: &Path, prefix: &str, name: &str) -> Result<TempDir> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
    let fit = run_dir.to_str().is_some_and(|path| path.chars().all(plain));
    make(run_dir, prefix, name.len(), fit)
}

/// A directory for the control socket `m` of an `ssh`, which appends 17 bytes while it binds.
pub(super) fn control_socket_dir(run_dir: &Path) -> Result<TempDir> {
    make(run_dir, "ssh-", "m".len() + 17, true)
}

fn make(run_dir: &Path, prefix: &str, name: usize, fit: bool) -> Result<TempDir> {
    let length = run_dir.as_os_str().len() + 1 + prefix.len() + "XXXXXX/".len() + name;
    let room = fit && length <= LONGEST_SOCKET_PATH;
    private_dir(if room { run_dir } else { Path::new("/tmp") }, prefix)
}

/// A directory that nobody else can look into.
pub(crate) fn private_dir(parent: &Path, prefix: &str) -> Result<TempDir> {
    tempfile::Builder::new()
        .prefix(prefix)
        .permissions(Permissions::from_mode(0o700))
        .tempdir_in(parent)
        .map_err(|error| {
            Error::new(
                ErrorKind::State,
                format!("cannot make a directory in {}", parent.display()),
            )
            .with_source(error)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_without_room_or_with_odd_characters_is_left_for_tmp() {
        let parent = tempfile::tempdir_in("/tmp").expect("a directory");
        let fit = socket_dir(parent.path(), "docker-", "docker.sock").expect("made");
        assert!(fit.path().starts_with(parent.path()));
        let mode = fit.path().metadata().expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
        for name in ["100%h", "a b", &"long".repeat(20)] {
            let odd = parent.path().join(name);
            std::fs::create_dir(&odd).expect("made");
            let made = socket_dir(&odd, "docker-", "docker.sock").expect("made");
            assert!(made.path().parent() == Some(Path::new("/tmp")), "{made:?}");
        }
    }
}
