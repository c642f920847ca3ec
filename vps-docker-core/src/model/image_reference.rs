use serde::{Deserialize, Serialize};

use super::text::text_conversions;
use crate::error::{Error, ErrorKind, Result};

/// The name of a container image as Docker writes it: `[registry[:port]/]path[:tag][@digest]`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ImageReference(String);

impl ImageReference {
    /// Checks the characters of a reference; whether the image exists is found out later.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] for an empty one, one over 512 bytes, one that begins with anything
    /// but a letter or digit (a leading `-` would be an option to Docker), or one with characters
    /// that no reference has.
    pub fn new(text: impl Into<String>) -> Result<Self> {
        let text = text.into();
        let broken = if text.is_empty() {
            Some("is empty".to_owned())
        } else if text.len() > 512 {
            Some(format!("has {} bytes, at most 512 are legal", text.len()))
        } else if !text.starts_with(|c: char| c.is_ascii_alphanumeric()) {
            Some("must begin with a letter or digit".to_owned())
        } else {
            text.chars()
                .find(|c| !c.is_ascii_alphanumeric() && !"._-/:@".contains(*c))
                .map(|c| format!("contains {c:?}"))
        };
        match broken {
            None => Ok(Self(text)),
            Some(rule) => Err(Error::new(
                ErrorKind::Invalid,
                format!(
                    "the image reference {text:?} {rule}; \
                     write it as [registry/]name[:tag], such as debian:bookworm-slim"
                ),
            )),
        }
    }
}

text_conversions!(ImageReference);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_and_control_characters_are_refused() {
        for good in [
            "debian:bookworm-slim",
            "localhost:5000/a/b_c:1.0",
            "x@sha256:00ff",
        ] {
            ImageReference::new(good).expect(good);
        }
        for bad in [
            "",
            "-it",
            "--privileged",
            "a b",
            "a\n",
            "a;b",
            "a\u{0}",
            "ä",
            "$(x)",
        ] {
            let error = ImageReference::new(bad).expect_err(bad);
            assert_eq!(error.kind(), ErrorKind::Invalid);
        }
    }
}
