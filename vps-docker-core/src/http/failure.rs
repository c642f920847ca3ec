//! What went wrong below HTTP, in our words.

use std::error::Error as StdError;

use crate::error::{Error, ErrorKind};

/// An error of the transport. `sent` says whether the request may have reached the provider.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) error: Error,
    pub(super) sent: bool,
}

/// `place` is the provider's address, for people.
pub(super) fn failure(error: reqwest::Error, place: &str) -> Failure {
    // The URL may hold what is nobody's business, and stands in the text anyway.
    let error = error.without_url();
    let sent = !(error.is_connect() || error.is_builder());
    let described = if let Some(tls) = find::<rustls::Error>(&error) {
        tls_failure(tls, place)
    } else if error.is_timeout() {
        Error::new(
            ErrorKind::Timeout,
            format!("{place} did not answer in time; try again later"),
        )
        .retryable()
    } else if error.is_connect() {
        Error::new(
            ErrorKind::Unreachable,
            format!("{place} cannot be reached; see whether this machine is online, and the address right"),
        )
        .retryable()
    } else if error.is_builder() {
        Error::new(
            ErrorKind::Invalid,
            format!("no request can be made for {place}; see whether the address is right"),
        )
    } else {
        Error::new(
            ErrorKind::Unreachable,
            format!("the connection to {place} broke; try again"),
        )
        .retryable()
    };
    Failure {
        error: described.with_source(error),
        sent,
    }
}

fn tls_failure(error: &rustls::Error, place: &str) -> Error {
    use rustls::{CertificateError as Certificate, Error as Tls};
    let advice = match error {
        Tls::InvalidCertificate(
            Certificate::Expired
            | Certificate::ExpiredContext { .. }
            | Certificate::NotValidYet
            | Certificate::NotValidYetContext { .. },
        ) => "its certificate is not valid at this hour; see whether this machine's clock is right",
        Tls::InvalidCertificate(Certificate::UnknownIssuer) => {
            "its certificate is of no authority that this machine trusts; see whether the address \
             is right and nobody stands between, and whether ca-certificates is installed"
        }
        Tls::InvalidCertificate(_) => {
            "its certificate is not that of this address; see whether the address is right and \
             nobody stands between"
        }
        Tls::InvalidMessage(_) => {
            "it does not speak TLS; see whether the address should begin with http:// instead"
        }
        _ => "no safe connection came about",
    };
    Error::new(
        ErrorKind::Unreachable,
        format!("{place} cannot be spoken to: {advice}"),
    )
}

/// The first cause of that type. Some wrap their cause in an `io::Error`, which does not count it
/// among its sources.
fn find<'a, E: StdError + 'static>(error: &'a (dyn StdError + 'static)) -> Option<&'a E> {
    let mut cause = Some(error);
    while let Some(this) = cause {
        if let Some(found) = this.downcast_ref() {
            return Some(found);
        }
        let wrapped = this
            .downcast_ref::<std::io::Error>()
            .and_then(std::io::Error::get_ref);
        if let Some(found) = wrapped.and_then(|wrapped| wrapped.downcast_ref()) {
            return Some(found);
        }
        cause = wrapped
            .map(|wrapped| wrapped as &(dyn StdError + 'static))
            .or_else(|| this.source());
    }
    None
}
