use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind, Result};

/// What may reach an instance from outside: what a rule names, and nothing else. What the instance
/// itself begins is not restricted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FirewallRules {
    /// Each lets something in.
    pub allow: Vec<FirewallRule>,
}

/// From where a host may be reached. Without one it is open to the world, as far as its ports are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exposure {
    /// Where from; for the whole world [`Cidr::WORLD`].
    pub sources: Vec<Cidr>,
    /// TCP ports of the application, besides those of the two sshds.
    pub app_ports: Vec<u16>,
}

impl Exposure {
    /// What a firewall in front of a host lets in, when its container's sshd has that port.
    #[must_use]
    pub fn rules(&self, container_ssh_port: u16) -> FirewallRules {
        let mut ports = vec![22, container_ssh_port];
        ports.extend(&self.app_ports);
        ports.sort_unstable();
        ports.dedup();
        FirewallRules::tcp(ports, &self.sources)
    }
}

/// One port that is open to some addresses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FirewallRule {
    /// The protocol.
    pub protocol: Protocol,
    /// The port on the instance.
    pub port: u16,
    /// Where from; never empty in rules that were checked.
    pub sources: Vec<Cidr>,
}

/// A protocol that has ports.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// TCP.
    #[default]
    Tcp,
    /// UDP.
    Udp,
}

/// A range of addresses, such as `203.0.113.0/24` or `2001:db8::/32`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Cidr {
    address: IpAddr,
    prefix: u8,
}

impl FirewallRules {
    /// TCP to each of the ports from each of the ranges.
    #[must_use]
    pub fn tcp(ports: impl IntoIterator<Item = u16>, sources: &[Cidr]) -> Self {
        let rule = |port| FirewallRule {
            protocol: Protocol::Tcp,
            port,
            sources: sources.to_vec(),
        };
        Self {
            allow: ports.into_iter().map(rule).collect(),
        }
    }
}

impl Cidr {
    /// All IPv4 and all IPv6 addresses.
    pub const WORLD: [Self; 2] = [
        Self {
            address: IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED),
            prefix: 0,
        },
        Self {
            address: IpAddr::V6(std::net::Ipv6Addr::UNSPECIFIED),
            prefix: 0,
        },
    ];

    /// The first address of the range.
    #[must_use]
    pub fn address(self) -> IpAddr {
        self.address
    }

    /// Whether that address is in it.
    #[must_use]
    pub fn contains(self, address: IpAddr) -> bool {
        let leading = |bits: u128, width: u8| bits.checked_shr(u32::from(width - self.prefix));
        match (self.address, address) {
            (IpAddr::V4(ours), IpAddr::V4(other)) => {
                leading(u32::from(ours).into(), 32) == leading(u32::from(other).into(), 32)
            }
            (IpAddr::V6(ours), IpAddr::V6(other)) => {
                leading(ours.into(), 128) == leading(other.into(), 128)
            }
            _ => false,
        }
    }

    /// How many leading bits all addresses of the range share.
    #[must_use]
    pub fn prefix(self) -> u8 {
        self.prefix
    }
}

impl FromStr for Cidr {
    type Err = Error;

    /// Reads `address/prefix`, or a single address.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] when it is neither, or when bits are set behind the prefix: a range
    /// that begins elsewhere than it says is a slip of the pen.
    fn from_str(text: &str) -> Result<Self> {
        let unfit = || {
            Error::new(
                ErrorKind::Invalid,
                format!(
                    "{text:?} is not a range of addresses; write one like 203.0.113.0/24, \
                     2001:db8::/32 or 203.0.113.7, with no bits set behind the prefix"
                ),
            )
        };
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| unfit())?;
        let bits = if address.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            None => bits,
            Some(digits) => {
                let legal = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
                let prefix: u8 = digits.parse().map_err(|_| unfit())?;
                if !legal || prefix > bits {
                    return Err(unfit());
                }
                prefix
            }
        };
        let host_bits = match address {
            IpAddr::V4(v4) => u32::from(v4).checked_shl(prefix.into()).unwrap_or(0) != 0,
            IpAddr::V6(v6) => u128::from(v6).checked_shl(prefix.into()).unwrap_or(0) != 0,
        };
        if host_bits {
            return Err(unfit());
        }
        Ok(Self { address, prefix })
    }
}

impl TryFrom<String> for Cidr {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

impl From<Cidr> for String {
    fn from(range: Cidr) -> Self {
        range.to_string()
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_has_the_addresses_that_share_its_bits() {
        for (range, address, is_in) in [
            ("203.0.113.0/24", "203.0.113.255", true),
            ("203.0.113.0/24", "203.0.112.255", false),
            ("203.0.113.7", "203.0.113.7", true),
            ("203.0.113.7", "203.0.113.6", false),
            ("0.0.0.0/0", "198.51.100.1", true),
            ("0.0.0.0/0", "2001:db8::1", false),
            ("::/0", "2001:db8::1", true),
            ("2001:db8::/32", "2001:db8:ffff::1", true),
            ("2001:db8::/32", "2001:db9::1", false),
        ] {
            let range: Cidr = range.parse().expect("legal");
            let address = address.parse().expect("legal");
            assert_eq!(range.contains(address), is_in, "{range} {address}");
        }
    }

    #[test]
    fn ranges_read_back_and_single_addresses_are_ranges() {
        for (text, read) in [
            ("203.0.113.0/24", "203.0.113.0/24"),
            ("203.0.113.7", "203.0.113.7/32"),
            ("0.0.0.0/0", "0.0.0.0/0"),
            ("::/0", "::/0"),
            ("2001:db8::1", "2001:db8::1/128"),
        ] {
            let range: Cidr = text.parse().expect(text);
            assert_eq!(range.to_string(), read);
        }
    }

    #[test]
    fn the_doors_of_a_host_are_always_let_in() {
        let exposure = Exposure {
            sources: Cidr::WORLD.to_vec(),
            app_ports: vec![8000, 22],
        };
        let rules = exposure.rules(2222);
        let ports: Vec<u16> = rules.allow.iter().map(|rule| rule.port).collect();
        assert_eq!(ports, [22, 2222, 8000]);
        assert!(rules.allow.iter().all(|rule| rule.sources == Cidr::WORLD));
    }

    #[test]
    fn unfit_ranges_are_refused() {
        for text in [
            "",
            "/",
            "203.0.113.0/",
            "203.0.113.0/33",
            "203.0.113.7/24",
            "203.0.113.0/+8",
            "::1/64",
            "::/129",
            "example.org",
            "203.0.113.0/24 ",
        ] {
            let error = text.parse::<Cidr>().expect_err(text);
            assert_eq!(error.kind(), ErrorKind::Invalid);
        }
    }
}
