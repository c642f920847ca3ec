use std::fmt;
use std::str::FromStr;

use serde::de::Error as _;
use serde::{Deserialize, Serialize, Serializer};

use super::manifest::{Scalar, invalid};
use crate::error::{Error, Result};

/// A TCP port of the VPS that leads to one of the container: `8000:80`, or `8000` for the same in both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Port {
    /// Where the world comes in.
    pub of_vps: u16,
    /// Where the application listens.
    pub of_container: u16,
}

impl FromStr for Port {
    type Err = Error;

    /// Reads `VPS:CONTAINER` or one number.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) for anything else, as other protocols and ranges of ports are.
    fn from_str(text: &str) -> Result<Self> {
        let unfit = || {
            invalid(format!(
                "the port {text:?} is unfit; write VPS:CONTAINER, as 80:8000, and anything else of `docker run \
                 --publish` into run_args"
            ))
        };
        let number = |text: &str| match text.parse::<u16>() {
            Ok(port) if port > 0 && !text.starts_with('+') => Ok(port),
            _ => Err(unfit()),
        };
        let (of_vps, of_container) = text.split_once(':').unwrap_or((text, text));
        Ok(Self {
            of_vps: number(of_vps)?,
            of_container: number(of_container)?,
        })
    }
}

impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.of_vps, self.of_container)
    }
}

impl<'de> Deserialize<'de> for Port {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Scalar(text) = Scalar::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}

impl Serialize for Port {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
