//! What the user sees when something went wrong.

use std::process::ExitCode;

/// Prints the error with its causes and gives the exit code of its kind.
pub(crate) fn report(error: &anyhow::Error) -> ExitCode {
    eprintln!("error: {error}");
    for cause in error.chain().skip(1) {
        eprintln!("  because {cause}");
    }
    let code = error
        .downcast_ref::<vps_docker::Error>()
        .map_or(1, |error| vps_docker::exit_code(error.kind()));
    ExitCode::from(code)
}
