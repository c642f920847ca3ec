use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use secrecy::zeroize::Zeroizing;

use super::KeyPair;
use crate::error::{Error, ErrorKind, Result};

/// What is longer is no private key of a kind that we use.
const LONGEST: usize = 16 * 1024;

/// Reads a private key from a file that only its owner may read.
///
/// # Errors
/// [`ErrorKind::NotFound`] when there is no such file, [`ErrorKind::Invalid`] when others may read
/// it or it is malformed or encrypted.
pub fn read_key_pair(path: &Path) -> Result<KeyPair> {
    let unreadable = |error: std::io::Error| {
        let kind = match error.kind() {
            std::io::ErrorKind::NotFound => ErrorKind::NotFound,
            std::io::ErrorKind::PermissionDenied => ErrorKind::Permission,
            _ => ErrorKind::State,
        };
        Error::new(
            kind,
            format!("cannot read the private key {}", path.display()),
        )
        .with_source(error)
    };
    let mut file = std::fs::File::open(path).map_err(unreadable)?;
    let mode = file.metadata().map_err(unreadable)?.mode();
    if mode & 0o077 != 0 {
        return Err(Error::new(
            ErrorKind::Invalid,
            format!(
                "the private key {} can be read by others (mode {:04o}); run `chmod 600` on it, \
                 or make a new one if it has been seen",
                path.display(),
                mode & 0o7777
            ),
        ));
    }
    // As much as it will take: a string that grows leaves copies behind that nobody wipes.
    let mut text = Zeroizing::new(String::with_capacity(LONGEST));
    (&mut file)
        .take(LONGEST as u64 - 1)
        .read_to_string(&mut text)
        .map_err(unreadable)?;
    KeyPair::from_openssh(&text).map_err(|error| error.with_note(path.display()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn a_key_that_others_can_read_is_refused() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("key");
        let pair = KeyPair::generate("x").expect("random");
        std::fs::write(&path, pair.private_openssh().expose_secret()).expect("written");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).expect("mode");
        let error = read_key_pair(&path).expect_err("world-readable");
        assert!(error.to_string().contains("0644"), "{error}");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).expect("mode");
        assert_eq!(
            read_key_pair(&path).expect("private").public(),
            pair.public()
        );
    }
}
