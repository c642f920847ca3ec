use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

/// What is secret, by what it is called in a failure: the secrets themselves are in no message.
#[derive(Clone, Default)]
pub(super) struct Markers {
    secrets: Vec<(String, String)>,
    /// Where some were found, told all together.
    found: Arc<Mutex<BTreeSet<String>>>,
}

impl Markers {
    /// A new secret.
    pub(super) fn make(&mut self, name: &str) -> String {
        let secret = format!("marked-{name}-{}", vps_docker::model::HostId::random());
        self.add(name, &secret);
        secret
    }

    pub(super) fn add(&mut self, name: &str, secret: &str) {
        self.secrets.push((name.to_owned(), secret.to_owned()));
    }

    /// A line of a private key that holds nothing but its private half.
    pub(super) fn add_key(&mut self, name: &str, openssh: &str) {
        let lines: Vec<&str> = openssh
            .lines()
            .filter(|line| !line.contains("---"))
            .collect();
        // Whatever the comment.
        let line = lines[3];
        assert_eq!(line.len(), 70, "not a line of a key");
        self.add(name, line);
    }

    /// The first line of a private key in PEM, which begins with its type and holds some of its private half.
    pub(super) fn add_pem_key(&mut self, name: &str, pem: &str) {
        let (_, key) = pem.split_once("PRIVATE KEY-----\n").expect("a private key");
        let line = key.lines().next().expect("it has lines");
        assert_eq!(line.len(), 64, "not a line of a key");
        self.add(name, line);
    }

    /// The names of those that are in there.
    pub(super) fn found_in(&self, bytes: &[u8]) -> Vec<&str> {
        // The standard library is quick at this also in a build that is not.
        let text = String::from_utf8_lossy(bytes);
        let found = self.secrets.iter();
        let found = found.filter(|(_, secret)| text.contains(secret.as_str()));
        found.map(|(name, _)| name.as_str()).collect()
    }

    /// None is to be in there.
    pub(super) fn look_in(&self, what: &str, bytes: &[u8]) {
        for secret in self.found_in(bytes) {
            self.note(&format!("{secret} in {what}"));
        }
    }

    pub(super) fn note(&self, leak: &str) {
        let mut found = self.found.lock().expect("nobody panics");
        found.insert(leak.to_owned());
    }

    pub(super) fn assert_none_was_found(&self) {
        let found = self.found.lock().expect("nobody panics");
        assert!(found.is_empty(), "{found:#?}");
    }

    /// All files below that were written since, but for those in the secrets' own places.
    pub(super) fn look_below(&self, directory: &Path, since: SystemTime, own: &[&Path]) {
        let Ok(entries) = std::fs::read_dir(directory) else {
            return;
        };
        for entry in entries.flatten() {
            let path = entry.path();
            let Ok(metadata) = path.symlink_metadata() else {
                continue;
            };
            if own.iter().any(|own| path.starts_with(own)) {
                continue;
            }
            if metadata.is_dir() {
                self.look_below(&path, since, own);
            } else if metadata.is_file() && metadata.modified().is_ok_and(|at| at >= since) {
                // What another test removes meanwhile is gone.
                let content = std::fs::read(&path).unwrap_or_default();
                self.look_in(&path.display().to_string(), &content);
            }
        }
    }

    /// Those that were [written](Self::patterns) there.
    pub(super) fn read(file: &Path) -> Self {
        let text = std::fs::read_to_string(file).expect("written");
        let mut markers = Self::default();
        for (number, line) in text.lines().enumerate() {
            markers.add(&format!("secret {number}"), line);
        }
        markers
    }

    /// One a line, for `grep -f`.
    pub(super) fn patterns(&self) -> Vec<u8> {
        let lines = self
            .secrets
            .iter()
            .map(|(_, secret)| format!("{secret}\n").into_bytes());
        lines.collect::<Vec<_>>().concat()
    }
}
