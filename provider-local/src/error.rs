//! What the engine answers, in our words.

use std::error::Error as StdError;
use std::io;

use bollard::errors::Error as EngineError;
use vps_docker_core::{Error, ErrorKind};

/// Maps an engine's error; `operation` is what was being done, such as `start container`. For
/// `map_err`.
pub(crate) fn during(operation: &'static str) -> impl Fn(EngineError) -> Error {
    move |error| parse_error(error).with_operation(operation)
}

/// Whether the engine said that there is no such thing.
pub(crate) fn is_not_found(error: &EngineError) -> bool {
    matches!(
        error,
        EngineError::DockerResponseServerError {
            status_code: 404,
            ..
        }
    )
}

/// Whether the engine's own text contains `words`.
pub(crate) fn says(error: &EngineError, words: &str) -> bool {
    match error {
        EngineError::DockerResponseServerError { message, .. } => message.contains(words),
        EngineError::DockerStreamError { error } => error.contains(words),
        _ => false,
    }
}

fn parse_error(error: EngineError) -> Error {
    let parsed = match &error {
        EngineError::SocketNotFoundError(path) => unreachable_engine(path),
        EngineError::DockerResponseServerError {
            status_code,
            message,
        } => refusal(*status_code, message).with_provider_code(status_code.to_string()),
        EngineError::DockerStreamError { error } => refusal(500, error),
        EngineError::RequestTimeoutError => Error::new(
            ErrorKind::Timeout,
            "the Docker engine did not answer in time; see whether it is overloaded",
        )
        .retryable(),
        other => match io_cause(other) {
            Some(io::ErrorKind::PermissionDenied) => Error::new(
                ErrorKind::Permission,
                "this user may not use the Docker engine's socket; become a member of its group \
                 (`sudo usermod -aG docker $USER`, then log in again) or use root",
            ),
            Some(_) => unreachable_engine("its socket"),
            None => Error::new(
                ErrorKind::Provider,
                "the Docker engine's answer could not be understood",
            ),
        },
    };
    parsed.with_source(error)
}

fn unreachable_engine(place: &str) -> Error {
    Error::new(
        ErrorKind::Unreachable,
        format!(
            "no Docker engine answers at {place}; start it with `cargo xtask setup` or \
             `systemctl start docker`, or name another socket with the option `socket`"
        ),
    )
    .retryable()
}

fn refusal(status: u16, message: &str) -> Error {
    let has = |words: &str| message.contains(words);
    if has("no space left on device") {
        return Error::new(
            ErrorKind::Capacity,
            "the disk of the Docker engine is full; make room, for instance with \
             `docker system prune`, and try again",
        );
    }
    if has("unable to apply caps") || has("error during container init: operation not permitted") {
        return Error::new(
            ErrorKind::Permission,
            "the Docker engine may not grant what a VPS needs; use one that runs as root on a \
             Linux machine, neither rootless nor inside a restricted container",
        );
    }
    match status {
        400 => Error::new(
            ErrorKind::Invalid,
            format!("the Docker engine refuses the request: {message}"),
        ),
        401 | 403 => Error::new(
            ErrorKind::Permission,
            format!("the Docker engine forbids this: {message}"),
        ),
        404 => Error::new(
            ErrorKind::NotFound,
            format!("the engine knows no such thing: {message}"),
        ),
        409 if has("is already in use by container") => Error::new(
            ErrorKind::NameTaken,
            "an instance of this name exists; choose another name or destroy it first",
        ),
        409 => Error::new(
            ErrorKind::Locked,
            format!("the Docker engine is at work on it just now: {message}"),
        )
        .retryable(),
        _ => Error::new(
            ErrorKind::Provider,
            format!("the Docker engine failed: {message}"),
        ),
    }
}

/// What the operating system said, somewhere below.
fn io_cause(error: &EngineError) -> Option<io::ErrorKind> {
    // This one passes for its own cause.
    if let EngineError::IOError { err } = error {
        return Some(err.kind());
    }
    let mut cause: Option<&(dyn StdError + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(io) = error.downcast_ref::<io::Error>() {
            return Some(io.kind());
        }
        cause = error.source();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(status_code: u16, message: &str) -> Error {
        parse_error(EngineError::DockerResponseServerError {
            status_code,
            message: message.to_owned(),
        })
    }

    #[test]
    fn answers_have_their_kinds() {
        for (status, message, kind, retryable) in [
            (400, "invalid reference", ErrorKind::Invalid, false),
            (403, "denied", ErrorKind::Permission, false),
            (404, "No such container: x", ErrorKind::NotFound, false),
            (
                409,
                "Conflict. The container name \"/x\" is already in use by container \"1\". You \
                 have to remove (or rename) that container to be able to reuse that name.",
                ErrorKind::NameTaken,
                false,
            ),
            (
                409,
                "removal of container x is already in progress",
                ErrorKind::Locked,
                true,
            ),
            (
                500,
                "mkdir /var/lib/docker/overlay2/x: no space left on device",
                ErrorKind::Capacity,
                false,
            ),
            (
                500,
                "OCI runtime create failed: unable to apply caps: operation not permitted",
                ErrorKind::Permission,
                false,
            ),
            (500, "oops", ErrorKind::Provider, false),
        ] {
            let error = answered(status, message);
            assert_eq!(error.kind(), kind, "{message}");
            assert_eq!(error.is_retryable(), retryable, "{message}");
            assert_eq!(error.provider_code(), Some(&*status.to_string()));
            assert!(error.source().is_some());
        }
    }

    #[test]
    fn a_missing_engine_says_how_to_start_one() {
        let error = parse_error(EngineError::SocketNotFoundError("/nowhere".into()));
        assert_eq!(error.kind(), ErrorKind::Unreachable);
        assert!(error.to_string().contains("/nowhere"), "{error}");
        assert!(error.to_string().contains("systemctl start docker"));
    }

    #[test]
    fn a_closed_socket_is_no_missing_engine() {
        let denied = io::Error::from(io::ErrorKind::PermissionDenied);
        let error = parse_error(EngineError::from(denied));
        assert_eq!(error.kind(), ErrorKind::Permission);
        assert!(error.to_string().contains("usermod"), "{error}");
    }
}
