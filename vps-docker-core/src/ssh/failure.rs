//! What the `ssh` program's complaint means.

use std::path::Path;

use crate::error::{Error, ErrorKind};
use crate::model::SshEndpoint;

/// A program of OpenSSH's client that cannot be started.
pub(super) fn cannot_start(program: &str, error: std::io::Error) -> Error {
    Error::new(
        ErrorKind::State,
        format!(
            "cannot start the `{program}` program; install OpenSSH's client \
             (Debian: apt-get install openssh-client)"
        ),
    )
    .with_source(error)
}

/// Turns what `ssh` printed when it could not connect into an error.
pub(super) fn connect_error(endpoint: &SshEndpoint, complaint: &str) -> Error {
    let place = format!("{}@{} port {}", endpoint.user, endpoint.host, endpoint.port);
    if is_host_key_failure(complaint) {
        return mismatch(endpoint, complaint);
    }
    let last_line = complaint
        .lines()
        .map(str::trim)
        .rfind(|line| !line.is_empty())
        .unwrap_or("ssh ended without a word");
    // The last line alone: others may be the server's own words of welcome.
    if last_line.ends_with(": incorrect signature") {
        return unproven(endpoint);
    }
    if complaint.contains("unix_listener") || complaint.contains("ControlPath") {
        return Error::new(
            ErrorKind::State,
            format!("ssh cannot make its control socket: {last_line}"),
        );
    }
    if last_line.contains("Permission denied") {
        return Error::new(
            ErrorKind::Auth,
            format!(
                "the SSH server refused the key {}{} for {place}",
                endpoint.identity_file.display(),
                by_agent(endpoint)
            ),
        )
        .with_provider_code(last_line)
        .retryable();
    }
    Error::new(
        ErrorKind::Unreachable,
        format!("cannot connect to {place}: {last_line}"),
    )
    .retryable()
}

fn by_agent(endpoint: &SshEndpoint) -> String {
    let agent = endpoint.identity_agent.as_ref();
    agent.map_or_else(String::new, |socket| {
        format!(
            ", or the agent at {} does not sign with it (look with `ssh-add -l`),",
            socket.display()
        )
    })
}

fn is_host_key_failure(complaint: &str) -> bool {
    [
        "Host key verification failed",
        "REMOTE HOST IDENTIFICATION HAS CHANGED",
        "no matching host key type found",
    ]
    .iter()
    .any(|mark| complaint.contains(mark))
}

fn mismatch(endpoint: &SshEndpoint, complaint: &str) -> Error {
    let pinned = pinned_fingerprints(&endpoint.known_hosts_file);
    let presented = complaint
        .split_whitespace()
        .find(|word| word.starts_with("SHA256:"))
        .map(|word| word.trim_end_matches('.').to_owned())
        .or_else(|| {
            complaint
                .split_once("Their offer: ")
                .map(|(_, offer)| format!("a key of type {}", offer.trim()))
        })
        .unwrap_or_else(|| "a key it does not tell".to_owned());
    Error::new(
        ErrorKind::HostKeyMismatch,
        format!(
            "{} port {} presents {presented}, pinned is {pinned}: this is another machine, or \
             somebody is in between; nothing was sent to it",
            endpoint.host, endpoint.port
        ),
    )
}

/// The pinned key is public: whoever has seen it can show it, and only its machine can sign with it.
fn unproven(endpoint: &SshEndpoint) -> Error {
    Error::new(
        ErrorKind::HostKeyMismatch,
        format!(
            "{} port {} shows the pinned key {} and cannot prove that it has it: somebody is in \
             between; nothing was sent to it",
            endpoint.host,
            endpoint.port,
            pinned_fingerprints(&endpoint.known_hosts_file)
        ),
    )
}

fn pinned_fingerprints(known_hosts: &Path) -> String {
    let fingerprints: Vec<String> = ssh_key::KnownHosts::read_file(known_hosts)
        .unwrap_or_default()
        .iter()
        .map(|entry| {
            entry
                .public_key()
                .fingerprint(ssh_key::HashAlg::Sha256)
                .to_string()
        })
        .collect();
    if fingerprints.is_empty() {
        "nothing".to_owned()
    } else {
        fingerprints.join(" or ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint() -> SshEndpoint {
        SshEndpoint {
            user: "root".into(),
            host: "198.18.0.2".parse().expect("an address"),
            port: 22,
            identity_file: "/keys/vps".into(),
            identity_agent: None,
            known_hosts: String::new(),
            known_hosts_file: "/nonexistent".into(),
        }
    }

    #[test]
    fn complaints_have_kinds() {
        for (complaint, kind) in [
            (
                "root@198.18.0.2: Permission denied (publickey).",
                ErrorKind::Auth,
            ),
            (
                "Connection closed by 198.18.0.2 port 22",
                ErrorKind::Unreachable,
            ),
            (
                "Permission denied to strangers.\nConnection closed by 198.18.0.2 port 22",
                ErrorKind::Unreachable,
            ),
            ("Host key verification failed.", ErrorKind::HostKeyMismatch),
            (
                "Unable to negotiate with 198.18.0.2 port 22: no matching host key type found. \
                 Their offer: rsa-sha2-512,rsa-sha2-256",
                ErrorKind::HostKeyMismatch,
            ),
            (
                "ssh_dispatch_run_fatal: Connection to 198.18.0.2 port 22: incorrect signature",
                ErrorKind::HostKeyMismatch,
            ),
            (
                "unix_listener: cannot bind to path /run/m: No such file or directory",
                ErrorKind::State,
            ),
            ("", ErrorKind::Unreachable),
        ] {
            assert_eq!(
                connect_error(&endpoint(), complaint).kind(),
                kind,
                "{complaint:?}"
            );
        }
    }
}
