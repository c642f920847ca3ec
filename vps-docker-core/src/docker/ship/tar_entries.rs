use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Seek};
use std::ops::Range;
use std::os::unix::fs::FileExt;

/// Longer than any chain of links that an engine writes.
const LINK_LIMIT: usize = 8;

/// What stands where in a tar file on disk.
///
/// Nothing is unpacked: names are compared with one another and mean nothing else.
#[derive(Debug)]
pub(super) struct TarEntries {
    /// In their order.
    entries: Vec<Entry>,
    /// As for one who unpacks it, the last one of a name counts.
    by_name: HashMap<String, usize>,
    length: u64,
}

#[derive(Debug)]
struct Entry {
    /// All of it: what stands before its header belongs to it, such as a long name.
    span: Range<u64>,
    content: Content,
}

#[derive(Debug)]
enum Content {
    File(Range<u64>),
    Link(String),
    Other,
}

impl TarEntries {
    /// Reads the headers and seeks past everything else.
    pub(super) fn read(mut file: &File) -> io::Result<Self> {
        let length = file.metadata()?.len();
        let mut entries = Vec::new();
        let mut by_name = HashMap::new();
        let mut begin = 0;
        file.rewind()?;
        for entry in tar::Archive::new(file).entries_with_seek()? {
            let entry = entry?;
            let start = entry.raw_file_position();
            let content = start..start + entry.size();
            let span = begin..content.end.next_multiple_of(512);
            if span.end > length {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            begin = span.end;
            let name = normal("", &String::from_utf8_lossy(&entry.path_bytes()));
            let kind = entry.header().entry_type();
            let target = entry.link_name_bytes().unwrap_or_default();
            let target = String::from_utf8_lossy(&target);
            let content = if kind.is_symlink() {
                Content::Link(normal(parent(&name), &target))
            } else if kind.is_hard_link() {
                Content::Link(normal("", &target))
            } else if kind.is_file() {
                Content::File(content)
            } else {
                Content::Other
            };
            by_name.insert(name, entries.len());
            entries.push(Entry { span, content });
        }
        Ok(Self {
            entries,
            by_name,
            length,
        })
    }

    /// The number of the file that a name leads to, through links; `None` when there is none.
    pub(super) fn find(&self, name: &str) -> Option<usize> {
        let mut name = normal("", name);
        for _ in 0..LINK_LIMIT {
            let number = *self.by_name.get(&name)?;
            match &self.entries[number].content {
                Content::File(_) => return Some(number),
                Content::Link(target) => name.clone_from(target),
                Content::Other => return None,
            }
        }
        None
    }

    /// The content of a small file.
    pub(super) fn content(&self, file: &File, name: &str, limit: u64) -> io::Result<Vec<u8>> {
        let found = self.find(name).map(|number| &self.entries[number].content);
        let Some(Content::File(content)) = found else {
            return Err(io::ErrorKind::NotFound.into());
        };
        let size = content.end - content.start;
        if size > limit {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        let mut bytes = vec![0; size as usize];
        file.read_exact_at(&mut bytes, content.start)?;
        Ok(bytes)
    }

    /// The parts of the file that are left without some entries.
    pub(super) fn without(&self, left_out: impl Fn(usize) -> bool) -> Vec<Range<u64>> {
        let mut kept = Vec::new();
        let mut begin = 0;
        for (number, entry) in self.entries.iter().enumerate() {
            if left_out(number) {
                kept.push(begin..entry.span.start);
                begin = entry.span.end;
            }
        }
        kept.push(begin..self.length);
        kept.retain(|part| !part.is_empty());
        kept
    }
}

fn parent(name: &str) -> &str {
    name.rsplit_once('/').map_or("", |(parent, _)| parent)
}

/// The one way to write a path inside the archive.
fn normal(directory: &str, path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in directory.split('/').chain(path.split('/')) {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}
