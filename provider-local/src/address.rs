//! Addresses of instances. They are drawn by us, not by Docker, because Docker takes an address
//! back when a container stops, and a VPS keeps its address over a power cycle.

use std::collections::BTreeSet;
use std::fmt;
use std::net::Ipv4Addr;
use std::str::FromStr;

use rand_core::{OsRng, RngCore};
use vps_docker_core::{Error, ErrorKind, Result};

/// An IPv4 range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Subnet {
    base: u32,
    prefix: u8,
}

impl Subnet {
    /// 198.18.0.0/16, half of the range of RFC 2544.
    pub(crate) const DEFAULT: Self = Self {
        base: 0xC612_0000,
        prefix: 16,
    };

    /// Draws a free address; `None` when all are taken. Random rather than the lowest, so that two
    /// processes hardly ever draw the same one and a new instance rarely gets the address of one
    /// just destroyed. The first sixteenth stays Docker's: its gateway is there, and what
    /// others connect to the network.
    pub(crate) fn draw(self, taken: &BTreeSet<Ipv4Addr>) -> Option<Ipv4Addr> {
        let size = 1_u32 << (32 - self.prefix);
        let first = size / 16 + 1;
        let count = size - 1 - first;
        let start = OsRng.next_u32() % count;
        (0..count)
            .map(|step| Ipv4Addr::from(self.base + first + (start + step) % count))
            .find(|address| !taken.contains(address))
    }
}

impl FromStr for Subnet {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let parsed = text.split_once('/').and_then(|(base, prefix)| {
            let base = u32::from(base.parse::<Ipv4Addr>().ok()?);
            let prefix = prefix.parse::<u8>().ok()?;
            let legal =
                (8..=28).contains(&prefix) && base.trailing_zeros() >= 32 - u32::from(prefix);
            legal.then_some(Self { base, prefix })
        });
        parsed.ok_or_else(|| {
            Error::new(
                ErrorKind::Invalid,
                format!(
                    "the subnet {text:?} is unfit; write the first address of a range as \
                     a.b.c.d/n, n from 8 to 28, such as 198.18.0.0/16"
                ),
            )
        })
    }
}

impl fmt::Display for Subnet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", Ipv4Addr::from(self.base), self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subnets_read_back() {
        assert_eq!(Subnet::DEFAULT.to_string(), "198.18.0.0/16");
        assert_eq!(
            "198.18.0.0/16".parse::<Subnet>().expect("legal"),
            Subnet::DEFAULT
        );
        for bad in [
            "",
            "198.18.0.1/16",
            "198.18.0.0/29",
            "198.18.0.0/33",
            "::/64",
        ] {
            bad.parse::<Subnet>().expect_err(bad);
        }
    }

    #[test]
    fn every_address_is_drawn_once_and_then_none() {
        let subnet: Subnet = "10.0.0.16/28".parse().expect("legal");
        let mut taken = BTreeSet::new();
        while let Some(address) = subnet.draw(&taken) {
            assert!(address > Ipv4Addr::new(10, 0, 0, 17), "the gateway");
            assert!(address < Ipv4Addr::new(10, 0, 0, 31), "the broadcast");
            assert!(taken.insert(address));
        }
        assert_eq!(taken.len(), 13);
    }
}
