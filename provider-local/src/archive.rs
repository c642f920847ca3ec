//! Small tar archives in memory, as the engine takes them for files and build contexts.

use tar::{Builder, EntryType, Header};

/// An archive that grows entry by entry; all belongs to root.
pub(crate) struct Archive(Builder<Vec<u8>>);

impl Archive {
    pub(crate) fn new() -> Self {
        Self(Builder::new(Vec::new()))
    }

    pub(crate) fn directory(self, path: &str, mode: u32) -> Self {
        self.entry(EntryType::Directory, path, mode, b"")
    }

    pub(crate) fn file(self, path: &str, mode: u32, content: &[u8]) -> Self {
        self.entry(EntryType::Regular, path, mode, content)
    }

    pub(crate) fn finish(self) -> Vec<u8> {
        self.0.into_inner().expect("writing to memory succeeds")
    }

    fn entry(mut self, kind: EntryType, path: &str, mode: u32, content: &[u8]) -> Self {
        let mut header = Header::new_gnu();
        header.set_entry_type(kind);
        header.set_mode(mode);
        header.set_size(content.len() as u64);
        // Times, owner and group are zero, so equal content makes equal archives.
        self.0
            .append_data(&mut header, path, content)
            .expect("writing to memory succeeds");
        self
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn entries_read_back_with_their_modes() {
        let bytes = Archive::new()
            .directory("seed/", 0o700)
            .file("seed/user-data", 0o600, b"#cloud-config\n")
            .finish();
        let mut archive = tar::Archive::new(&bytes[..]);
        let mut seen = Vec::new();
        for entry in archive.entries().expect("own archive") {
            let mut entry = entry.expect("own entry");
            let mut content = String::new();
            entry.read_to_string(&mut content).expect("text");
            let mode = entry.header().mode().expect("mode");
            let path = entry.path().expect("path").display().to_string();
            seen.push((path, mode, content));
        }
        assert_eq!(
            seen,
            [
                ("seed/".to_owned(), 0o700, String::new()),
                (
                    "seed/user-data".to_owned(),
                    0o600,
                    "#cloud-config\n".to_owned()
                ),
            ]
        );
    }
}
