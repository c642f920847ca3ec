use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::Verifier;

use crate::error::{Error, ErrorKind, Result};

/// TLS 1.2 and 1.3, checked by the certificate authorities that this machine trusts; by none at all
/// for a client that does not speak TLS, so that a machine that trusts nobody is no obstacle to it.
/// Nothing global is set.
pub(super) fn config(speaks_tls: bool) -> Result<ClientConfig> {
    let unusable = |error: rustls::Error| {
        Error::new(
            ErrorKind::Unreachable,
            "this machine has no certificate authorities to check a provider by; install the \
             package ca-certificates",
        )
        .with_source(error)
    };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(unusable)?;
    if !speaks_tls {
        let nobody = RootCertStore::empty();
        return Ok(builder.with_root_certificates(nobody).with_no_client_auth());
    }
    let verifier = Verifier::new(provider).map_err(unusable)?;
    Ok(builder
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth())
}
