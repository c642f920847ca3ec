use std::fmt;

use data_encoding::BASE64;
use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

/// A file that cloud-init writes, owned by root. Its content may be anything, secrets too: `Debug`
/// shows the size only.
#[derive(Clone, PartialEq, Eq)]
pub struct WriteFile {
    path: String,
    mode: u32,
    content: Vec<u8>,
}

impl WriteFile {
    /// A file at an absolute path with mode 0600.
    pub fn new(path: impl Into<String>, content: impl Into<Vec<u8>>) -> Self {
        Self {
            path: path.into(),
            mode: 0o600,
            content: content.into(),
        }
    }

    /// Sets the permission bits.
    #[must_use]
    pub fn mode(mut self, mode: u32) -> Self {
        self.mode = mode;
        self
    }

    /// Where it is written.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Text that may stand in the document as it is. Everything else travels in base64, so that
    /// nothing hangs on what a reader makes of rare characters.
    fn plain_text(&self) -> Option<&str> {
        let text = std::str::from_utf8(&self.content).ok()?;
        let plain = |c: char| matches!(c, '\n' | '\t' | ' '..='~');
        text.chars().all(plain).then_some(text)
    }
}

impl fmt::Debug for WriteFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WriteFile")
            .field("path", &self.path)
            .field("mode", &format_args!("{:04o}", self.mode))
            .field("bytes", &self.content.len())
            .finish_non_exhaustive()
    }
}

impl Serialize for WriteFile {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = self.plain_text();
        let mut file = serializer.serialize_struct("file", 3 + usize::from(text.is_none()))?;
        file.serialize_field("path", &self.path)?;
        file.serialize_field("permissions", &format!("{:04o}", self.mode))?;
        match text {
            Some(text) => file.serialize_field("content", text)?,
            None => {
                file.serialize_field("encoding", "b64")?;
                file.serialize_field("content", &BASE64.encode(&self.content))?;
            }
        }
        file.end()
    }
}
