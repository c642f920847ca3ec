use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::near_matches;
use crate::error::{Error, ErrorKind, Result};

/// What a container may do to the kernel that it runs on. The default is narrower than Docker's, and
/// yet everyday images, a login as root, `apt-get install`, `su` and `ping` work.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Security {
    /// Whether a program may have more rights than who starts it, which `sudo` for others than root
    /// needs. Default no: a set-uid program in the image is no way up.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub new_privileges: bool,
    /// Capabilities besides Docker's own less [`DROPPED`](Self::DROPPED); one of these is given back
    /// by naming it.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub add: BTreeSet<Capability>,
    /// Capabilities that are taken besides those.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub drop: BTreeSet<Capability>,
    /// Whether the root file system can only be read. Then `/run`, `/tmp` and the `writable` places
    /// are in memory, run no programs and are gone with every stop; what is to stay belongs into
    /// the data volume.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub read_only_root: bool,
    /// Directories of a read-only root that can be written to.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub writable: BTreeSet<String>,
    /// What runs the container.
    pub runtime: Runtime,
}

impl Security {
    /// What is dropped of Docker's default set: making devices, raw packets (the part of the kernel behind
    /// them has had many holes), passing capabilities on and giving them to files.
    ///
    /// `ping` needs none of them, for every group may send echoes; that of Debian 12 that an image brings
    /// with `cap_net_raw` on its file does not start, though: install it in the container, or add
    /// `NET_RAW`.
    pub const DROPPED: [&str; 4] = ["MKNOD", "NET_RAW", "SETFCAP", "SETPCAP"];
}

/// What runs a container.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Runtime {
    /// Docker's own: the container's processes are processes of the VPS's kernel.
    #[default]
    Default,
    /// gVisor, Docker's runtime `runsc`: the container has a kernel of its own, in a process that may do
    /// little. The distribution's package, installed when the VPS boots. Programs are slower
    /// at system calls, and of the idle modes only `cpu`, `custom` and `disabled` can be had.
    Gvisor,
}

impl Runtime {
    /// Docker's name of it, where it is not the default.
    #[must_use]
    pub fn docker_name(self) -> Option<&'static str> {
        match self {
            Self::Default => None,
            Self::Gvisor => Some("runsc"),
        }
    }
}

impl FromStr for Runtime {
    type Err = Error;

    /// Reads `default`, `gvisor`, or Docker's name of it.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] for any other word.
    fn from_str(text: &str) -> Result<Self> {
        match text {
            "default" | "runc" => Ok(Self::Default),
            "gvisor" | "runsc" => Ok(Self::Gvisor),
            _ => Err(invalid(format!(
                "{text:?} is no runtime; there are default and gvisor"
            ))),
        }
    }
}

impl fmt::Display for Runtime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Default => "default",
            Self::Gvisor => "gvisor",
        })
    }
}

/// The name of a capability of Linux without `CAP_`, such as `SYS_PTRACE`; one that is known.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Capability(String);

/// Those of Linux 6, as capabilities(7) has them.
const CAPABILITIES: &[&str] = &[
    "AUDIT_CONTROL",
    "AUDIT_READ",
    "AUDIT_WRITE",
    "BLOCK_SUSPEND",
    "BPF",
    "CHECKPOINT_RESTORE",
    "CHOWN",
    "DAC_OVERRIDE",
    "DAC_READ_SEARCH",
    "FOWNER",
    "FSETID",
    "IPC_LOCK",
    "IPC_OWNER",
    "KILL",
    "LEASE",
    "LINUX_IMMUTABLE",
    "MAC_ADMIN",
    "MAC_OVERRIDE",
    "MKNOD",
    "NET_ADMIN",
    "NET_BIND_SERVICE",
    "NET_BROADCAST",
    "NET_RAW",
    "PERFMON",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYSLOG",
    "SYS_ADMIN",
    "SYS_BOOT",
    "SYS_CHROOT",
    "SYS_MODULE",
    "SYS_NICE",
    "SYS_PACCT",
    "SYS_PTRACE",
    "SYS_RAWIO",
    "SYS_RESOURCE",
    "SYS_TIME",
    "SYS_TTY_CONFIG",
    "WAKE_ALARM",
];

/// Without these our entrypoint and sshd do not let anybody in.
const NEEDED: &[&str] = &["CHOWN", "SETGID", "SETUID", "SYS_CHROOT"];

impl Capability {
    /// Its name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Capability {
    type Err = Error;

    /// Reads a name, in either case, with or without `CAP_`.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] for one that is not known.
    fn from_str(text: &str) -> Result<Self> {
        let upper = text.to_ascii_uppercase();
        let name = upper.strip_prefix("CAP_").unwrap_or(&upper);
        if CAPABILITIES.contains(&name) {
            return Ok(Self(name.to_owned()));
        }
        let hint = near_matches(name, CAPABILITIES);
        Err(invalid(format!("{text:?} is no capability{hint}")))
    }
}

impl TryFrom<String> for Capability {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

impl From<Capability> for String {
    fn from(capability: Capability) -> Self {
        capability.0
    }
}

/// [`Security`] as it was given, not yet checked.
#[derive(Clone, Debug, Default)]
pub(super) struct GivenSecurity {
    pub(super) new_privileges: bool,
    pub(super) add: Vec<String>,
    pub(super) drop: Vec<String>,
    pub(super) read_only_root: bool,
    pub(super) writable: Vec<String>,
    pub(super) runtime: Runtime,
}

impl GivenSecurity {
    /// All of it, or nothing when nothing was given.
    pub(super) fn checked(&self) -> Result<Option<Security>> {
        let read = |names: &[String]| -> Result<BTreeSet<Capability>> {
            names.iter().map(|name| name.parse()).collect()
        };
        let (add, drop) = (read(&self.add)?, read(&self.drop)?);
        if let Some(both) = add.intersection(&drop).next() {
            return Err(invalid(format!(
                "the capability {} is added and dropped; decide for one",
                both.as_str()
            )));
        }
        if let Some(needed) = drop.iter().find(|one| NEEDED.contains(&one.as_str())) {
            return Err(invalid(format!(
                "sshd in the container needs the capability {}; leave it",
                needed.as_str()
            )));
        }
        if !self.writable.is_empty() && !self.read_only_root {
            return Err(invalid(
                "writable places are given, but the root is not read-only: ask for that too, or \
                 leave them out"
                    .into(),
            ));
        }
        for place in &self.writable {
            check_place(place)?;
        }
        let security = Security {
            new_privileges: self.new_privileges,
            add,
            drop,
            read_only_root: self.read_only_root,
            writable: self.writable.iter().cloned().collect(),
            runtime: self.runtime,
        };
        Ok(Some(security).filter(|security| *security != Security::default()))
    }
}

fn check_place(place: &str) -> Result<()> {
    let odd = |c: char| !(c.is_ascii_alphanumeric() || "/._-".contains(c));
    let ours = ["/etc", "/proc", "/sys", "/dev", "/run", "/tmp", "/usr"];
    let plain = place.starts_with('/')
        && place.len() > 1
        && !place.contains(odd)
        && !place.ends_with('/')
        && place[1..]
            .split('/')
            .all(|part| !matches!(part, "" | "." | ".."));
    if plain && !ours.contains(&place) && !place.starts_with("/etc/vps-docker") {
        return Ok(());
    }
    Err(invalid(format!(
        "{place:?} is no place to be made writable: give the absolute path of a directory such as \
         /var/cache/app; /run and /tmp are writable already"
    )))
}

fn invalid(message: String) -> Error {
    Error::new(ErrorKind::Invalid, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capabilities_have_one_name() {
        for text in ["SYS_PTRACE", "sys_ptrace", "CAP_SYS_PTRACE"] {
            let capability: Capability = text.parse().expect(text);
            assert_eq!(capability.as_str(), "SYS_PTRACE");
        }
        let error = "SYS_PTRAC".parse::<Capability>().expect_err("none");
        assert!(error.to_string().contains("SYS_PTRACE"), "{error}");
        for text in ["", "ALL", "CAP_", "--privileged"] {
            text.parse::<Capability>().expect_err(text);
        }
        assert!(
            Security::DROPPED
                .iter()
                .all(|name| CAPABILITIES.contains(name))
        );
    }

    #[test]
    fn what_contradicts_itself_is_refused() {
        let good = GivenSecurity {
            read_only_root: true,
            writable: vec!["/var/cache/app".into()],
            ..GivenSecurity::default()
        };
        good.checked().expect("legal").expect("given");
        assert_eq!(GivenSecurity::default().checked().expect("legal"), None);
        let given = |change: fn(&mut GivenSecurity)| {
            let mut given = good.clone();
            change(&mut given);
            given
        };
        for bad in [
            given(|given| given.read_only_root = false),
            given(|given| given.writable.push("relative".into())),
            given(|given| given.writable.push("/a/../b".into())),
            given(|given| given.writable.push("/etc".into())),
            given(|given| given.writable.push("/a:exec".into())),
            given(|given| given.drop.push("SETUID".into())),
            given(|given| given.add.push("nonsense".into())),
            given(|given| {
                given.add.push("KILL".into());
                given.drop.push("cap_kill".into());
            }),
        ] {
            let error = bad.checked().expect_err("unfit");
            assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
        }
    }

    #[test]
    fn an_old_record_gets_the_defaults() {
        let read: Security = serde_json::from_str("{}").expect("nothing is needed");
        assert_eq!(read, Security::default());
        let text = r#"{"add":["NET_RAW"],"runtime":"gvisor"}"#;
        let some: Security = serde_json::from_str(text).expect("readable");
        assert_eq!(serde_json::to_string(&some).expect("JSON"), text);
    }
}
