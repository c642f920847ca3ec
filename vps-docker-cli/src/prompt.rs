//! Questions, on a terminal only.

use std::io::{self, BufRead, IsTerminal, Write};

use vps_docker::{Error, ErrorKind, Result};

/// Whether anybody is there to be asked.
pub(crate) fn is_possible() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal() && std::env::var_os("CI").is_none()
}

/// Asks for a yes; everything else is a no.
pub(crate) fn confirm(question: &str) -> Result<()> {
    if !is_possible() {
        return Err(Error::new(
            ErrorKind::Invalid,
            format!("this asks first, and nobody is there to answer: {question} Add --yes"),
        ));
    }
    let answer = ask(&format!("{question} [y/N]"), "")?;
    match answer.to_ascii_lowercase().as_str() {
        "y" | "yes" => Ok(()),
        _ => Err(Error::new(ErrorKind::Cancelled, "nothing was changed")),
    }
}

/// Asks for a line; an empty one is the default.
pub(crate) fn ask(question: &str, default: &str) -> Result<String> {
    let shown = match default {
        "" => String::new(),
        default => format!(" [{default}]"),
    };
    let mut stderr = anstream::stderr();
    let _ = write!(stderr, "{question}{shown} ").and_then(|()| stderr.flush());
    let mut line = String::new();
    let read = io::stdin().lock().read_line(&mut line);
    let read = read.map_err(|error| {
        Error::new(ErrorKind::Cancelled, "the terminal gives no answer").with_source(error)
    })?;
    if read == 0 {
        let _ = writeln!(stderr);
        return Err(Error::new(ErrorKind::Cancelled, "nothing was changed"));
    }
    let answer = line.trim();
    Ok(if answer.is_empty() { default } else { answer }.to_owned())
}
