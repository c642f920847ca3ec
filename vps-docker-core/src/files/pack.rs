//! A tree as a tar stream.

use std::ffi::OsStr;
use std::io::{Error as IoError, ErrorKind as IoErrorKind, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use tar::{Builder, EntryType, Header};

use super::listing::open;
use super::tree::{Entry, Kind, Tree};
use crate::error::{Error, Result};

/// Writes the named entries of a tree. Blocks. Holds one buffer, however large a file is.
///
/// A file that changes meanwhile is cut or filled with zeros to the length it had: that it is not
/// what it should be is found when both sides are compared.
///
/// # Errors
/// A file that cannot be read. That nobody takes the stream is no error here: whoever was to take
/// it says why.
pub(super) fn pack(tree: &Tree, names: &[Vec<u8>], to: impl Write) -> Result<()> {
    let mut archive = Builder::new(to);
    for name in names {
        let entry = &tree.entries[name];
        match add(&mut archive, Path::new(OsStr::from_bytes(name)), entry)? {
            Ok(()) => {}
            Err(error) => return taken_no_more(&error),
        }
    }
    let ended = archive.into_inner().and_then(|mut to| to.flush());
    ended.or_else(|error| taken_no_more(&error))
}

fn taken_no_more(error: &IoError) -> Result<()> {
    tracing::debug!(%error, "the stream of files is not taken to its end");
    Ok(())
}

/// The outer result is that of the file, the inner one that of the stream.
fn add(
    archive: &mut Builder<impl Write>,
    name: &Path,
    entry: &Entry,
) -> Result<std::io::Result<()>, Error> {
    let mut header = Header::new_gnu();
    header.set_mode(entry.mode);
    header.set_mtime(entry.modified);
    header.set_uid(0);
    header.set_gid(0);
    header.set_size(0);
    Ok(match &entry.kind {
        Kind::Directory => {
            header.set_entry_type(EntryType::Directory);
            archive.append_data(&mut header, name, std::io::empty())
        }
        Kind::Link(target) => {
            header.set_entry_type(EntryType::Symlink);
            set_target(archive, &mut header, target)
                .and_then(|()| archive.append_data(&mut header, name, std::io::empty()))
        }
        Kind::File(size) => {
            header.set_entry_type(EntryType::Regular);
            header.set_size(*size);
            let mut content = Content {
                from: open(&entry.source)?.chain(std::io::repeat(0)).take(*size),
                failed: None,
            };
            let added = archive.append_data(&mut header, name, &mut content);
            if let Some(error) = content.failed {
                return Err(super::tree::cannot("read", &entry.source, error));
            }
            added
        }
    })
}

/// Where a link points, byte for byte: the library's own way would tidy up a `//` in it.
fn set_target(
    archive: &mut Builder<impl Write>,
    header: &mut Header,
    target: &[u8],
) -> std::io::Result<()> {
    if header.set_link_name_literal(target).is_ok() {
        return Ok(());
    }
    // It is longer than a header has room for: GNU tar's way is an entry of its own before it.
    let mut long = Header::new_gnu();
    long.set_entry_type(EntryType::GNULongLink);
    long.set_path("././@LongLink")?;
    long.set_size(target.len() as u64 + 1);
    long.set_cksum();
    archive.append(&long, target.chain(&[0][..]))
}

/// Tells an error in reading from one in writing.
struct Content<R> {
    from: R,
    failed: Option<IoError>,
}

impl<R: Read> Read for Content<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.from.read(buffer).map_err(|error| {
            let kind: IoErrorKind = error.kind();
            self.failed = Some(error);
            kind.into()
        })
    }
}
