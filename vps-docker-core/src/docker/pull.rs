use secrecy::ExposeSecret;

use super::DockerOverSsh;
use super::secret_files::SecretFiles;
use crate::error::{Error, ErrorKind, Result};
use crate::model::ImageReference;
use crate::ssh::TransportExt;

impl DockerOverSsh {
    /// `docker pull` on the VPS, with the [logins](Self::registry_logins) that were given. Idempotent.
    /// Dropped in the middle, the VPS may go on with it; the logins go when it ends.
    ///
    /// # Errors
    /// [`ErrorKind::Auth`] when the registry wants a login or another one, [`ErrorKind::Docker`]; both
    /// have docker's own words as their source. [`ErrorKind::Unreachable`].
    pub async fn pull(&self, reference: &ImageReference) -> Result<()> {
        let logins = self.registry_logins_given();
        let said = if logins.is_empty() {
            let words = ["pull", "--quiet", reference.as_str()];
            self.run(words).await
        } else {
            let mut files = SecretFiles::new();
            files.log_in(logins);
            let words = ["pull", "--quiet", reference.as_str()].map(str::to_owned);
            let command = files.command("docker pull", "", &words);
            let archive = files.archive();
            let output = self.transport().run(&command, archive.expose_secret());
            let output = output.await?;
            let what = "`docker pull` on the VPS";
            output
                .success(ErrorKind::Docker, what)
                .map_err(|error| redacted(error, &files))
        };
        said.map(drop).map_err(|error| refused(error, reference))
    }
}

/// Docker says no password; should it ever, we do not.
fn redacted(error: Error, files: &SecretFiles) -> Error {
    match error.kind() {
        ErrorKind::Docker => Error::new(
            ErrorKind::Docker,
            files.redaction().redact(&error.to_string()),
        ),
        _ => error,
    }
}

fn refused(error: Error, reference: &ImageReference) -> Error {
    const SIGNS: [&str; 4] = [
        "unauthorized",
        "no basic auth credentials",
        "authentication required",
        "incorrect username or password",
    ];
    if error.kind() != ErrorKind::Docker {
        return error;
    }
    let said = error.to_string();
    let (kind, text) = if SIGNS.iter().any(|sign| said.contains(sign)) {
        (
            ErrorKind::Auth,
            format!(
                "the registry does not give {reference} to the VPS; give a registry login, or check \
                 the user and the password of the one that is given"
            ),
        )
    } else {
        (
            ErrorKind::Docker,
            format!(
                "the VPS cannot pull {reference}; if the image is only on this machine's Docker \
                 engine it is shipped from there by itself: check its name with `docker image ls`"
            ),
        )
    };
    Error::new(kind, text).with_source(error)
}
