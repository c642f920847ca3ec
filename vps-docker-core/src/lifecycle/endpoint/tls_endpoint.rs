use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use crate::model::{CertificateSerial, TlsClient};

/// A Docker endpoint for other tools that is open; see
/// [`Host::open_tls_endpoint`](crate::Host::open_tls_endpoint).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TlsEndpoint {
    /// Where it listens.
    pub address: IpAddr,
    /// The TCP port.
    pub port: u16,
    /// Whether it was agreed that the whole world may reach it.
    pub open_to_world: bool,
    /// What this data directory gets in by, as `DOCKER_CERT_PATH` wants it: `ca.pem`, `cert.pem` and
    /// `key.pem`. It moves when the host is renamed. `None` where it has nothing that is good.
    pub certificate_dir: Option<PathBuf>,
    /// The serial number of that certificate.
    pub serial: Option<CertificateSerial>,
    /// All certificates that were given out and have not been forgotten since they expired.
    pub clients: Vec<TlsClient>,
}

impl TlsEndpoint {
    /// The value of `DOCKER_HOST` that leads to it, where `DOCKER_TLS_VERIFY` and `DOCKER_CERT_PATH` are
    /// set too.
    #[must_use]
    pub fn docker_host(&self) -> String {
        format!("tcp://{}", SocketAddr::from((self.address, self.port)))
    }

    /// This data directory's own certificate.
    #[must_use]
    pub fn own(&self) -> Option<&TlsClient> {
        let serial = self.serial.as_ref()?;
        self.clients.iter().find(|client| client.serial == *serial)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ipv6_address_stands_in_brackets() {
        let endpoint = TlsEndpoint {
            address: "2001:db8::7".parse().expect("an address"),
            port: 2376,
            open_to_world: false,
            certificate_dir: None,
            serial: None,
            clients: Vec::new(),
        };
        assert_eq!(endpoint.docker_host(), "tcp://[2001:db8::7]:2376");
    }
}
