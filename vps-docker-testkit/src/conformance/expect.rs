//! What a call must answer, said in a sentence when it does not.

use vps_docker_core::{Error, ErrorKind, Result};

/// The answer of a call that must succeed.
#[track_caller]
pub(super) fn ok<T>(call: &str, answer: Result<T>) -> T {
    answer.unwrap_or_else(|error| {
        panic!(
            "{call} must succeed here and failed ({:?}): {error}",
            error.kind()
        )
    })
}

/// The error of a call that must be refused, and be known not to have been carried out.
#[track_caller]
pub(super) fn refused<T>(call: &str, answer: Result<T>, kinds: &[ErrorKind]) -> Error {
    let error = failed(call, answer, kinds);
    assert!(
        !error.is_unclear(),
        "{call} was refused, so it is clear that it was not carried out; the error says it is not: \
         {error}"
    );
    error
}

/// The error of a call that must fail.
#[track_caller]
pub(super) fn failed<T>(call: &str, answer: Result<T>, kinds: &[ErrorKind]) -> Error {
    let Err(error) = answer else {
        panic!("{call} must fail as {kinds:?} here and succeeded");
    };
    assert!(
        kinds.contains(&error.kind()),
        "{call} must fail as {kinds:?} here and failed as {:?}: {error}",
        error.kind()
    );
    error
}
