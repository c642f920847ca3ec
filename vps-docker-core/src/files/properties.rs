use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::ignore::{Ignore, Matched};
use super::listing::Listing;
use super::tree::{Kind, Tree};
use super::unpack::{Unpacking, unpack as unpack_stream};
use crate::error::ErrorKind;
use crate::model::fields;

/// The first field is a `.dockerignore`, the others are files. A walk, which does not look into what is
/// left out, finds just the files that the rules let travel one by one.
pub fn ignore(data: &[u8]) {
    let mut fields = fields::fields(&data[..data.len().min(4096)]).into_iter();
    let rules = match Ignore::parse(&fields.next().unwrap_or_default()) {
        Ok(rules) => rules,
        Err(error) => return assert_eq!(error.kind(), ErrorKind::Invalid),
    };
    let context = tempfile::tempdir().expect("a directory");
    let mut travel = BTreeSet::new();
    for path in fields.filter_map(|field| path_of(&field)).take(16) {
        let file = context.path().join(&path);
        let made = file.parent().map(fs::create_dir_all);
        // A file that is to be a directory too, or the other way round.
        if made.is_none_or(|made| made.is_err()) || fs::File::create_new(&file).is_err() {
            continue;
        }
        if travels(&rules, &path) {
            travel.insert(path.into_bytes());
        }
    }
    let tree = Tree::walk(context.path(), &rules).expect("it is ours");
    let files = tree
        .entries
        .iter()
        .filter(|(_, entry)| entry.kind != Kind::Directory);
    let found: BTreeSet<Vec<u8>> = files.map(|(path, _)| path.clone()).collect();
    assert_eq!(found, travel);
}

fn path_of(field: &str) -> Option<String> {
    let part =
        |part: &&str| !matches!(*part, "" | "." | "..") && part.len() < 64 && !part.contains('\0');
    let parts: Vec<&str> = field.split('/').filter(part).take(4).collect();
    (!parts.is_empty()).then(|| parts.join("/"))
}

fn travels(rules: &Ignore, path: &str) -> bool {
    let mut matched = Matched::default();
    for (end, _) in path.match_indices('/') {
        matched = rules.leaves_out(&path[..end], &matched).1;
    }
    !rules.leaves_out(path, &matched).0
}

/// A listing of the other side is read or refused, leads nowhere outside of the tree, and reads back as
/// it was. The input is one, or two with a separator between, which are compared.
pub fn listing(data: &[u8]) {
    let mut texts = data.split(|byte| *byte == fields::SEPARATOR);
    let mut read = || Listing::parse(texts.next().unwrap_or_default());
    let (ours, theirs) = match (read(), read()) {
        (Ok(ours), Ok(theirs)) => (ours, theirs),
        (Err(error), _) | (_, Err(error)) => return assert_eq!(error.kind(), ErrorKind::State),
    };
    for listing in [&ours, &theirs] {
        let again = Listing::parse(&listing.text()).expect("our own");
        assert_eq!(again, *listing);
        assert_eq!(again.digest(), listing.digest());
    }
    let difference = ours.difference(&theirs);
    for path in difference.send.iter().chain(&difference.delete) {
        assert!(!path.starts_with(b"/"), "{path:?}");
        let out = |part: &[u8]| matches!(part, b"" | b"." | b"..");
        assert!(!path.split(|byte| *byte == b'/').any(out), "{path:?}");
    }
    assert_eq!(ours == theirs, ours.digest() == theirs.digest());
}

/// Whatever a container sends as a tar stream, nothing is written outside of the directory and nothing
/// in it is more than files, directories and links. Checksums are put right first, for a fuzzer hardly
/// would, and lengths that no input has are cut.
pub fn unpack(data: &[u8]) {
    let mut stream = data.to_vec();
    put_right(&mut stream);
    let root = tempfile::tempdir().expect("a directory");
    let (into, other) = (
        root.path().join("outside/inside"),
        root.path().join("other"),
    );
    fs::create_dir_all(&into).expect("made");
    fs::write(&other, "untouched").expect("written");
    let result = unpack_stream(&stream[..], &into);
    if let Err(Unpacking::Here(error)) = &result {
        let _ = error.to_string();
    }
    let names = |path: &Path| fs::read_dir(path).expect("there").count();
    assert_eq!(
        (names(root.path()), names(&root.path().join("outside"))),
        (2, 1),
        "it got out"
    );
    let metadata = other.symlink_metadata().expect("there");
    assert_eq!(fs::read_to_string(&other).expect("there"), "untouched");
    assert_eq!(metadata.nlink(), 1, "it was linked to");
    assert_harmless(&into);
}

fn assert_harmless(directory: &Path) {
    let mut left = vec![directory.to_owned()];
    while let Some(directory) = left.pop() {
        // So that it can be looked into, and be removed.
        fs::set_permissions(&directory, fs::Permissions::from_mode(0o700)).expect("ours");
        for entry in fs::read_dir(&directory).expect("ours") {
            let path: PathBuf = entry.expect("ours").path();
            let metadata = path.symlink_metadata().expect("there");
            let kind = metadata.file_type();
            assert!(
                kind.is_dir() || kind.is_file() || kind.is_symlink(),
                "{kind:?}"
            );
            assert_eq!(metadata.mode() & 0o7000, 0, "{}", path.display());
            if kind.is_dir() {
                left.push(path);
            }
        }
    }
}

/// Gives every header its checksum.
fn put_right(stream: &mut [u8]) {
    const BLOCK: usize = 512;
    let mut at = 0;
    while let Some(header) = stream.get_mut(at..at + BLOCK) {
        if header.iter().all(|byte| *byte == 0) {
            at += BLOCK;
            continue;
        }
        if octal(&header[124..136]).is_none_or(|size| size > 65_536) {
            header[124..136].copy_from_slice(b"00000000000\0");
        }
        header[148..156].fill(b' ');
        let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
        header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        let size = octal(&header[124..136]).unwrap_or(0);
        at += BLOCK + usize::try_from(size).unwrap_or(0).next_multiple_of(BLOCK);
    }
}

fn octal(field: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(field).ok()?;
    u64::from_str_radix(text.trim_matches(['\0', ' ']), 8).ok()
}
