use crate::error::{Error, ErrorKind, Result};
use crate::model::Runtime;
use crate::ssh::{Transport, TransportExt, join};

/// What Docker, our sshd and a small image need. An image of the user's own may need more.
const ROOM_KIB: u64 = 1024 * 1024;
/// Docker itself, with what it depends on, when it is yet to be installed.
const DOCKER_KIB: u64 = 1024 * 1024;

/// What a machine is like that is to be adopted.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Survey {
    os: String,
    systemd: bool,
    apt: bool,
    docker: Docker,
    /// What of a host is on it.
    ours: Vec<String>,
    /// What its Docker runs containers by.
    runtimes: Vec<String>,
    free_kib: Option<u64>,
    port_taken: bool,
    /// Of sshd's configuration, where it tells.
    permit_root_login: Option<String>,
    pubkey_authentication: Option<String>,
    authorized_keys_file: Option<String>,
}

#[derive(Debug, Default, PartialEq, Eq)]
enum Docker {
    #[default]
    Absent,
    Answers,
    /// Why it does not answer.
    Silent(String),
}

impl Survey {
    /// Asks a machine, as root. Changes nothing on it.
    pub(super) async fn of(root: &dyn Transport, container_ssh_port: u16) -> Result<Self> {
        let port = container_ssh_port.to_string();
        let command = join(["sh", "-c", include_str!("survey.sh"), "survey", &port]);
        let output = root.run(&command, b"").await?;
        let facts = output.success(ErrorKind::State, "looking the machine over")?;
        Ok(Self::parse(&facts))
    }

    fn parse(facts: &str) -> Self {
        let mut survey = Self::default();
        for (key, value) in facts.lines().filter_map(|line| line.split_once('\t')) {
            let value = || value.to_owned();
            match key {
                "os" => survey.os = value(),
                "systemd" => survey.systemd = true,
                "apt" => survey.apt = true,
                "docker" if value() == "yes" => survey.docker = Docker::Answers,
                "docker" => survey.docker = Docker::Silent(value()),
                "ours" => survey.ours.push(value()),
                "runtimes" => {
                    survey.runtimes = value().split_whitespace().map(str::to_owned).collect();
                }
                "free_kib" => survey.free_kib = value().parse().ok(),
                "port" => survey.port_taken = true,
                "permitrootlogin" => survey.permit_root_login = Some(value()),
                "pubkeyauthentication" => survey.pubkey_authentication = Some(value()),
                "authorizedkeysfile" => survey.authorized_keys_file = Some(value()),
                _ => {}
            }
        }
        survey
    }

    /// Refuses a machine that is unfit, with all that is wrong with it.
    ///
    /// # Errors
    /// [`ErrorKind::State`] for one that is a host already, [`ErrorKind::Unsupported`] for others.
    pub(super) fn check(&self, container_ssh_port: u16, runtime: Runtime) -> Result<()> {
        if !self.ours.is_empty() {
            return Err(Error::new(
                ErrorKind::State,
                format!(
                    "the machine is a host already, or was not cleared of one: it has {}; destroy \
                     that host where it was made, or remove these by hand; nothing was changed",
                    self.ours.join(", ")
                ),
            ));
        }
        let reasons: Vec<String> = [
            self.system(),
            self.disk(),
            self.port_taken.then(|| {
                format!(
                    "something listens on port {container_ssh_port}, which the container's sshd is \
                     to have: free it, or choose another container_ssh_port"
                )
            }),
            self.sshd(),
            self.runtime(runtime),
        ]
        .into_iter()
        .flatten()
        .collect();
        if reasons.is_empty() {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::Unsupported,
            format!(
                "the machine cannot be adopted, and nothing on it was changed: {}",
                reasons.join("; ")
            ),
        ))
    }

    fn system(&self) -> Option<String> {
        if !self.systemd {
            return Some("it does not run systemd".into());
        }
        match &self.docker {
            Docker::Answers => None,
            Docker::Silent(why) => Some(format!(
                "its Docker does not answer ({why}): mend or remove it"
            )),
            Docker::Absent if self.apt && matches!(self.os.as_str(), "debian" | "ubuntu") => None,
            Docker::Absent => Some(format!(
                "it is neither Debian nor Ubuntu but {:?}, where we cannot install Docker: install \
                 it yourself",
                self.os
            )),
        }
    }

    /// A Docker that is there is not restarted, and its configuration is its owner's.
    fn runtime(&self, runtime: Runtime) -> Option<String> {
        let name = runtime.docker_name()?;
        let known = self.docker != Docker::Answers || self.runtimes.iter().any(|one| one == name);
        (!known).then(|| {
            format!(
                "its Docker has no runtime {name:?}: install it there and add it to Docker's \
                 configuration, or take the default runtime"
            )
        })
    }

    fn disk(&self) -> Option<String> {
        let needed = match self.docker {
            Docker::Absent => ROOM_KIB + DOCKER_KIB,
            _ => ROOM_KIB,
        };
        let free = self.free_kib.filter(|free| *free < needed)?;
        Some(format!(
            "it has {} MiB of disk left where Docker keeps its data, {} MiB are needed",
            free / 1024,
            needed / 1024
        ))
    }

    fn sshd(&self) -> Option<String> {
        let is = |option: &Option<String>, value| option.as_deref() == Some(value);
        let refused = |what: &str, right: &str| {
            Some(format!(
                "its sshd has {what}, so that root could not log in with our key: set {right} and \
                 reload sshd"
            ))
        };
        if is(&self.permit_root_login, "no") || is(&self.permit_root_login, "forced-commands-only")
        {
            return refused(
                "PermitRootLogin forbidden",
                "PermitRootLogin prohibit-password",
            );
        }
        if is(&self.pubkey_authentication, "no") {
            return refused("PubkeyAuthentication off", "PubkeyAuthentication yes");
        }
        let files = self.authorized_keys_file.as_deref()?;
        let usual = |file: &str| {
            matches!(
                file,
                ".ssh/authorized_keys" | "%h/.ssh/authorized_keys" | "/root/.ssh/authorized_keys"
            )
        };
        if files.split_whitespace().any(usual) {
            return None;
        }
        refused(
            "its AuthorizedKeysFile elsewhere",
            "AuthorizedKeysFile .ssh/authorized_keys",
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ssh::local_shell::LocalShell;

    const FIT: &str = "os\tdebian\nsystemd\tyes\napt\tyes\nfree_kib\t9999999\n\
        permitrootlogin\twithout-password\npubkeyauthentication\tyes\n\
        authorizedkeysfile\t.ssh/authorized_keys .ssh/authorized_keys2\n";

    fn told(facts: &str) -> String {
        let error = Survey::parse(facts)
            .check(2222, Runtime::Default)
            .expect_err(facts);
        assert!(error.to_string().contains("nothing"), "{error}");
        error.to_string()
    }

    #[test]
    fn a_fit_machine_passes() {
        Survey::parse(FIT)
            .check(2222, Runtime::Gvisor)
            .expect("fit");
        let other = FIT.replace("debian", "arch") + "docker\tyes\n";
        let other = Survey::parse(&other);
        other.check(2222, Runtime::Default).expect("it has Docker");
        let error = other.check(2222, Runtime::Gvisor).expect_err("not that");
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(error.to_string().contains("runsc"), "{error}");
        let known = FIT.to_owned() + "docker\tyes\nruntimes\tio.containerd.runc.v2 runc runsc \n";
        let known = Survey::parse(&known);
        known.check(2222, Runtime::Gvisor).expect("it is there");
    }

    #[test]
    fn an_unfit_one_is_told_why() {
        for (facts, reason) in [
            (FIT.replace("debian", "arch"), "neither Debian nor Ubuntu"),
            (FIT.replace("systemd\t", "x\t"), "systemd"),
            (FIT.replace("9999999", "1000000"), "976 MiB of disk left"),
            (FIT.replace("without-password", "no"), "PermitRootLogin"),
            (FIT.replace("tion\tyes", "tion\tno"), "PubkeyAuthentication"),
            (FIT.replace(".ssh/", "/etc/keys/"), "AuthorizedKeysFile"),
            (format!("{FIT}port\ttaken\n"), "port 2222"),
            (format!("{FIT}docker\tno route\n"), "no route"),
            (
                format!("{FIT}ours\ta volume vps-docker-data\n"),
                "a host already",
            ),
        ] {
            let told = told(&facts);
            assert!(told.contains(reason), "{reason}: {told}");
        }
        // All reasons at once.
        let facts = FIT.replace("9999999", "1") + "port\ttaken\n";
        let told = told(&facts);
        assert!(told.contains("disk") && told.contains("port"), "{told}");
    }

    /// On this machine, whatever it is, with a port that something listens on and one that is free.
    #[tokio::test]
    async fn the_script_tells_a_port_that_is_taken() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("bound").port();
        let shell = LocalShell::default();
        let survey = Survey::of(&shell, port).await.expect("it ran");
        assert!(survey.port_taken, "{survey:?}");
        assert!(survey.free_kib.is_some(), "{survey:?}");
        drop(listener);
        let survey = Survey::of(&shell, port).await.expect("it ran");
        assert!(!survey.port_taken, "{survey:?}");
    }
}
