//! Files on their way: trees of this side to a VPS or a container, and back.
//!
//! A transfer compares, sends what differs and compares again. On the other side it needs `sh` and
//! `tar`; where there are also `gzip` and the GNU versions of `find`, `sort`, `sed`, `xargs` and
//! `sha256sum`, as on every Debian, only what differs travels.

pub(crate) mod adaptive_gzip;
mod download;
mod ignore;
mod listing;
mod pack;
mod pattern;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod properties;
mod sync;
#[cfg(test)]
mod sync_tests;
mod traffic;
mod tree;
mod unpack;

pub use sync::Transfer;

pub(crate) use download::download;
pub(crate) use ignore::Ignore;
pub(crate) use listing::digest_of;
pub(crate) use sync::{Surplus, blocking, sync};
pub(crate) use tree::{Tree, cannot};

use crate::error::{Error, ErrorKind};
use crate::ssh::Output;

/// What our scripts end with when there is no tar.
const EXIT_NO_TAR: i32 = 81;

/// Why the other side did not do it, and what helps.
fn refused(what: &str, output: &Output) -> Error {
    let said = output.stderr.trim();
    if output.exit_code() == EXIT_NO_TAR {
        return Error::new(
            ErrorKind::Unsupported,
            "there is no tar on the other side, which files travel by; install it into the image",
        );
    }
    let full =
        "the disk there is full; make room and do it again, what has arrived is not sent again";
    for (sign, kind, advice) in [
        ("No space left on device", ErrorKind::State, full),
        // GNU tar's word for the last block that found room in part.
        (": Wrote only ", ErrorKind::State, full),
        (
            "Disk quota exceeded",
            ErrorKind::State,
            "the disk quota there is used up; make room and do it again",
        ),
        (
            "Permission denied",
            ErrorKind::Permission,
            "the user who logs in there may not write it; choose another place",
        ),
        (
            "Read-only file system",
            ErrorKind::Permission,
            "nobody can write there; choose another place",
        ),
    ] {
        if let Some(line) = said.lines().find(|line| line.contains(sign)) {
            return Error::new(kind, format!("{what} failed: {advice}; it says: {line}"));
        }
    }
    Error::new(
        ErrorKind::State,
        format!(
            "{what} failed with exit code {}: {}",
            output.exit_code(),
            said.lines().take(3).collect::<Vec<_>>().join("; ")
        ),
    )
}
