use std::net::IpAddr;

use ssh_key::public::{Ed25519PublicKey, KeyData};
use ssh_key::{KnownHosts, known_hosts::HostPatterns};

use super::PublicKey;
use super::public_key::breaks;

/// A line of `known_hosts` pins one key for one place and says nothing else, whatever was read as a key,
/// a fingerprint or a pin. The input is such a text; besides, its first 32 bytes are a key, the next 16
/// an address, the next two a port, and the rest that key's comment.
pub fn known_hosts(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    if let Ok(pin) = PublicKey::pin_of_fingerprint(&text) {
        let fingerprint = PublicKey::fingerprint_of_pin(&pin).expect("a pin of ours");
        assert_eq!(fingerprint, text.trim());
    }
    if let Ok(fingerprint) = PublicKey::fingerprint_of_pin(&text) {
        assert_eq!(
            PublicKey::pin_of_fingerprint(&fingerprint).ok().as_deref(),
            Some(&*text)
        );
    }
    let mut rest = data;
    let key = KeyData::Ed25519(Ed25519PublicKey(taken(&mut rest)));
    let address = match taken::<16>(&mut rest) {
        [a, b, c, d, 0, ..] => IpAddr::from([a, b, c, d]),
        six => IpAddr::from(six),
    };
    let port = u16::from_be_bytes(taken(&mut rest));
    // No key of ours has more than a line.
    let comment = String::from_utf8_lossy(rest).replace(breaks, "");
    let made = PublicKey::of(ssh_key::PublicKey::new(key, comment));
    let read = text.parse::<PublicKey>().into_iter();
    for key in read.chain([made]) {
        pins_one(&key, address, port);
    }
}

fn taken<const N: usize>(data: &mut &[u8]) -> [u8; N] {
    let mut bytes = [0; N];
    let count = N.min(data.len());
    bytes[..count].copy_from_slice(&data[..count]);
    *data = &data[count..];
    bytes
}

fn pins_one(key: &PublicKey, address: IpAddr, port: u16) {
    let line = key.known_hosts_line(address, port);
    let lines: Vec<_> = KnownHosts::new(&line).collect();
    let [Ok(entry)] = &lines[..] else {
        panic!("{line:?} is {lines:?}");
    };
    let place = match port {
        22 => address.to_string(),
        port => format!("[{address}]:{port}"),
    };
    assert_eq!(*entry.host_patterns(), HostPatterns::Patterns(vec![place]));
    assert!(entry.marker().is_none(), "{line:?}");
    assert_eq!(
        entry
            .public_key()
            .fingerprint(ssh_key::HashAlg::Sha256)
            .to_string(),
        key.fingerprint()
    );
    assert_eq!(line.matches('\n').count(), 1, "{line:?}");
    assert!(!line.contains('\r') && line.is_ascii(), "{line:?}");
    let pin = key.pin();
    assert_eq!(
        PublicKey::fingerprint_of_pin(&pin).expect("a pin of ours"),
        key.fingerprint()
    );
    let again: PublicKey = key
        .openssh()
        .parse()
        .unwrap_or_else(|_| panic!("{:?}", key.openssh()));
    assert_eq!(again, *key);
}
