use std::fmt;
use std::net::IpAddr;
use std::time::{Duration, SystemTime};

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, SanType, SerialNumber,
};
use secrecy::SecretString;
use secrecy::zeroize::Zeroizing;
use sha2::{Digest, Sha256};

use super::CertifiedKey;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{CertificateSerial, HostId, Timestamp, base32};

/// Certifies the servers and clients of one owner's Docker endpoints, and nothing else.
///
/// Whoever has its key can make what pretends to be such a server; to be let in as a client takes more: a
/// host takes those certificates only that were given out for it.
pub struct CertificateAuthority {
    certificate: String,
    key: KeyPair,
}

/// What is made here is used where the clock may be behind.
const BACKDATED: Duration = Duration::from_secs(3600);
/// Longer than any VPS. Who has a copy of the certificate must get it anew when it ends.
const LIFE: Duration = Duration::from_secs(20 * 365 * 24 * 3600);

impl CertificateAuthority {
    /// Makes a new one, good for 20 years.
    ///
    /// # Errors
    /// `State` when the operating system has no random bits.
    pub fn generate() -> Result<Self> {
        let key = generate_key()?;
        let mut params = params(authority_name(&key), &CertificateSerial::random());
        params.not_after = (SystemTime::now() + LIFE).into();
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let certificate = params.self_signed(&key).map_err(cannot_sign)?.pem();
        Ok(Self { certificate, key })
    }

    /// Reads what [`to_pem`](Self::to_pem) wrote.
    ///
    /// # Errors
    /// `State` for anything else.
    pub fn from_pem(text: &str) -> Result<Self> {
        let unfit = || {
            Error::new(
                ErrorKind::State,
                "not a private key and a certificate in PEM, as they were made here",
            )
        };
        let (key, certificate) = text.split_once(BEGIN_CERTIFICATE).ok_or_else(unfit)?;
        let key = KeyPair::from_pem(key).map_err(|error| unfit().with_source(error))?;
        Ok(Self {
            certificate: format!("{BEGIN_CERTIFICATE}{certificate}"),
            key,
        })
    }

    /// Its private key and its certificate, for a file of mode 0600.
    #[must_use]
    pub fn to_pem(&self) -> SecretString {
        let key = Zeroizing::new(self.key.serialize_pem());
        let mut text = String::with_capacity(key.len() + self.certificate.len());
        text.push_str(&key);
        text.push_str(&self.certificate);
        SecretString::from(text)
    }

    /// Its certificate, PEM: what clients check a server by.
    #[must_use]
    pub fn certificate(&self) -> &str {
        &self.certificate
    }

    /// Certifies a server at an address, which is what its clients look for in it.
    ///
    /// # Errors
    /// `State` when the operating system has no random bits.
    pub fn server(&self, address: IpAddr, host: &HostId, until: Timestamp) -> Result<CertifiedKey> {
        let mut params = params(name(host.as_str()), &CertificateSerial::random());
        params.subject_alt_names = vec![SanType::IpAddress(address)];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        self.certify(params, until)
    }

    /// Certifies a client. Its name is its serial number: no two have one.
    ///
    /// # Errors
    /// `State` when the operating system has no random bits.
    pub fn client(&self, serial: &CertificateSerial, until: Timestamp) -> Result<CertifiedKey> {
        let mut params = params(name(&format!("client {serial}")), serial);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        self.certify(params, until)
    }

    fn certify(&self, mut params: CertificateParams, until: Timestamp) -> Result<CertifiedKey> {
        params.not_after = SystemTime::from(until).into();
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.use_authority_key_identifier_extension = true;
        // All that a signature takes of the authority's certificate: it need not be parsed.
        let authority = params_of_authority(&self.key);
        let issuer = Issuer::from_params(&authority, &self.key);
        let key = generate_key()?;
        let certificate = params.signed_by(&key, &issuer).map_err(cannot_sign)?;
        Ok(CertifiedKey {
            certificate: certificate.pem(),
            private_key: SecretString::from(key.serialize_pem()),
        })
    }
}

const BEGIN_CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----";

fn params(name: DistinguishedName, serial: &CertificateSerial) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = name;
    params.serial_number = Some(SerialNumber::from(serial.bytes()));
    params.not_before = (SystemTime::now() - BACKDATED).into();
    params
}

fn params_of_authority(key: &KeyPair) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = authority_name(key);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    params
}

/// From its key, so that whoever has that has the name.
fn authority_name(key: &KeyPair) -> DistinguishedName {
    let digest = Sha256::digest(key.public_key_raw());
    name(&format!("authority {}", base32().encode(&digest[..10])))
}

fn name(common: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::OrganizationName, "vps-docker");
    name.push(DnType::CommonName, common);
    name
}

fn generate_key() -> Result<KeyPair> {
    KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).map_err(cannot_sign)
}

fn cannot_sign(error: rcgen::Error) -> Error {
    Error::new(ErrorKind::State, "cannot make a key and a certificate").with_source(error)
}

impl fmt::Debug for CertificateAuthority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CertificateAuthority")
            .field("certificate", &self.certificate)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::process::Command;

    use secrecy::ExposeSecret;

    use super::*;

    /// What OpenSSL says of a certificate, at a moment, for a purpose.
    fn verify(directory: &Path, certificate: &str, purpose: &str, at: Timestamp) -> String {
        std::fs::write(directory.join("cert.pem"), certificate).expect("written");
        let output = Command::new("openssl")
            .current_dir(directory)
            .args(["verify", "-x509_strict", "-CAfile", "ca.pem", "-purpose"])
            .args([purpose, "-attime", &at.unix_seconds().to_string()])
            .arg("cert.pem")
            .output()
            .expect("an openssl program");
        let said = [output.stdout, output.stderr].concat();
        String::from_utf8_lossy(&said).into_owned()
    }

    #[test]
    fn openssl_takes_what_it_certifies_for_what_it_is_and_as_long_as_it_is_good() {
        let made = CertificateAuthority::generate().expect("random");
        // As it is used: read back.
        let text = made.to_pem();
        let authority = CertificateAuthority::from_pem(text.expose_secret()).expect("own text");
        assert_eq!(authority.certificate(), made.certificate());
        let directory = tempfile::tempdir().expect("a directory");
        let directory = directory.path();
        std::fs::write(directory.join("ca.pem"), authority.certificate()).expect("written");

        let day = Duration::from_secs(24 * 3600);
        let (now, serial) = (Timestamp::now(), CertificateSerial::random());
        let client = authority.client(&serial, now.plus(day)).expect("made");
        let (good, purpose) = ("cert.pem: OK\n", "error 26 ");
        let expired = "error 10 ";
        let client = &client.certificate;
        assert_eq!(verify(directory, client, "sslclient", now), good);
        assert!(verify(directory, client, "sslserver", now).contains(purpose));
        let later = now.plus(2 * day);
        assert!(verify(directory, client, "sslclient", later).contains(expired));
        // For clocks that are behind.
        let earlier = Timestamp::from(SystemTime::now() - BACKDATED / 2);
        assert_eq!(verify(directory, client, "sslclient", earlier), good);

        let address = "2001:db8::7".parse().expect("an address");
        let server = authority.server(address, &HostId::random(), now.plus(day));
        let server = server.expect("made").certificate;
        assert_eq!(verify(directory, &server, "sslserver", now), good);
        assert!(verify(directory, &server, "sslclient", now).contains(purpose));
        let shown = Command::new("openssl")
            .current_dir(directory)
            .args([
                "x509",
                "-in",
                "cert.pem",
                "-noout",
                "-checkip",
                "2001:db8::7",
            ])
            .output();
        let shown = String::from_utf8(shown.expect("it runs").stdout).expect("text");
        assert!(shown.contains("does match"), "{shown}");

        let other = CertificateAuthority::generate().expect("random");
        let stranger = other.client(&serial, now.plus(day)).expect("made");
        let said = verify(directory, &stranger.certificate, "sslclient", now);
        assert!(!said.contains(good), "{said}");
    }

    #[test]
    fn no_private_key_is_shown_by_debug() {
        let authority = CertificateAuthority::generate().expect("random");
        let client = authority.client(&CertificateSerial::random(), Timestamp::now());
        let shown = format!("{authority:?} {:?}", client.expect("made"));
        assert!(!shown.contains("PRIVATE"), "{shown}");
    }

    #[test]
    fn what_is_no_authority_is_refused() {
        for text in ["", BEGIN_CERTIFICATE, "-----BEGIN PRIVATE KEY-----\n"] {
            let error = CertificateAuthority::from_pem(text);
            assert_eq!(error.expect_err(text).kind(), ErrorKind::State);
        }
    }
}
