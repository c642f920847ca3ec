//! A tree of files on this side, as it is before anything is sent.

use std::collections::BTreeMap;
use std::fs::Metadata;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::ignore::{Ignore, Matched};
use crate::error::{Error, ErrorKind, Result};

/// What a tree consists of, by the path inside it: bytes, without a slash at either end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tree {
    pub(super) entries: BTreeMap<Vec<u8>, Entry>,
}

/// A file, directory or symbolic link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) source: PathBuf,
    pub(super) kind: Kind,
    /// The twelve bits of permission.
    pub(super) mode: u32,
    /// Seconds since 1970.
    pub(super) modified: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Directory,
    /// A regular file of so many bytes.
    File(u64),
    /// A symbolic link, never followed, and where it points.
    Link(Vec<u8>),
}

impl Tree {
    /// Walks a directory; what `ignore` leaves out is not looked at. Blocks.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] for a device, FIFO or socket, [`ErrorKind::Permission`] for what may
    /// not be read, each with its path.
    pub(crate) fn walk(root: &Path, ignore: &Ignore) -> Result<Self> {
        let mut walk = Walk {
            ignore,
            tree: Self::default(),
        };
        walk.directory(root, b"", &Matched::default())?;
        Ok(walk.tree)
    }

    /// Adds one file at the top, which a symbolic link may lead to. Blocks.
    ///
    /// # Errors
    /// Those of [`walk`](Self::walk).
    pub(crate) fn add_file(&mut self, source: &Path, name: &[u8]) -> Result<()> {
        let source = source
            .canonicalize()
            .map_err(|error| cannot("find", source, error))?;
        let entry = Entry::read(source)?;
        self.entries.insert(name.to_vec(), entry);
        Ok(())
    }
}

struct Walk<'a> {
    ignore: &'a Ignore,
    tree: Tree,
}

impl Walk<'_> {
    /// Adds what is in a directory; `matched` is what it has matched itself. Whether there was
    /// anything.
    fn directory(&mut self, directory: &Path, inside: &[u8], matched: &Matched) -> Result<bool> {
        let mut found = false;
        let failed = |error| cannot("read", directory, error);
        for entry in std::fs::read_dir(directory).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let name = entry.file_name();
            let path = match inside {
                b"" => name.as_bytes().to_vec(),
                _ => [inside, name.as_bytes()].join(&b'/'),
            };
            found |= self.entry(entry.path(), path, matched)?;
        }
        Ok(found)
    }

    fn entry(&mut self, source: PathBuf, path: Vec<u8>, parent: &Matched) -> Result<bool> {
        let shown = String::from_utf8_lossy(&path);
        let (out, matched) = self.ignore.leaves_out(&shown, parent);
        let look_inside = || self.ignore.reaches_into(&shown) && source.is_dir();
        if out && (source.is_symlink() || !look_inside()) {
            return Ok(false);
        }
        let entry = Entry::read(source.clone())?;
        let filled = match entry.kind {
            Kind::Directory => self.directory(&source, &path, &matched)?,
            _ => true,
        };
        // A directory that is left out travels for the sake of what is excepted in it.
        let travels = filled || !out;
        if travels {
            self.tree.entries.insert(path, entry);
        }
        Ok(travels)
    }
}

impl Entry {
    fn read(source: PathBuf) -> Result<Self> {
        let metadata = source
            .symlink_metadata()
            .map_err(|error| cannot("look at", &source, error))?;
        let kind = Kind::of(&source, &metadata)?;
        Ok(Self {
            source,
            kind,
            mode: metadata.mode() & 0o7777,
            modified: u64::try_from(metadata.mtime()).unwrap_or(0),
        })
    }
}

impl Kind {
    fn of(source: &Path, metadata: &Metadata) -> Result<Self> {
        let kind = metadata.file_type();
        if kind.is_dir() {
            return Ok(Self::Directory);
        }
        if kind.is_file() {
            return Ok(Self::File(metadata.len()));
        }
        if kind.is_symlink() {
            let target = std::fs::read_link(source)
                .map_err(|error| cannot("read the symbolic link", source, error))?;
            return Ok(Self::Link(target.into_os_string().into_vec()));
        }
        Err(Error::new(
            ErrorKind::Invalid,
            format!(
                "{} is a device, FIFO or socket, which cannot be sent; remove it or leave it out",
                source.display()
            ),
        ))
    }
}

/// An error about something on this side, with its path.
pub(crate) fn cannot(what: &str, path: &Path, error: std::io::Error) -> Error {
    let kind = match error.kind() {
        std::io::ErrorKind::PermissionDenied => ErrorKind::Permission,
        std::io::ErrorKind::NotFound => ErrorKind::NotFound,
        _ if leads_nowhere(&error) => ErrorKind::Invalid,
        _ => ErrorKind::State,
    };
    Error::new(kind, format!("cannot {what} {}", path.display())).with_source(error)
}

/// A path that no file can have: round in a circle of links, through a file, too long.
fn leads_nowhere(error: &std::io::Error) -> bool {
    use rustix::io::Errno;
    let errors = [Errno::LOOP, Errno::NOTDIR, Errno::NAMETOOLONG];
    Errno::from_io_error(error).is_some_and(|error| errors.contains(&error))
}

#[cfg(test)]
mod tests {
    use std::fs::{create_dir, create_dir_all, write};
    use std::os::unix::fs::symlink;

    use super::*;

    fn names(tree: &Tree) -> Vec<String> {
        let name = |path: &Vec<u8>| String::from_utf8(path.clone()).expect("plain");
        tree.entries.keys().map(name).collect()
    }

    #[test]
    fn links_are_kept_as_links_and_worktrees_are_plain_files() {
        let root = tempfile::tempdir().expect("a directory");
        let path = |inside: &str| root.path().join(inside);
        write(path(".git"), "gitdir: /elsewhere/.git/worktrees/x\n").expect("written");
        symlink("/etc", path("outside")).expect("made");
        symlink("nowhere", path("broken")).expect("made");
        create_dir(path("empty")).expect("made");
        let tree = Tree::walk(root.path(), &Ignore::default()).expect("walked");
        assert_eq!(names(&tree), [".git", "broken", "empty", "outside"]);
        let outside = &tree.entries[&b"outside"[..]];
        assert_eq!(outside.kind, Kind::Link(b"/etc".to_vec()));
        assert_eq!(tree.entries[&b".git"[..]].kind, Kind::File(36));
    }

    #[test]
    fn devices_fifos_and_sockets_are_refused_with_their_path() {
        let root = tempfile::tempdir().expect("a directory");
        let socket = root.path().join("a socket");
        let _listening = std::os::unix::net::UnixListener::bind(&socket).expect("bound");
        let error = Tree::walk(root.path(), &Ignore::default()).expect_err("a socket");
        assert_eq!(error.kind(), ErrorKind::Invalid);
        assert!(error.to_string().contains("a socket"), "{error}");

        let ignore = Ignore::parse("*socket").expect("legal");
        Tree::walk(root.path(), &ignore).expect("what is left out is not looked at");
        std::fs::remove_file(&socket).expect("removed");
        let fifo = root.path().join("fifo");
        let mode = rustix::fs::Mode::RUSR;
        rustix::fs::mknodat(rustix::fs::CWD, &fifo, rustix::fs::FileType::Fifo, mode, 0)
            .expect("made");
        Tree::walk(root.path(), &Ignore::default()).expect_err("a FIFO");
        Tree::walk(Path::new("/dev"), &Ignore::default()).expect_err("devices");
    }

    #[test]
    fn what_may_not_be_read_fails_with_its_path() {
        let root = tempfile::tempdir().expect("a directory");
        let locked = root.path().join("locked");
        create_dir(&locked).expect("made");
        std::fs::set_permissions(&locked, std::os::unix::fs::PermissionsExt::from_mode(0o0))
            .expect("locked");
        let walk = || Tree::walk(root.path(), &Ignore::default());
        let as_nobody = || {
            // Root may read everything: only this thread becomes somebody else.
            if rustix::process::geteuid().is_root() {
                std::fs::set_permissions(
                    root.path(),
                    std::os::unix::fs::PermissionsExt::from_mode(0o755),
                )
                .expect("open");
                let nobody = rustix::process::Uid::from_raw(65534);
                rustix::thread::set_thread_uid(nobody).expect("root may");
            }
            walk()
        };
        let error = std::thread::scope(|scope| scope.spawn(as_nobody).join());
        let error = error.expect("no panic").expect_err("locked");
        assert_eq!(error.kind(), ErrorKind::Permission);
        assert!(error.to_string().contains("locked"), "{error}");
    }

    #[test]
    fn what_is_excepted_in_an_ignored_directory_travels_with_its_parents() {
        let root = tempfile::tempdir().expect("a directory");
        create_dir_all(root.path().join("a/b/c")).expect("made");
        create_dir_all(root.path().join("d/e")).expect("made");
        for file in ["a/b/keep", "a/b/c/x", "a/x", "d/e/x"] {
            write(root.path().join(file), "").expect("written");
        }
        let ignore = Ignore::parse("*\n!a/b/keep\n").expect("legal");
        let tree = Tree::walk(root.path(), &ignore).expect("walked");
        assert_eq!(names(&tree), ["a", "a/b", "a/b/keep"]);
    }
}
