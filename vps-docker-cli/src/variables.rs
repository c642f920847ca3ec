//! Environment variables for what runs elsewhere.

use std::fs;
use std::io;
use std::path::Path;
use std::process::{Command, Stdio};

use vps_docker::application::SecretSource;
use vps_docker::secrecy::SecretString;
use vps_docker::{Error, ErrorKind, Result};

/// `NAME=VALUE`, or `NAME` for the value that this program has.
pub(crate) fn of_argument(text: &str) -> Result<(String, SecretString)> {
    if let Some((name, value)) = text.split_once('=') {
        return Ok((name.to_owned(), value.to_owned().into()));
    }
    match std::env::var(text) {
        Ok(value) => Ok((text.to_owned(), value.into())),
        Err(error) => Err(Error::new(
            ErrorKind::Invalid,
            format!("--env {text}: there is no variable {text} here; write {text}=VALUE"),
        )
        .with_source(error)),
    }
}

/// A file of `NAME=VALUE` lines as `docker run --env-file` reads it: values as they stand, without quotes of their own;
/// empty lines and those that begin with `#` are passed over, a name alone is the value that this program has. `-` is
/// standard input.
pub(crate) fn of_file(path: &Path) -> Result<Vec<(String, SecretString)>> {
    let read = match path.to_str() {
        Some("-") => io::read_to_string(io::stdin()),
        _ => fs::read_to_string(path),
    };
    let text = read.map_err(|error| {
        let text = format!("the file of variables {} cannot be read", path.display());
        Error::new(ErrorKind::Invalid, text).with_source(error)
    })?;
    let lines = text.lines().map(str::trim_start);
    lines
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| {
            let unnamed = || format!("of the file of variables {}", path.display());
            of_argument(line).map_err(|error| error.with_note(unnamed()))
        })
        .collect()
}

/// The value of a secret, from where the manifest says that it is.
pub(crate) fn of_source(name: &str, source: &SecretSource) -> Result<SecretString> {
    let failed =
        |text: String| Error::new(ErrorKind::Invalid, format!("the secret {name}: {text}"));
    let text = match source {
        SecretSource::Env(variable) => match std::env::var(variable) {
            Ok(value) => return Ok(value.into()),
            Err(error) => {
                return Err(failed(format!("set the variable {variable}")).with_source(error));
            }
        },
        SecretSource::File(path) => fs::read_to_string(path).map_err(|error| {
            failed(format!("{} cannot be read", path.display())).with_source(error)
        })?,
        SecretSource::Command(words) => {
            let (program, rest) = words
                .split_first()
                .ok_or_else(|| failed("its command has no words".to_owned()))?;
            // It may ask for a passphrase.
            let mut command = Command::new(program);
            let output = command.args(rest).stderr(Stdio::inherit()).output();
            let output = output
                .map_err(|error| failed(format!("{program} cannot be run")).with_source(error))?;
            if !output.status.success() {
                return Err(failed(format!("{program} failed ({})", output.status)));
            }
            String::from_utf8(output.stdout).map_err(|_| {
                // What it printed is a secret all the same.
                failed(format!("what {program} prints is no text"))
            })?
        }
        _ => {
            return Err(failed(
                "it comes from where this program does not know".to_owned(),
            ));
        }
    };
    let text = text.strip_suffix('\n').unwrap_or(&text);
    Ok(text.strip_suffix('\r').unwrap_or(text).to_owned().into())
}

#[cfg(test)]
mod tests {
    use vps_docker::secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn a_file_is_read_as_docker_reads_it() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("env");
        fs::write(&path, "# a remark\n\nA=b c\n  D='e'=f\nEMPTY=\n").expect("written");
        let read = of_file(&path).expect("legal");
        let read: Vec<(&str, &str)> = read
            .iter()
            .map(|(name, value)| (name.as_str(), value.expose_secret()))
            .collect();
        assert_eq!(read, [("A", "b c"), ("D", "'e'=f"), ("EMPTY", "")]);
        let error = of_file(directory.path()).expect_err("no file");
        assert_eq!(error.kind(), ErrorKind::Invalid);
        of_argument("VPS_DOCKER_NOT_SET_ANYWHERE").expect_err("not set");
    }

    #[test]
    fn a_secret_is_what_its_source_holds() {
        let directory = tempfile::tempdir().expect("a directory");
        let file = directory.path().join("key");
        fs::write(&file, "s3cret\n").expect("written");
        let words = |words: &[&str]| {
            SecretSource::Command(words.iter().map(|word| (*word).to_owned()).collect())
        };
        for source in [SecretSource::File(file), words(&["printf", "s3cret\\r\\n"])] {
            let secret = of_source("KEY", &source).expect("there");
            assert_eq!(secret.expose_secret(), "s3cret");
        }
        for (source, hint) in [
            (
                SecretSource::Env("VPS_DOCKER_NOT_SET_ANYWHERE".into()),
                "set the variable",
            ),
            (
                SecretSource::File(directory.path().join("none")),
                "cannot be read",
            ),
            (words(&["/no/such/program"]), "cannot be run"),
            (
                words(&["sh", "-c", "echo s3cret; exit 3"]),
                "exit status: 3",
            ),
            (words(&["printf", "s3cret\\377"]), "no text"),
            (words(&[]), "no words"),
        ] {
            let error = of_source("KEY", &source).expect_err(hint);
            assert_eq!(error.kind(), ErrorKind::Invalid);
            let text = format!("{error} {error:?}");
            assert!(text.contains("KEY") && text.contains(hint), "{text}");
            assert!(!text.contains("s3cret"), "{text}");
        }
    }
}
