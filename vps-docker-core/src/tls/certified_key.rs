use std::fmt;

use secrecy::SecretString;

/// A private key with the certificate of its public half.
pub struct CertifiedKey {
    /// The certificate, PEM.
    pub certificate: String,
    /// The private key, PEM (PKCS #8).
    pub private_key: SecretString,
}

impl fmt::Debug for CertifiedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CertifiedKey")
            .field("certificate", &self.certificate)
            .finish_non_exhaustive()
    }
}
