use data_encoding::BASE64;
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret, SecretSlice};

use super::build_output::Redaction;
use crate::model::{HostId, RegistryLogin};
use crate::ssh::join;

const SCRIPT: &str = include_str!("assets/with-secrets.sh");
const BLOCK: usize = 512;

/// Secrets that a `docker` on the VPS reads from files in memory, which only root can read and which
/// go with it. They take the way of its input, so that no argument holds them.
#[derive(Debug)]
pub(super) struct SecretFiles {
    directory: String,
    files: Vec<(String, SecretSlice<u8>)>,
    redaction: Redaction,
}

impl SecretFiles {
    /// None yet.
    pub(super) fn new() -> Self {
        Self {
            directory: format!("/run/vps-docker/secrets-{}", HostId::random()),
            files: Vec::new(),
            redaction: Redaction::default(),
        }
    }

    /// Adds one and returns where it will be.
    pub(super) fn add(&mut self, name: &str, content: SecretSlice<u8>) -> String {
        self.redaction.add(content.expose_secret());
        self.files.push((name.to_owned(), content));
        format!("{}/{name}", self.directory)
    }

    /// Logs Docker in at registries, for this once.
    pub(super) fn log_in(&mut self, logins: &[RegistryLogin]) {
        if logins.is_empty() {
            return;
        }
        for login in logins {
            self.redaction
                .add(login.password().expose_secret().as_bytes());
        }
        self.add("docker/config.json", docker_config(logins));
    }

    /// What takes the secrets out of the output.
    pub(super) fn redaction(&self) -> &Redaction {
        &self.redaction
    }

    /// The command that runs `docker` with these words; `title` is what it is called where it is told
    /// of, `builder` what `DOCKER_BUILDKIT` is, empty to leave that to the Docker there.
    pub(super) fn command(&self, title: &str, builder: &str, words: &[String]) -> String {
        let directory = match self.files.is_empty() {
            true => "",
            false => &self.directory,
        };
        let script = ["sh", "-c", SCRIPT, title, directory, builder];
        join(script.into_iter().chain(words.iter().map(String::as_str)))
    }

    /// The input of that command: a tar stream, empty where there are no secrets.
    pub(super) fn archive(&self) -> SecretSlice<u8> {
        if self.files.is_empty() {
            return SecretSlice::from(Vec::new());
        }
        let memory = "writing into memory does not fail";
        let blocks = |content: &SecretSlice<u8>| 1 + content.expose_secret().len().div_ceil(BLOCK);
        let size: usize = self.files.iter().map(|(_, content)| blocks(content)).sum();
        // As much as it will take: a vector that grows leaves copies behind that nobody wipes.
        let mut archive = tar::Builder::new(Vec::with_capacity((size + 2) * BLOCK));
        for (name, content) in &self.files {
            let content = content.expose_secret();
            let mut header = tar::Header::new_gnu();
            header.set_mode(0o600);
            header.set_size(content.len() as u64);
            archive
                .append_data(&mut header, name, content)
                .expect(memory);
        }
        archive.into_inner().expect(memory).into()
    }
}

/// Docker's configuration with these logins, the last one of a server. Neither a server nor base64 has
/// anything in it that JSON would write in another way.
fn docker_config(logins: &[RegistryLogin]) -> SecretSlice<u8> {
    let sizes = logins.iter().map(|login| {
        let pair = login.user().len() + 1 + login.password().expose_secret().len();
        login.key().len() + BASE64.encode_len(pair) + 32
    });
    let mut text = Zeroizing::new(String::with_capacity(32 + sizes.sum::<usize>()));
    text.push_str("{\"auths\":{");
    let mut separator = "";
    for (position, login) in logins.iter().enumerate() {
        let mut later = logins[position + 1..].iter();
        if later.any(|other| other.key() == login.key()) {
            continue;
        }
        for part in [
            separator,
            "\"",
            login.key(),
            "\":{\"auth\":\"",
            &auth(login),
            "\"}",
        ] {
            text.push_str(part);
        }
        separator = ",";
    }
    text.push_str("}}\n");
    SecretSlice::from(text.as_bytes().to_vec())
}

fn auth(login: &RegistryLogin) -> Zeroizing<String> {
    let (user, password) = (login.user(), login.password().expose_secret());
    let mut pair = Zeroizing::new(Vec::with_capacity(user.len() + password.len() + 1));
    pair.extend_from_slice(user.as_bytes());
    pair.push(b':');
    pair.extend_from_slice(password.as_bytes());
    Zeroizing::new(BASE64.encode(&pair))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn login(server: &str, password: &str) -> RegistryLogin {
        RegistryLogin::new(server, "me", password.into()).expect("fit")
    }

    #[test]
    fn secrets_are_in_the_input_and_neither_in_the_command_nor_in_debug() {
        let mut files = SecretFiles::new();
        let path = files.add("secret-npm", SecretSlice::from(b"the-token".to_vec()));
        let logins = [login("docker.io", "the-password")];
        files.log_in(&logins);
        let words = ["build".to_owned(), format!("--secret=id=npm,src={path}")];
        let command = files.command("build", "1", &words);
        for shown in [command, format!("{files:?} {logins:?}")] {
            for secret in ["the-token", "the-password", "bWU6dGhlLXBhc3N3b3Jk"] {
                assert!(!shown.contains(secret), "{shown}");
            }
        }
        let archive = files.archive();
        let mut archive = tar::Archive::new(archive.expose_secret());
        let names = archive.entries().expect("ours").map(|entry| {
            let entry = entry.expect("whole");
            assert_eq!(entry.header().mode().expect("set"), 0o600);
            entry.path().expect("text").display().to_string()
        });
        assert_eq!(
            names.collect::<Vec<_>>(),
            ["secret-npm", "docker/config.json"]
        );
        assert_eq!(files.redaction().redact("it is the-password"), "it is ***");
    }

    #[test]
    fn the_last_login_of_a_server_counts() {
        let logins = [
            login("docker.io", "first"),
            login("r.example.com:5000", "other"),
            login("index.docker.io", "second"),
        ];
        let config = docker_config(&logins);
        let config: serde_json::Value =
            serde_json::from_slice(config.expose_secret()).expect("JSON");
        let auths = config["auths"].as_object().expect("a map");
        assert_eq!(auths.len(), 2);
        let hub = &auths["https://index.docker.io/v1/"]["auth"];
        assert_eq!(*hub, BASE64.encode(b"me:second"));
    }

    #[test]
    fn the_archive_is_as_large_as_was_reckoned() {
        for size in [0, 1, 511, 512, 513, 100_000] {
            let mut files = SecretFiles::new();
            files.add("secret-x", SecretSlice::from(vec![b'x'; size]));
            let blocks = 1 + size.div_ceil(BLOCK) + 2;
            assert_eq!(files.archive().expose_secret().len(), blocks * BLOCK);
        }
    }
}
