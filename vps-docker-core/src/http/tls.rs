use std::sync::Arc;

use rustls::ClientConfig;

use crate::error::{Error, ErrorKind, Result};

/// TLS 1.2 and 1.3, checked by the certificate authorities that this machine trusts. Nothing global
/// is set.
pub(super) fn config() -> Result<ClientConfig> {
    let unusable = |error: rustls::Error| {
        Error::new(
            ErrorKind::Unreachable,
            "this machine has no certificate authorities to check a provider by; install the \
             package ca-certificates",
        )
        .with_source(error)
    };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = rustls_platform_verifier::Verifier::new(Arc::clone(&provider));
    let verifier = Arc::new(verifier.map_err(unusable)?);
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(unusable)?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    Ok(config)
}
