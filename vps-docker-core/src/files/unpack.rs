//! A tar stream from a machine that need not be friendly.

use std::fs::{DirBuilder, File, FileTimes, OpenOptions, Permissions};
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt, symlink};
use std::path::{Component, Path, PathBuf};
use std::time::{Duration, SystemTime};

use tar::{Archive, Entry, EntryType};

use super::tree::cannot;
use crate::error::{Error, ErrorKind, Result};

/// Why a stream was not unpacked.
#[derive(Debug)]
pub(super) enum Unpacking {
    /// It broke off or is no tar stream.
    Stream(io::Error),
    /// It holds what we do not take, or this side cannot write it.
    Here(Error),
}

impl From<Error> for Unpacking {
    fn from(error: Error) -> Self {
        Self::Here(error)
    }
}

/// Unpacks into a directory that is fresh and ours, and returns how much there was. Blocks.
///
/// Nothing is ever written outside of it: paths may not lead out, there is no symbolic link in it
/// until all else is there, and no file is written twice. Devices, FIFOs and set-user-ID bits are
/// not taken.
pub(super) fn unpack(from: impl Read, into: &Path) -> Result<u64, Unpacking> {
    let mut archive = Archive::new(from);
    let mut later = Later::default();
    let mut count = 0;
    for entry in archive.entries().map_err(Unpacking::Stream)? {
        let mut entry = entry.map_err(Unpacking::Stream)?;
        count += u64::from(add(&mut entry, into, &mut later)?);
    }
    later.finish()?;
    // The end of the stream, so that who writes it is not told that nobody listens.
    io::copy(&mut archive.into_inner(), &mut io::sink()).map_err(Unpacking::Stream)?;
    Ok(count)
}

/// What would be in the way of what follows.
#[derive(Default)]
struct Later {
    links: Vec<(PathBuf, PathBuf)>,
    modes: Vec<(PathBuf, u32)>,
}

impl Later {
    fn finish(self) -> Result<()> {
        for (path, target) in self.links {
            symlink(target, &path).map_err(|error| cannot("make the link", &path, error))?;
        }
        // A directory's entries before it.
        for (path, mode) in self.modes.into_iter().rev() {
            std::fs::set_permissions(&path, Permissions::from_mode(mode))
                .map_err(|error| cannot("set the permissions of", &path, error))?;
        }
        Ok(())
    }
}

/// Whether it counts.
fn add<R: Read>(
    entry: &mut Entry<'_, R>,
    into: &Path,
    later: &mut Later,
) -> Result<bool, Unpacking> {
    let name = entry.path().map_err(Unpacking::Stream)?.into_owned();
    let kind = entry.header().entry_type();
    if kind == EntryType::XGlobalHeader {
        return Ok(false);
    }
    let inside = inside(&name)?;
    let path = into.join(&inside);
    let mode = entry.header().mode().map_err(Unpacking::Stream)? & 0o777;
    match kind {
        EntryType::Directory => {
            make_directories(into, &inside)?;
            later.modes.push((path, mode));
            return Ok(inside != Path::new(""));
        }
        _ if inside == Path::new("") => return Err(refused(&name, "it has no name").into()),
        _ => make_directories(into, inside.parent().unwrap_or(Path::new("")))?,
    }
    match kind {
        EntryType::Regular | EntryType::Continuous => write_file(entry, &path, mode)?,
        // We ask for none: a few bytes of it would be a file of any length.
        EntryType::GNUSparse => return Err(refused(&name, "it is a sparse file").into()),
        EntryType::Symlink => later.links.push((path, target(entry, &name)?)),
        EntryType::Link => {
            let original = into.join(self::inside(&target(entry, &name)?)?);
            let is_file = original.symlink_metadata().is_ok_and(|it| it.is_file());
            if !is_file {
                return Err(refused(&name, "it is linked to what is not there").into());
            }
            std::fs::hard_link(&original, &path)
                .map_err(|error| cannot("make the link", &path, error))?;
        }
        _ => return Err(refused(&name, "it is a device, FIFO or socket").into()),
    }
    Ok(true)
}

fn write_file<R: Read>(entry: &mut Entry<'_, R>, path: &Path, mode: u32) -> Result<(), Unpacking> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .map_err(|error| cannot("write", path, error))?;
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let count = entry.read(&mut buffer).map_err(Unpacking::Stream)?;
        if count == 0 {
            break;
        }
        io::Write::write_all(&mut file, &buffer[..count])
            .map_err(|error| cannot("write", path, error))?;
    }
    let modified = Duration::from_secs(entry.header().mtime().unwrap_or(0));
    finish_file(&file, mode, modified).map_err(|error| cannot("write", path, error).into())
}

fn finish_file(file: &File, mode: u32, modified: Duration) -> io::Result<()> {
    file.set_permissions(Permissions::from_mode(mode))?;
    // A time that this system cannot hold is left out.
    match SystemTime::UNIX_EPOCH.checked_add(modified) {
        Some(time) => file.set_times(FileTimes::new().set_modified(time)),
        None => Ok(()),
    }
}

/// Makes the directories that are not there yet; each is ours to write until the end.
fn make_directories(into: &Path, inside: &Path) -> Result<()> {
    let mut path = into.to_owned();
    for part in inside {
        path.push(part);
        match DirBuilder::new().mode(0o700).create(&path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            made => made.map_err(|error| cannot("make the directory", &path, error))?,
        }
    }
    Ok(())
}

fn target<R: Read>(entry: &Entry<'_, R>, name: &Path) -> Result<PathBuf, Unpacking> {
    let target = entry.link_name().map_err(Unpacking::Stream)?;
    match target {
        Some(target) if !target.as_os_str().as_bytes().contains(&0) => Ok(target.into_owned()),
        _ => Err(refused(name, "it is a link to nothing").into()),
    }
}

/// The path without `.`; one that leads out is refused.
fn inside(name: &Path) -> Result<PathBuf> {
    let mut inside = PathBuf::new();
    for part in name.components() {
        match part {
            Component::Normal(part) => inside.push(part),
            Component::CurDir => {}
            _ => return Err(refused(name, "it leads out of the directory")),
        }
    }
    Ok(inside)
}

fn refused(name: &Path, reason: &str) -> Error {
    Error::new(
        ErrorKind::Invalid,
        format!("the other side's {} is refused: {reason}", name.display()),
    )
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use proptest::prelude::*;
    use tar::{Builder, Header};

    use super::*;

    /// Names as they stand in the archive, which the library's own setters would refuse.
    struct Hostile(Builder<Vec<u8>>);

    impl Hostile {
        fn new() -> Self {
            Self(Builder::new(Vec::new()))
        }

        fn add(mut self, kind: EntryType, name: &str, target: &str, content: &str) -> Self {
            let mut header = Header::new_gnu();
            header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
            header.as_old_mut().linkname[..target.len()].copy_from_slice(target.as_bytes());
            header.set_entry_type(kind);
            header.set_mode(0o6755);
            header.set_mtime(u64::MAX >> 31);
            header.set_size(content.len() as u64);
            header.set_cksum();
            self.0.append(&header, content.as_bytes()).expect("memory");
            self
        }

        fn file(self, name: &str) -> Self {
            self.add(EntryType::Regular, name, "", "hostile")
        }

        fn link(self, name: &str, target: &str) -> Self {
            self.add(EntryType::Symlink, name, target, "")
        }

        /// Unpacks two directories deep, so that one sees what got out.
        fn unpack(self) -> (tempfile::TempDir, Result<u64, Unpacking>) {
            let root = tempfile::tempdir().expect("a directory");
            let into = root.path().join("outside/inside");
            std::fs::create_dir_all(&into).expect("made");
            let bytes = self.0.into_inner().expect("memory");
            let result = unpack(&bytes[..], &into);
            let outside = std::fs::read_dir(root.path().join("outside")).expect("there");
            assert_eq!(outside.count(), 1, "something got out");
            (root, result)
        }
    }

    #[test]
    fn nothing_gets_out_and_no_link_is_followed() {
        let out = tempfile::tempdir().expect("a directory");
        let elsewhere = out.path().display().to_string();
        for archive in [
            Hostile::new().file("../x"),
            Hostile::new().file("a/../../x"),
            Hostile::new().file("/tmp/vps-docker-hostile"),
            Hostile::new().link("a", &elsewhere).file("a/x"),
            Hostile::new().link("a", "..").file("a/x"),
            Hostile::new().file("a/x").link("a", &elsewhere),
            Hostile::new()
                .link("a", &format!("{elsewhere}/new"))
                .file("a"),
            Hostile::new().add(EntryType::Link, "a", "/etc/passwd", ""),
            Hostile::new().add(EntryType::Link, "a", "../../x", ""),
            Hostile::new()
                .link("l", "/etc/passwd")
                .add(EntryType::Link, "a", "l", ""),
            Hostile::new().file("a").file("a"),
            Hostile::new().add(EntryType::Fifo, "a", "", ""),
            Hostile::new().add(EntryType::Char, "a", "", ""),
            Hostile::new().file("."),
        ] {
            let (_root, result) = archive.unpack();
            assert!(matches!(result, Err(Unpacking::Here(_))), "{result:?}");
        }
        assert_eq!(std::fs::read_dir(out.path()).expect("there").count(), 0);
        assert!(!Path::new("/tmp/vps-docker-hostile").exists());
    }

    #[test]
    fn what_is_friendly_arrives() {
        let (root, result) = Hostile::new()
            .add(EntryType::Directory, "./", "", "")
            .link("./l", "/etc/passwd")
            .file("./a/b")
            .add(EntryType::Link, "./c", "./a/b", "")
            .unpack();
        assert_eq!(result.expect("unpacked"), 3);
        let inside = root.path().join("outside/inside");
        let read = |name: &str| std::fs::read_to_string(inside.join(name)).expect(name);
        assert_eq!(
            (read("a/b"), read("c")),
            ("hostile".into(), "hostile".into())
        );
        let mode = inside.join("c").metadata().expect("there").mode();
        assert_eq!(mode & 0o7777, 0o755, "no set-user-ID bit");
        let link = std::fs::read_link(inside.join("l")).expect("a link");
        assert_eq!(link, Path::new("/etc/passwd"));
    }

    #[test]
    fn a_sparse_file_of_any_length_is_refused() {
        let mut header = Header::new_gnu();
        header.set_entry_type(EntryType::GNUSparse);
        header.set_path("a").expect("short");
        header.set_size(0);
        header.set_mode(0o644);
        let gnu = header.as_gnu_mut().expect("it is one");
        // 1 MiB of nothing.
        gnu.sparse[0].offset = *b"00004000000\0";
        gnu.sparse[0].numbytes = *b"00000000000\0";
        gnu.realsize = *b"00004000000\0";
        header.set_cksum();
        let mut archive = Hostile::new();
        archive.0.append(&header, &[][..]).expect("memory");
        let (root, result) = archive.unpack();
        assert!(matches!(result, Err(Unpacking::Here(_))), "{result:?}");
        assert!(!root.path().join("outside/inside/a").exists());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn no_archive_panics_or_escapes(
            entries in prop::collection::vec(("(\\.\\.|a|b|/|\\./){1,4}", 0..5_usize, "(\\.\\.|a|/){1,3}"), 0..6),
        ) {
            let kinds = [EntryType::Regular, EntryType::Directory, EntryType::Symlink, EntryType::Link, EntryType::Fifo];
            let mut archive = Hostile::new();
            for (name, kind, target) in entries {
                archive = archive.add(kinds[kind], &name, &target, "");
            }
            crate::properties::unpack(&archive.0.into_inner().expect("memory"));
        }
    }
}
