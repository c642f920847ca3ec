//! X.509 for the Docker endpoint: an authority of our own, and what it certifies. Keys are ECDSA on P-256, which every
//! TLS library knows.

mod authority;
mod certified_key;

pub use authority::CertificateAuthority;
pub use certified_key::CertifiedKey;
