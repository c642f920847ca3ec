use std::ffi::OsStr;
use std::io;
use std::path::Path;
use std::process::{Command, ExitStatus, Output, Stdio};

use anyhow::{Context as _, Result, bail};

/// An external command that is echoed before it runs.
#[derive(Debug)]
pub(crate) struct Cmd {
    command: Command,
    environment: String,
}

impl Cmd {
    pub(crate) fn new(program: impl AsRef<OsStr>) -> Self {
        let mut command = Command::new(program);
        command.current_dir(crate::root());
        Self {
            command,
            environment: String::new(),
        }
    }

    /// The cargo that runs us, so that `cargo +toolchain xtask` stays with its tool chain.
    pub(crate) fn cargo() -> Self {
        Self::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
    }

    pub(crate) fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.command.arg(argument);
        self
    }

    pub(crate) fn args<I: IntoIterator<Item: AsRef<OsStr>>>(mut self, arguments: I) -> Self {
        self.command.args(arguments);
        self
    }

    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self.environment += &format!("{name}={} ", quoted(value));
        self
    }

    /// Runs it on our terminal and fails unless it succeeds.
    pub(crate) fn run(self) -> Result<()> {
        let line = self.line();
        let status = self.status()?;
        if !status.success() {
            bail!("`{line}` failed ({status})");
        }
        Ok(())
    }

    /// Runs it on our terminal; how it ends is for the caller to judge.
    pub(crate) fn status(mut self) -> Result<ExitStatus> {
        self.echo();
        let result = self.command.status();
        self.started(result)
    }

    /// Runs it without a terminal and keeps what it says.
    pub(crate) fn output(mut self) -> Result<Output> {
        self.echo();
        let result = self.command.stdin(Stdio::null()).output();
        self.started(result)
    }

    /// Runs it and returns its standard output; fails unless it succeeds.
    pub(crate) fn text(self) -> Result<String> {
        let line = self.line();
        let output = self.output()?;
        if !output.status.success() {
            bail!(
                "`{line}` failed ({}): {}",
                output.status,
                String::from_utf8_lossy(&output.stderr).trim()
            );
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// The line as one would type it.
    pub(crate) fn line(&self) -> String {
        let program = Path::new(self.command.get_program());
        // Cargo gives its own absolute path; nobody types that.
        let program = match program.file_name() {
            Some(name) if name == "cargo" => Path::new(name),
            _ => program,
        };
        let mut line = self.environment.clone();
        line += &quoted(&program.to_string_lossy());
        for argument in self.command.get_args() {
            line.push(' ');
            line += &quoted(&argument.to_string_lossy());
        }
        line
    }

    fn echo(&self) {
        eprintln!("+ {}", self.line());
    }

    fn started<T>(&self, result: io::Result<T>) -> Result<T> {
        let program = self.command.get_program().to_string_lossy();
        match result {
            Err(error) if error.kind() == io::ErrorKind::NotFound => bail!(
                "the program `{program}` is not on this machine's PATH; \
                 `cargo xtask setup` installs what we need on Debian and Ubuntu"
            ),
            other => other.with_context(|| format!("`{}` did not start", self.line())),
        }
    }
}

/// Whether a program of that name would be found; looks into sbin as well, which an ordinary
/// user's PATH leaves out on Debian.
pub(crate) fn installed(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/local/sbin", "/usr/sbin", "/sbin"].map(Into::into))
        .any(|directory| directory.join(program).is_file())
}

/// Whether cargo has that command: in its own directory, which need not be on the PATH for its use, or
/// elsewhere.
pub(crate) fn cargo_has(command: &str) -> bool {
    let program = format!("cargo-{command}");
    let ours = std::env::var_os("CARGO_HOME").map(std::path::PathBuf::from);
    let ours = ours.or_else(|| Some(std::env::home_dir()?.join(".cargo")));
    installed(&program) || ours.is_some_and(|home| home.join("bin").join(program).is_file())
}

fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_=+:,./@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_can_be_pasted() {
        let cmd = Cmd::new("/opt/rust/bin/cargo")
            .env("RUSTDOCFLAGS", "-D warnings")
            .arg("run")
            .args(["it's", ""]);
        assert_eq!(
            cmd.line(),
            r"RUSTDOCFLAGS='-D warnings' cargo run 'it'\''s' ''"
        );
    }

    #[test]
    fn a_missing_program_says_what_to_do() {
        let error = Cmd::new("no-such-program-here").run().expect_err("none");
        assert!(error.to_string().contains("cargo xtask setup"), "{error}");
    }

    #[test]
    fn a_failing_command_is_named() {
        let error = Cmd::new("sh").args(["-c", "exit 3"]).run().expect_err("3");
        assert!(error.to_string().starts_with("`sh -c 'exit 3'` failed"));
    }
}
