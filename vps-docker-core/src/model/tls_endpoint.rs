use std::fmt;
use std::time::Duration;

use data_encoding::HEXLOWER;
use rand_core::{OsRng, RngCore};
use serde::{Deserialize, Serialize};

use super::text::text_conversions;
use super::{Cidr, Exposure, Timestamp};
use crate::error::{Error, ErrorKind, Result};

/// What the Docker endpoint for other tools is to be like; see `Host::open_tls_endpoint`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TlsEndpointOptions {
    /// The TCP port; 2376, the one that is Docker's own for this.
    pub port: u16,
    /// How long the client certificate is good for; 30 days.
    pub client_validity: Duration,
    /// Whether it may be opened on a host that the whole world can reach; not by default. A certificate is
    /// asked for there too, but a fault in the program that asks for it is then everybody's.
    pub open_to_world: bool,
}

impl Default for TlsEndpointOptions {
    fn default() -> Self {
        Self {
            port: 2376,
            client_validity: Self::CLIENT_VALIDITY,
            open_to_world: false,
        }
    }
}

impl TlsEndpointOptions {
    /// For how long a client certificate is good where nothing else is said: 30 days.
    pub const CLIENT_VALIDITY: Duration = Duration::from_secs(30 * 24 * 3600);

    /// Sets [`port`](Self::port).
    #[must_use]
    pub fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// Sets [`client_validity`](Self::client_validity).
    #[must_use]
    pub fn client_validity(mut self, validity: Duration) -> Self {
        self.client_validity = validity;
        self
    }

    /// Sets [`open_to_world`](Self::open_to_world).
    #[must_use]
    pub fn open_to_world(mut self, agreed: bool) -> Self {
        self.open_to_world = agreed;
        self
    }
}

/// The serial number of a certificate, 20 hexadecimal digits: 78 random bits.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CertificateSerial(String);

impl CertificateSerial {
    const BYTES: usize = 10;

    /// Draws a new one from the operating system's random bits.
    #[must_use]
    pub fn random() -> Self {
        let mut bytes = [0; Self::BYTES];
        OsRng.fill_bytes(&mut bytes);
        // Neither negative nor shorter, in DER's eyes: so it is written alike everywhere.
        bytes[0] = bytes[0] & 0x3f | 0x40;
        Self(HEXLOWER.encode(&bytes))
    }

    /// Reads one, in the upper-case letters of `openssl x509 -serial` too.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] for anything but 20 hexadecimal digits.
    pub fn new(text: impl Into<String>) -> Result<Self> {
        let text = text.into().to_ascii_lowercase();
        match HEXLOWER.decode(text.as_bytes()) {
            Ok(bytes) if bytes.len() == Self::BYTES => Ok(Self(text)),
            _ => Err(Error::new(
                ErrorKind::Invalid,
                format!(
                    "{text:?} is no serial number of a certificate: 20 hexadecimal digits are expected"
                ),
            )),
        }
    }

    /// The number, most significant byte first.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        HEXLOWER
            .decode(self.0.as_bytes())
            .expect("it was checked when it was read")
    }
}

text_conversions!(CertificateSerial);

impl fmt::Debug for CertificateSerial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CertificateSerial({})", self.0)
    }
}

/// A client certificate that was given out for one host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TlsClient {
    /// Its serial number.
    pub serial: CertificateSerial,
    /// When it was made.
    pub issued_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
    /// When it was revoked; absent for one that was not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<Timestamp>,
    /// The certificate, PEM. Not secret.
    pub certificate: String,
}

impl TlsClient {
    /// Whether it lets somebody in at that time.
    #[must_use]
    pub fn is_good(&self, at: Timestamp) -> bool {
        self.revoked_at.is_none() && self.expires_at > at
    }
}

/// Some of the client certificates of a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TlsClients {
    /// The one with that serial number.
    One(CertificateSerial),
    /// All of them.
    All,
}

impl TlsClients {
    pub(crate) fn contain(&self, serial: &CertificateSerial) -> bool {
        match self {
            Self::One(one) => one == serial,
            Self::All => true,
        }
    }
}

impl Exposure {
    /// Whether it keeps out next to nobody: a range of it is larger than any one network.
    #[must_use]
    pub fn is_open_to_world(&self) -> bool {
        self.sources
            .iter()
            .copied()
            .any(|range: Cidr| range.prefix() < 8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn serial_numbers_read_back_as_openssl_prints_them_too() {
        let serial = CertificateSerial::random();
        let upper = serial.as_str().to_ascii_uppercase();
        assert_eq!(CertificateSerial::new(upper).expect("the same"), serial);
        assert!((0x40..0x80).contains(&serial.bytes()[0]));
        for bad in ["", "ab", "zz", "--all", &"a".repeat(21)] {
            let error = CertificateSerial::new(bad).expect_err(bad);
            assert_eq!(error.kind(), ErrorKind::Invalid);
        }
    }

    #[test]
    fn the_world_in_two_halves_is_the_world() {
        let open = |ranges: &[&str]| {
            let sources = ranges.iter().map(|range| range.parse().expect("legal"));
            let exposure = Exposure {
                sources: sources.collect(),
                app_ports: Vec::new(),
            };
            exposure.is_open_to_world()
        };
        assert!(open(&["0.0.0.0/0"]) && open(&["203.0.113.7", "::/0"]));
        assert!(open(&["0.0.0.0/1", "128.0.0.0/1"]));
        assert!(!open(&["10.0.0.0/8", "2001:db8::/32"]));
    }
}
