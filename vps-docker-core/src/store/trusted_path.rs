use std::collections::VecDeque;
use std::ffi::OsString;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};

use super::file::io_error;
use crate::error::{Error, ErrorKind, Result};
use crate::ssh::quote;

/// As many as the kernel follows.
const MOST_LINKS: usize = 40;
const STICKY: u32 = 0o1000;

/// Refuses a path at which somebody else could put another directory, with keys of their own. All
/// directories that lead there, by way of symbolic links too, must be ours or root's, and nobody
/// else may write to them, unless they are sticky as `/tmp` is: the way sshd's `StrictModes` judges.
/// What is not there yet is not looked at; the last directory's mode is left to the caller.
pub(super) fn check_way(path: &Path) -> Result<()> {
    let us = rustix::process::geteuid().as_raw();
    let whole = std::path::absolute(path).map_err(|error| io_error("find", path, error))?;
    let mut place = PathBuf::from("/");
    check_directory(&place, &look(&place)?, us, path)?;
    let mut parts = parts_of(&whole);
    let mut links = 0;
    while let Some(part) = parts.pop_front() {
        if part == ".." {
            place.pop();
            continue;
        }
        let next = place.join(part);
        let metadata = match next.symlink_metadata() {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            other => other.map_err(|error| io_error("look at", &next, error))?,
        };
        check_owner(&next, &metadata, us, path)?;
        if metadata.is_symlink() {
            links += 1;
            if links > MOST_LINKS {
                return Err(Error::new(
                    ErrorKind::Invalid,
                    format!("the data directory {} is a circle of links", path.display()),
                ));
            }
            let target = next
                .read_link()
                .map_err(|error| io_error("read the link", &next, error))?;
            if target.is_absolute() {
                place = PathBuf::from("/");
            }
            let mut all = parts_of(&target);
            all.append(&mut parts);
            parts = all;
            continue;
        }
        if !metadata.is_dir() {
            let text = format!(
                "the data directory {} cannot be: {} is a file; choose a directory",
                path.display(),
                next.display()
            );
            return Err(Error::new(ErrorKind::Invalid, text));
        }
        if !parts.is_empty() {
            check_directory(&next, &metadata, us, path)?;
        }
        place = next;
    }
    Ok(())
}

fn look(path: &Path) -> Result<Metadata> {
    path.metadata()
        .map_err(|error| io_error("look at", path, error))
}

/// Its steps from where one stands, or from the root.
fn parts_of(path: &Path) -> VecDeque<OsString> {
    let steps = path.components().filter_map(|component| match component {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some("..".into()),
        _ => None,
    });
    steps.collect()
}

fn check_directory(place: &Path, metadata: &Metadata, us: u32, path: &Path) -> Result<()> {
    check_owner(place, metadata, us, path)?;
    let mode = metadata.mode();
    if mode & 0o022 == 0 || mode & STICKY != 0 {
        return Ok(());
    }
    Err(refused(
        path,
        &format!(
            "{} can be written by others (mode {:04o}), who could put another directory in its \
             place; run `chmod go-w {}`",
            place.display(),
            mode & 0o7777,
            quote(&place.display().to_string())
        ),
    ))
}

fn check_owner(place: &Path, metadata: &Metadata, us: u32, path: &Path) -> Result<()> {
    let owner = metadata.uid();
    if owner == us || owner == 0 {
        return Ok(());
    }
    let what = if metadata.is_symlink() {
        "the link "
    } else {
        ""
    };
    Err(refused(
        path,
        &format!(
            "{what}{} belongs to the user id {owner}, we are {us}; choose another one, or if it is \
             to be ours run `sudo chown -h {us} {}`",
            place.display(),
            quote(&place.display().to_string())
        ),
    ))
}

fn refused(path: &Path, reason: &str) -> Error {
    Error::new(
        ErrorKind::Permission,
        format!(
            "the data directory {} is not safe: {reason}",
            path.display()
        ),
    )
}

#[cfg(test)]
mod tests {
    use std::fs::{Permissions, create_dir, set_permissions};
    use std::os::unix::fs::{PermissionsExt, lchown, symlink};

    use super::*;

    fn refusal(path: &Path) -> String {
        let error = check_way(path).expect_err("not safe");
        assert_eq!(error.kind(), ErrorKind::Permission);
        error.to_string()
    }

    #[test]
    fn a_parent_that_others_can_write_is_refused_unless_it_is_sticky() {
        let home = tempfile::tempdir().expect("a directory");
        let shared = home.path().join("shared it's");
        let data = shared.join("data");
        create_dir(&shared).expect("made");
        check_way(&data).expect("not there yet");
        create_dir(&data).expect("made");
        for (mode, fine) in [
            (0o755, true),
            (0o775, false),
            (0o757, false),
            (0o777, false),
            (0o1777, true),
        ] {
            set_permissions(&shared, Permissions::from_mode(mode)).expect("ours");
            if fine {
                check_way(&data).expect("safe");
                continue;
            }
            let said = refusal(&data);
            assert!(said.contains(&format!("mode {mode:04o}")), "{said}");
            // The command it names mends it.
            let (_, command) = said.split_once('`').expect("a command");
            let command = command.trim_end_matches('`');
            let run = std::process::Command::new("sh")
                .args(["-c", command])
                .status();
            assert!(run.expect("a shell").success(), "{command}");
            check_way(&data).expect("mended");
        }
    }

    #[test]
    fn the_way_of_a_link_is_looked_at_too() {
        let home = tempfile::tempdir().expect("a directory");
        let path = |name: &str| home.path().join(name);
        for name in ["open", "open/in", "closed", "closed/in"] {
            create_dir(path(name)).expect("made");
        }
        symlink(path("closed/in"), path("open/link")).expect("made");
        symlink("../open/in", path("closed/link")).expect("made");
        symlink("circle", path("circle")).expect("made");
        check_way(&path("open/link/data")).expect("safe");
        set_permissions(path("open"), Permissions::from_mode(0o777)).expect("ours");
        for way in ["open/link/data", "closed/link/data", "closed/../open/in"] {
            let said = refusal(&path(way));
            assert!(said.contains("/open can be written"), "{said}");
        }
        check_way(&path("closed/in/data")).expect("safe");
        let error = check_way(&path("circle/data")).expect_err("no end");
        assert_eq!(error.kind(), ErrorKind::Invalid);
    }

    /// Only root can make such files, and only then there is something to test.
    #[test]
    fn what_belongs_to_somebody_else_is_refused() {
        if !rustix::process::geteuid().is_root() {
            return;
        }
        let home = tempfile::tempdir().expect("a directory");
        let path = |name: &str| home.path().join(name);
        create_dir(path("real")).expect("made");
        symlink(path("real"), path("link")).expect("made");
        lchown(path("link"), Some(12345), None).expect("root may");
        assert!(refusal(&path("link")).contains("the link"));
        check_way(&path("real")).expect("ours");
        lchown(path("real"), Some(12345), None).expect("root may");
        let said = refusal(&path("real/data"));
        assert!(said.contains("user id 12345"), "{said}");
        assert!(said.contains("sudo chown -h 0 "), "{said}");
    }
}
