//! An SSH door as text for the files of OpenSSH.

use std::path::Path;

use super::SshEndpoint;
use crate::error::{Error, ErrorKind, Result};

impl SshEndpoint {
    /// A `Host` block of a `ssh_config` file, with which `ssh ALIAS`, scp, sftp, rsync and the editors
    /// that use them get in by the pinned host key, and only so. In that file the first value of an
    /// option counts: put it, or an `Include` of it, before blocks such as `Host *`.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] for an alias that is a pattern or more than one word, and for paths that
    /// such a file cannot name: with a line break or `${`.
    pub fn config_block(&self, alias: &str) -> Result<String> {
        let odd = |c: char| c.is_control() || c.is_whitespace() || "*?!,\"'\\#%@/".contains(c);
        if alias.is_empty() || alias.starts_with('-') || alias.contains(odd) {
            return Err(invalid(format!(
                "{alias:?} cannot be a name for ssh: letters, digits, '.', '_' and '-' are fine"
            )));
        }
        let (identity, known_hosts) = (file(&self.identity_file)?, file(&self.known_hosts_file)?);
        if let Some(agent) = &self.identity_agent {
            file(agent)?;
        }
        let agent = self.agent_option(quoted);
        Ok(format!(
            "Host {alias}\n    \
                 HostName {host}\n    \
                 Port {port}\n    \
                 User {user}\n    \
                 IdentityFile {identity}\n    \
                 IdentitiesOnly yes\n    \
                 IdentityAgent {agent}\n    \
                 PreferredAuthentications publickey\n    \
                 UserKnownHostsFile {known_hosts}\n    \
                 GlobalKnownHostsFile /dev/null\n    \
                 StrictHostKeyChecking yes\n    \
                 HostKeyAlgorithms ssh-ed25519\n    \
                 UpdateHostKeys no\n    \
                 CheckHostIP no\n    \
                 ForwardAgent no\n    \
                 ForwardX11 no\n    \
                 ServerAliveInterval 15\n    \
                 ServerAliveCountMax 4\n",
            host = self.host,
            port = self.port,
            user = self.user,
        ))
    }
}

fn file(path: &Path) -> Result<String> {
    let text = path.display().to_string();
    if text.contains("${") || text.chars().any(char::is_control) {
        return Err(invalid(format!(
            "the path {text:?} cannot be named in a file of ssh's; use another data directory"
        )));
    }
    Ok(quoted(path))
}

/// A path as ssh's own configuration parser reads it: quoted, `%` doubled.
pub(crate) fn quoted(path: &Path) -> String {
    let text = path.display().to_string().replace('%', "%%");
    if text.contains([' ', '\t', '"', '\'', '\\', '#']) {
        format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
    } else {
        text
    }
}

fn invalid(message: String) -> Error {
    Error::new(ErrorKind::Invalid, message)
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;
    use std::process::Command;

    use super::*;

    fn endpoint(directory: &Path, host: &str) -> SshEndpoint {
        SshEndpoint {
            user: "root".into(),
            host: host.parse::<IpAddr>().expect("an address"),
            port: 2222,
            identity_file: directory.join("key"),
            identity_agent: Some(directory.join("agent")),
            known_hosts: String::new(),
            known_hosts_file: directory.join("known_hosts"),
        }
    }

    /// What `ssh` itself understands, by its own words.
    fn understood(config: &str, alias: &str) -> String {
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), config).expect("written");
        let output = Command::new("ssh")
            .args(["-G", "-F"])
            .arg(file.path())
            .arg(alias)
            .output()
            .expect("an ssh program");
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{complaint}\n{config}");
        String::from_utf8(output.stdout).expect("text")
    }

    #[test]
    fn paths_are_quoted_as_ssh_reads_them() {
        for (path, text) in [
            ("/keys/vps_ed25519", "/keys/vps_ed25519"),
            ("/100%h/k", "/100%%h/k"),
            ("/my keys/k", "\"/my keys/k\""),
            ("/o'brien/k", "\"/o'brien/k\""),
            ("/a\"b\\c/k", "\"/a\\\"b\\\\c/k\""),
        ] {
            assert_eq!(quoted(Path::new(path)), text);
        }
    }

    #[test]
    fn ssh_reads_addresses_and_odd_paths_as_they_are() {
        for directory in [
            "/plain", "/a b", "/100%h", "/o'brien", "/q\"q", "/b\\s", "/#x", "/~u", "/a=b",
        ] {
            for host in ["198.18.0.2", "2001:db8::1"] {
                let config = endpoint(Path::new(directory), host).config_block("web1");
                let read = understood(&config.expect("fit"), "web1");
                // `ssh -G` prints the one path before it expands %, the other after.
                let unexpanded = directory.replace('%', "%%");
                for line in [
                    format!("hostname {host}"),
                    "port 2222".into(),
                    format!("identityfile {unexpanded}/key"),
                    format!("identityagent {directory}/agent"),
                    format!("userknownhostsfile {directory}/known_hosts"),
                    "stricthostkeychecking true".into(),
                    "hostkeyalgorithms ssh-ed25519".into(),
                    "identitiesonly yes".into(),
                    "forwardagent no".into(),
                ] {
                    assert!(
                        read.lines().any(|found| found == line),
                        "{line:?} in\n{read}"
                    );
                }
            }
        }
    }

    #[test]
    fn what_ssh_would_misread_is_refused() {
        let fine = endpoint(Path::new("/keys"), "::1");
        for alias in ["", "a b", "*", "!a", "a,b", "-x", "a\nb", "a\"b"] {
            let error = fine.config_block(alias).expect_err(alias);
            assert_eq!(error.kind(), ErrorKind::Invalid);
        }
        for directory in ["/a\nb", "/${HOME}"] {
            let odd = endpoint(Path::new(directory), "::1");
            odd.config_block("web1").expect_err(directory);
        }
    }
}
