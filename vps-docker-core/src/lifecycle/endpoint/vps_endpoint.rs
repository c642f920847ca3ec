use std::net::IpAddr;

use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret, SecretString};
use tar::{Builder, Header};

use crate::error::{ErrorKind, Result};
use crate::model::Timestamp;
use crate::ssh::{Transport, TransportExt, join};
use crate::store::{EndpointRecord, HostRecord};
use crate::tls::CertifiedKey;

const UNIT: &str = "etc/systemd/system/vps-docker-endpoint.service";
const DIRECTORY: &str = "etc/vps-docker/endpoint.new/";

/// Makes the endpoint on the VPS what its record says; without a key of the server, that which is there
/// stays. Whoever is connected through it is cut off. Idempotent; the VPS goes on with it when we go
/// away.
pub(super) async fn set_on_vps(
    vps: &dyn Transport,
    record: &HostRecord,
    address: IpAddr,
    server: Option<&CertifiedKey>,
) -> Result<()> {
    let generation = record.generation.to_string();
    let (words, archive) = match &record.tls_endpoint {
        Some(endpoint) => {
            let archive = archive(endpoint, address, server);
            (vec!["open", &generation], archive)
        }
        None => (vec!["close", &generation], Zeroizing::default()),
    };
    let port = record
        .tls_endpoint
        .as_ref()
        .map(|open| open.port.to_string());
    let script = ["sh", "-c", include_str!("set-endpoint.sh"), "set-endpoint"];
    let words = words.into_iter().chain(port.as_deref());
    let output = vps
        .run(&join(script.into_iter().chain(words)), &archive)
        .await?;
    let what = "setting the Docker endpoint on the VPS";
    output.success(ErrorKind::State, what).map(drop)
}

/// What belongs to it, as an archive for `/`.
fn archive(
    endpoint: &EndpointRecord,
    address: IpAddr,
    server: Option<&CertifiedKey>,
) -> Zeroizing<Vec<u8>> {
    let any = if address.is_ipv4() { "0.0.0.0" } else { "::" };
    let accept = format!("{any}:{}", endpoint.port);
    let configuration = include_str!("stunnel.conf").replace("@ACCEPT@", &accept);
    let server = server.map(|server| {
        let key = server.private_key.expose_secret();
        SecretString::from([key, &server.certificate].concat())
    });
    // As much as it will take: a buffer that grows leaves copies behind that nobody wipes.
    let mut buffer = Zeroizing::new(Vec::with_capacity(
        64 * 1024 + endpoint.clients.len() * 2048,
    ));
    let mut archive = Builder::new(&mut *buffer);
    let mut add = |path: &str, mode, content: &str| {
        let mut header = Header::new_gnu();
        header.set_mode(mode);
        header.set_size(content.len() as u64);
        archive
            .append_data(&mut header, path, content.as_bytes())
            .expect("nothing fails in memory");
    };
    let inside = |name| [DIRECTORY, name].concat();
    add(UNIT, 0o644, include_str!("vps-docker-endpoint.service"));
    add(&inside("stunnel.conf"), 0o600, &configuration);
    add(
        &inside("clients.pem"),
        0o600,
        &let_in(endpoint, Timestamp::now()),
    );
    if let Some(server) = &server {
        add(&inside("server.pem"), 0o600, server.expose_secret());
    }
    archive.finish().expect("nothing fails in memory");
    drop(archive);
    buffer
}

/// The authority, and those of its certificates that are taken.
fn let_in(endpoint: &EndpointRecord, now: Timestamp) -> String {
    let good = endpoint.clients.iter().filter(|client| client.is_good(now));
    let certificates = good.map(|client| client.certificate.as_str());
    std::iter::once(endpoint.authority.as_str())
        .chain(certificates)
        .collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::model::{CertificateSerial, TlsClient};

    #[test]
    fn who_is_revoked_or_past_is_not_let_in() {
        let now = Timestamp::now();
        let client = |name: &str, expires_at, revoked_at| TlsClient {
            serial: CertificateSerial::random(),
            issued_at: now,
            expires_at,
            revoked_at,
            certificate: format!("{name}\n"),
        };
        let later = now.plus(Duration::from_secs(60));
        let endpoint = EndpointRecord {
            port: 2376,
            open_to_world: false,
            authority: "authority\n".into(),
            clients: vec![
                client("good", later, None),
                client("revoked", later, Some(now)),
                client("past", now, None),
            ],
        };
        assert_eq!(let_in(&endpoint, now), "authority\ngood\n");
        let archive = archive(&endpoint, "::1".parse().expect("an address"), None);
        let text = String::from_utf8_lossy(&archive);
        assert!(text.contains("accept = :::2376\n"), "{text}");
        assert!(!text.contains("server.pem\0"), "{text}");
    }
}
