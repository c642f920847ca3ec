use std::fmt;
use std::str::FromStr;

use vps_docker_core::{Error, ErrorKind, Result};

use super::cloud::Cloud;
use super::contabo::Contabo;
use super::digitalocean::DigitalOcean;
use super::hetzner::Hetzner;
use super::seed::Seed;
use super::vultr::Vultr;

/// The clouds there are simulators of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Provider {
    /// Contabo.
    Contabo,
    /// DigitalOcean.
    DigitalOcean,
    /// Hetzner Cloud.
    Hetzner,
    /// Vultr.
    Vultr,
}

impl Provider {
    /// All of them.
    pub const ALL: &[Self] = &[
        Self::Contabo,
        Self::DigitalOcean,
        Self::Hetzner,
        Self::Vultr,
    ];

    /// The name under which its provider crate is registered.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::DigitalOcean => "digitalocean",
            Self::Contabo => "contabo",
            Self::Hetzner => "hetzner",
            Self::Vultr => "vultr",
        }
    }

    /// The cloud, as the seed has it.
    pub(crate) fn cloud(self, seed: &Seed) -> Box<dyn Cloud> {
        match self {
            Self::DigitalOcean => Box::new(DigitalOcean),
            Self::Contabo => Box::new(Contabo::new(&seed.contabo)),
            Self::Hetzner => Box::new(Hetzner),
            Self::Vultr => Box::new(Vultr::new(&seed.vultr)),
        }
    }
}

impl fmt::Display for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Provider {
    type Err = Error;

    /// Reads a name.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] with the names there are.
    fn from_str(text: &str) -> Result<Self> {
        let known = Self::ALL.iter().copied();
        known.clone().find(|own| own.name() == text).ok_or_else(|| {
            let names: Vec<&str> = known.map(Self::name).collect();
            let why = format!(
                "there is no simulator of {text:?}; there are {}",
                names.join(", ")
            );
            Error::new(ErrorKind::Invalid, why)
        })
    }
}
