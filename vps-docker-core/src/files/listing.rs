//! What a tree holds, in the form in which both sides write it down and compare it.
//!
//! ```text
//! d755 ./src            a directory and its permissions
//! f644 12 ./src/main.rs a file, its permissions and its length
//! l ./link//target      a symbolic link; no path has two slashes
//! 0a1b…  ./src/main.rs  the SHA-256 of each file, after all entries
//! ```
//!
//! Every line ends with a NUL. Entries are sorted by their bytes, hashes stand in the order of
//! their files. The other side makes the same text with `find`, `sort` and `sha256sum`.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry as Place;
use std::fmt::Write;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use rustix::fs::{Mode, OFlags};
use sha2::{Digest, Sha256};

use super::tree::{Kind, Tree, cannot};
use crate::error::{Error, ErrorKind, Result};

/// What there is, by path.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Listing {
    items: BTreeMap<Vec<u8>, Item>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Item {
    Directory {
        mode: u32,
    },
    /// The hash in lower-case hexadecimal, whole or its beginning; empty when it is not known.
    File {
        mode: u32,
        size: u64,
        hash: String,
    },
    Link(Vec<u8>),
    Other,
}

/// What has to be done to make one tree of another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Difference {
    /// What is missing or has another content.
    pub(super) send: Vec<Vec<u8>>,
    /// What is large and longer than its namesake there, which may be its beginning.
    pub(super) extend: Vec<Beginning>,
    /// What has other permissions, by permissions.
    pub(super) chmod: BTreeMap<u32, Vec<Vec<u8>>>,
    /// What is there and should not be, or is of another kind.
    pub(super) delete: Vec<Vec<u8>>,
}

/// What the other side has of a file, if it is the same file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Beginning {
    pub(super) path: Vec<u8>,
    pub(super) size: u64,
    /// The beginning of its hash.
    hash: String,
}

/// A shorter beginning is sent again sooner than compared.
const WORTH_EXTENDING: u64 = 1024 * 1024;

impl Listing {
    /// Reads every file of the tree. Blocks.
    ///
    /// # Errors
    /// [`ErrorKind::Permission`] with the path of what may not be read.
    pub(super) fn of(tree: &Tree) -> Result<Self> {
        let mut buffer = vec![0; 256 * 1024];
        let mut items = BTreeMap::new();
        for (path, entry) in &tree.entries {
            let mode = entry.mode;
            let item = match &entry.kind {
                Kind::Directory => Item::Directory { mode },
                Kind::File(size) => Item::File {
                    mode,
                    size: *size,
                    hash: hash(open(&entry.source)?, &entry.source, &mut buffer)?,
                },
                Kind::Link(target) => Item::Link(target.clone()),
            };
            items.insert(path.clone(), item);
        }
        Ok(Self { items })
    }

    /// Reads what the other side wrote down.
    ///
    /// # Errors
    /// [`ErrorKind::State`] when it is no listing, or has paths that lead out of the tree.
    pub(super) fn parse(text: &[u8]) -> Result<Self> {
        let mut listing = Self::default();
        for line in text
            .split(|byte| *byte == 0)
            .filter(|line| !line.is_empty())
        {
            listing.add(line).ok_or_else(|| {
                let line = String::from_utf8_lossy(line);
                Error::new(
                    ErrorKind::State,
                    format!(
                        "the other side lists its files in a way that cannot be read: {line:?}"
                    ),
                )
            })?;
        }
        Ok(listing)
    }

    fn add(&mut self, line: &[u8]) -> Option<()> {
        let space = line.iter().position(|byte| *byte == b' ')?;
        let (kind, path) = (
            std::str::from_utf8(&line[..space]).ok()?,
            &line[space + 1..],
        );
        if let Some(path) = path.strip_prefix(b" ") {
            let Place::Occupied(mut place) = self.items.entry(inside(path)?) else {
                return None;
            };
            let Item::File { hash, .. } = place.get_mut() else {
                return None;
            };
            kind.clone_into(hash);
            return Some(());
        }
        let mode = || u32::from_str_radix(&kind[1..], 8).ok();
        let (path, item) = match kind.as_bytes().first()? {
            b'd' => (inside(path)?, Item::Directory { mode: mode()? }),
            b'f' => {
                let space = path.iter().position(|byte| *byte == b' ')?;
                let size = std::str::from_utf8(&path[..space]).ok()?.parse().ok()?;
                let (mode, hash) = (mode()?, String::new());
                (inside(&path[space + 1..])?, Item::File { mode, size, hash })
            }
            b'l' => {
                let end = path.windows(2).position(|pair| pair == b"//")?;
                (inside(&path[..end])?, Item::Link(path[end + 2..].to_vec()))
            }
            b'o' => (inside(path)?, Item::Other),
            _ => return None,
        };
        self.items.insert(path, item);
        Some(())
    }

    /// The text that both sides agree on.
    pub(super) fn text(&self) -> Vec<u8> {
        let mut entries: Vec<(Vec<u8>, &[u8], Option<&str>)> = self
            .items
            .iter()
            .map(|(path, item)| {
                let (begin, end, hash) = match item {
                    Item::Directory { mode } => (format!("d{mode:o}"), None, None),
                    Item::File { mode, size, hash } => {
                        (format!("f{mode:o} {size}"), None, Some(&**hash))
                    }
                    Item::Link(target) => ("l".to_owned(), Some(target), None),
                    Item::Other => ("o".to_owned(), None, None),
                };
                let mut line = [begin.as_bytes(), b" ./", path].concat();
                if let Some(target) = end {
                    line.extend([b"//", &target[..]].concat());
                }
                (line, &path[..], hash)
            })
            .collect();
        entries.sort();
        let mut text = Vec::new();
        for (line, ..) in &entries {
            text.extend_from_slice(line);
            text.push(0);
        }
        for (_, path, hash) in entries {
            if let Some(hash) = hash {
                text.extend([hash.as_bytes(), b"  ./", path, b"\0"].concat());
            }
        }
        text
    }

    /// The SHA-256 of the text, in lower-case hexadecimal.
    pub(super) fn digest(&self) -> String {
        hexadecimal(Sha256::digest(self.text()).as_slice())
    }

    /// What makes this listing of `there`.
    pub(super) fn difference(&self, there: &Self) -> Difference {
        let mut difference = Difference::default();
        for (path, item) in &self.items {
            let other = there.items.get(path);
            if other.is_some_and(|other| !item.is_the_kind_of(other)) {
                difference.delete.push(path.clone());
            }
            match other {
                Some(other) if item.has_the_content_of(other) => {
                    if let (Some(mode), true) = (item.mode(), item.mode() != other.mode()) {
                        difference.chmod.entry(mode).or_default().push(path.clone());
                    }
                }
                Some(other) => match item.may_extend(other) {
                    Some((size, hash)) => difference.extend.push(Beginning {
                        path: path.clone(),
                        size,
                        hash: hash.to_owned(),
                    }),
                    None => difference.send.push(path.clone()),
                },
                None => difference.send.push(path.clone()),
            }
        }
        let surplus = |path: &&Vec<u8>| !self.items.contains_key(*path);
        difference
            .delete
            .extend(there.items.keys().filter(surplus).cloned());
        difference
    }
}

/// The digest by which two trees are known to be the same: paths, kinds, permissions, contents. Reads every file. Blocks.
///
/// # Errors
/// [`ErrorKind::Permission`] with the path of what may not be read.
pub(crate) fn digest_of(tree: &Tree) -> Result<String> {
    Listing::of(tree).map(|listing| listing.digest())
}

impl Difference {
    /// The first thing that differs, for people.
    pub(super) fn example(&self) -> String {
        let extended = self.extend.iter().map(|beginning| &beginning.path);
        let all = self.send.iter().chain(extended);
        let all = all.chain(self.chmod.values().flatten());
        let first = all.chain(&self.delete).next().cloned().unwrap_or_default();
        String::from_utf8_lossy(&first).into_owned()
    }
}

impl Beginning {
    /// Whether it is the beginning of this file. Blocks.
    pub(super) fn is_of(&self, source: &Path) -> Result<bool> {
        let mut buffer = vec![0; 256 * 1024];
        let beginning = open(source)?.take(self.size);
        Ok(hash(beginning, source, &mut buffer)?.starts_with(&self.hash))
    }
}

impl Item {
    fn mode(&self) -> Option<u32> {
        match self {
            Self::Directory { mode } | Self::File { mode, .. } => Some(*mode),
            Self::Link(_) | Self::Other => None,
        }
    }

    fn is_the_kind_of(&self, other: &Self) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }

    /// Whether the other one, whose hash may be a beginning, is the same but for its permissions.
    fn has_the_content_of(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Directory { .. }, Self::Directory { .. }) => true,
            (Self::File { hash, .. }, Self::File { hash: other, .. }) => {
                other.len() >= SHORT_HASH && hash.starts_with(other)
            }
            (Self::Link(target), Self::Link(other)) => target == other,
            _ => false,
        }
    }

    /// Length and hash of the other one, where this may be a longer version of it.
    fn may_extend<'a>(&self, other: &'a Self) -> Option<(u64, &'a str)> {
        match (self, other) {
            (
                Self::File { size, .. },
                Self::File {
                    size: less, hash, ..
                },
            ) if (WORTH_EXTENDING..*size).contains(less) && hash.len() >= SHORT_HASH => {
                Some((*less, hash))
            }
            _ => None,
        }
    }
}

/// How much of a hash the other side tells, at least.
const SHORT_HASH: usize = 16;

/// The path inside the tree of one that begins with `./`.
fn inside(path: &[u8]) -> Option<Vec<u8>> {
    let path = path.strip_prefix(b"./")?;
    let proper = |part: &[u8]| !matches!(part, b"" | b"." | b"..");
    path.split(|byte| *byte == b'/')
        .all(proper)
        .then(|| path.to_vec())
}

fn hash(mut from: impl Read, source: &Path, buffer: &mut [u8]) -> Result<String> {
    let mut hash = Sha256::new();
    loop {
        match from.read(buffer) {
            Ok(0) => return Ok(hexadecimal(hash.finalize().as_slice())),
            Ok(count) => hash.update(&buffer[..count]),
            Err(error) => return Err(cannot("read", source, error)),
        }
    }
}

/// Opens a regular file, whatever has taken its place since it was looked at: no link is followed
/// and no FIFO waited for.
pub(super) fn open(source: &Path) -> Result<File> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let file = rustix::fs::open(source, flags, Mode::empty())
        .map_err(|error| cannot("open", source, error.into()))?;
    let file = File::from(file);
    match file.metadata() {
        Ok(metadata) if metadata.is_file() => Ok(file),
        Ok(_) => Err(Error::new(
            ErrorKind::State,
            format!("{} is no regular file any more", source.display()),
        )),
        Err(error) => Err(cannot("look at", source, error)),
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HASH: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    fn listing(lines: &str) -> Listing {
        Listing::parse(lines.replace('|', "\0").as_bytes()).expect(lines)
    }

    #[test]
    fn only_what_differs_is_sent_changed_or_deleted() {
        let file = |name: &str, hash: &str| format!("f644 5 ./{name}|{hash}  ./{name}|");
        let ours = listing(&format!(
            "d755 ./a|d755 ./m|l ./l//x|l ./k//y|{}{}{}",
            file("same", HASH),
            file("other", HASH),
            file("new", HASH)
        ));
        let theirs = listing(&format!(
            "d755 ./a|d700 ./m|l ./l//x|{}{}{}d755 ./k|f644 5 ./k/z|",
            file("same", &HASH[..16]),
            file("other", "fedcba9876543210"),
            file("gone", "0123456789abcdef")
        ));
        let paths = |list: &[&str]| list.iter().map(|path| path.as_bytes().to_vec()).collect();
        assert_eq!(
            ours.difference(&theirs),
            Difference {
                send: paths(&["k", "new", "other"]),
                extend: Vec::new(),
                chmod: BTreeMap::from([(0o755, paths(&["m"]))]),
                delete: paths(&["k", "gone", "k/z"]),
            }
        );
        assert_eq!(ours.difference(&ours), Difference::default());
    }

    #[test]
    fn paths_that_lead_out_are_refused() {
        for bad in [
            "f644 1 ./../x",
            "f644 1 /x",
            "f644 ./x",
            "d755 ./a//b",
            "o ./a/./b",
            "l ./a",
            "x",
            "f9 1 ./a",
        ] {
            Listing::parse(bad.as_bytes()).expect_err(bad);
        }
        let unknown = format!("{HASH}  ./no-such-file");
        Listing::parse(unknown.as_bytes()).expect_err("a hash of nothing");
    }

    proptest! {
        #[test]
        fn no_text_panics_and_no_path_escapes(text in prop::collection::vec(any::<u8>(), 0..60)) {
            if let Ok(listing) = Listing::parse(&text) {
                for path in listing.items.keys() {
                    prop_assert!(!path.starts_with(b"/"));
                    prop_assert!(path.split(|byte| *byte == b'/').all(|part| part != b".."));
                }
            }
        }

        #[test]
        fn what_is_written_is_read_back(
            paths in prop::collection::btree_set("[^\0/.][^\0/]{0,5}(/[^\0/.]{1,3})?", 0..6),
            kind in 0..3,
        ) {
            let item = match kind {
                0 => Item::Directory { mode: 0o755 },
                1 => Item::File { mode: 0o4644, size: 7, hash: HASH.to_owned() },
                _ => Item::Link(b"to//nowhere".to_vec()),
            };
            let items = paths.into_iter().map(|path| (path.into_bytes(), item.clone()));
            let listing = Listing { items: items.collect() };
            prop_assert_eq!(Listing::parse(&listing.text()).expect("readable"), listing);
        }
    }
}
