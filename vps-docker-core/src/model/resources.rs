use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::ByteSize;
use crate::error::{Error, ErrorKind, Result};

/// How much of the VPS a container may use. The default leaves the VPS enough to stay reachable
/// whatever the container does, and an everyday program all the rest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Resources {
    /// Memory, page cache included; there is no swap beyond it. Default: [`MemoryLimit::Vps`].
    pub memory: MemoryLimit,
    /// Cores; all of them when absent, for the kernel shares them fairly.
    pub cpus: Option<Cpus>,
    /// Processes and threads. Default 4096: a fork bomb ends there, and no everyday program is near it.
    pub pids: u32,
    /// A file of the container's output; the next one is begun when it is that large. Default 10 MiB.
    pub log_size: ByteSize,
    /// How many of these files there are, the oldest goes first. Default 3.
    pub log_files: u32,
}

impl Default for Resources {
    fn default() -> Self {
        Self {
            memory: MemoryLimit::Vps,
            cpus: None,
            pids: 4096,
            log_size: ByteSize::mebibytes(10),
            log_files: 3,
        }
    }
}

/// How much memory a container may use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum MemoryLimit {
    /// What the VPS has, less a reserve for the VPS itself (256 MiB and a fiftieth, at most half). Worked
    /// out on the VPS whenever the container is started by us or the VPS boots, so that it also fits
    /// after a resize.
    #[default]
    Vps,
    /// So much, and what is beyond is not to be had: the kernel then ends a process of the container.
    At(ByteSize),
}

/// The least that Docker takes.
const LEAST_MEMORY: ByteSize = ByteSize::mebibytes(6);

/// A share of the cores, such as `1.5`: thousandths of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Cpus(u32);

impl FromStr for Cpus {
    type Err = Error;

    /// Reads a number of cores.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] for what is no number, for less than a hundredth and for more than
    /// 1000.
    fn from_str(text: &str) -> Result<Self> {
        let unfit = || {
            invalid(format!(
                "{text:?} is not a number of cores; write one like 1.5"
            ))
        };
        let plain = text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
        let cores: f64 = text.parse().map_err(|_| unfit())?;
        if !plain || !(0.01..=1000.0).contains(&cores) {
            return Err(unfit());
        }
        Ok(Self((cores * 1000.0).round() as u32))
    }
}

impl fmt::Display for Cpus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", f64::from(self.0) / 1000.0)
    }
}

/// Some of [`Resources`] as they were given, not yet checked.
#[derive(Clone, Debug, Default)]
pub(super) struct GivenResources {
    pub(super) memory: Option<String>,
    pub(super) cpus: Option<String>,
    pub(super) pids: Option<u32>,
    pub(super) log_size: Option<String>,
    pub(super) log_files: Option<u32>,
}

impl GivenResources {
    /// All of them, or none when none was given.
    pub(super) fn checked(&self) -> Result<Option<Resources>> {
        let mut resources = Resources::default();
        if let Some(memory) = &self.memory {
            let memory = memory.parse()?;
            if memory < LEAST_MEMORY {
                return Err(invalid(format!(
                    "{memory} of memory is less than the {LEAST_MEMORY} that Docker takes; give more"
                )));
            }
            resources.memory = MemoryLimit::At(memory);
        }
        if let Some(cpus) = &self.cpus {
            resources.cpus = Some(cpus.parse()?);
        }
        if let Some(pids) = self.pids {
            // sshd, the entrypoint and a session of somebody who looks what is wrong.
            if pids < 32 {
                return Err(invalid(format!(
                    "{pids} processes are too few for sshd and a session; allow at least 32"
                )));
            }
            resources.pids = pids;
        }
        if let Some(size) = &self.log_size {
            resources.log_size = size.parse()?;
        }
        if let Some(files) = self.log_files {
            if files == 0 {
                return Err(invalid(
                    "no file is left for the log; allow at least one".into(),
                ));
            }
            resources.log_files = files;
        }
        let given = self.memory.is_some()
            || self.cpus.is_some()
            || self.pids.is_some()
            || self.log_size.is_some()
            || self.log_files.is_some();
        Ok(given.then_some(resources))
    }
}

fn invalid(message: String) -> Error {
    Error::new(ErrorKind::Invalid, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_old_record_gets_the_defaults() {
        let read: Resources = serde_json::from_str("{}").expect("nothing is needed");
        assert_eq!(read, Resources::default());
        let some: Resources =
            serde_json::from_str(r#"{"memory":{"at":1048576},"cpus":1500}"#).expect("readable");
        assert_eq!(some.memory, MemoryLimit::At(ByteSize::mebibytes(1)));
        assert_eq!(some.cpus.expect("given").to_string(), "1.5");
        let written = serde_json::to_string(&some).expect("JSON");
        assert_eq!(
            serde_json::from_str::<Resources>(&written).expect("its own"),
            some
        );
    }

    #[test]
    fn unfit_numbers_of_cores_are_refused() {
        assert_eq!("0.25".parse::<Cpus>().expect("legal").to_string(), "0.25");
        for text in [
            "", "0", "0.001", "-1", "+1", "1001", "NaN", "inf", "1e1", "two",
        ] {
            let error = text.parse::<Cpus>().expect_err(text);
            assert_eq!(error.kind(), ErrorKind::Invalid);
        }
    }
}
