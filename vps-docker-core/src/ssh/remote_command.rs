use std::fmt;
use std::sync::Arc;

use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret, SecretString};
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};

use super::ender::Ender;
use super::quote::{join, quote};
use super::transport::{RemoteProcess, Transport};
use crate::error::{Error, ErrorKind, Result};

const SCRIPT: &str = include_str!("run-command.sh");

/// How the script's own lines on stdout begin.
const MARK: &str = "vps-docker-command ";

/// Linux takes no longer argument (128 KiB), and sshd hands the whole text over as one.
const LONGEST: usize = 120_000;

/// Names that some shell keeps to itself: to set them fails, or does not last.
const KEPT: &[&str] = &[
    "BASHOPTS",
    "BASHPID",
    "BASH_ARGC",
    "BASH_ARGV",
    "BASH_LINENO",
    "BASH_SOURCE",
    "BASH_VERSINFO",
    "DIRSTACK",
    "EUID",
    "FUNCNAME",
    "GROUPS",
    "LINENO",
    "OLDPWD",
    "OPTIND",
    "PPID",
    "PWD",
    "RANDOM",
    "SECONDS",
    "SHELLOPTS",
    "SHLVL",
    "UID",
    "_",
];

/// A program with its arguments, environment and working directory, for the other end.
#[derive(Clone)]
pub(crate) struct RemoteCommand {
    words: Vec<String>,
    environment: Vec<(String, SecretString)>,
    directory: Option<String>,
    /// What runs a shell where the command shall run: nothing, or `docker exec …`.
    within: Vec<String>,
}

/// What a command finds on its standard input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Input {
    /// Nothing. Then a command ends with its caller, however that ends.
    None,
    /// What the caller writes.
    Pipe,
    /// A terminal of this size.
    Tty { rows: u16, columns: u16 },
}

impl RemoteCommand {
    pub(crate) fn new<I, S>(words: I) -> Self
    where
        I: IntoIterator<Item = S>,
        S: Into<String>,
    {
        Self {
            words: words.into_iter().map(Into::into).collect(),
            environment: Vec::new(),
            directory: None,
            within: Vec::new(),
        }
    }

    pub(crate) fn env(&mut self, name: String, value: SecretString) {
        self.environment.push((name, value));
    }

    pub(crate) fn current_dir(&mut self, directory: String) {
        self.directory = Some(directory);
    }

    /// Puts these words before the shell that runs the command.
    pub(crate) fn within(&mut self, words: Vec<&str>) {
        self.within = words.into_iter().map(String::from).collect();
    }

    /// Starts it; returns when it has begun.
    ///
    /// # Errors
    /// `Invalid` for what no program can be given; `NotFound` when there is no such directory;
    /// `Docker` or `State`, with what was printed, when it was not even tried; `Unreachable`.
    pub(crate) async fn spawn(
        &self,
        transport: Arc<dyn Transport>,
        input: Input,
    ) -> Result<RemoteProcess> {
        let mut process = transport.spawn(&self.text(input)?).await?;
        let mut stdin = process.stdin.take();
        let head = self.head();
        let mut stdout = BufReader::new(process.stdout);
        let feed = async {
            if let Some(stdin) = stdin.as_mut() {
                // If nobody reads it, the first line will be missing, too.
                let _ = stdin.write_all(head.expose_secret().as_bytes()).await;
                let _ = stdin.flush().await;
            }
        };
        let (beginning, ()) = tokio::join!(Beginning::read(&mut stdout), feed);
        let group = match beginning {
            Beginning::Runs(group) => group,
            Beginning::Reads => {
                drop((stdout, process.stderr));
                return Err(self.not_begun("", process.exit).await);
            }
            Beginning::Nothing(said) => {
                let mut complaint = said.into_bytes();
                let mut stderr = process.stderr.take(LONGEST as u64);
                let _ = stderr.read_to_end(&mut complaint).await;
                drop((stdout, stderr));
                let complaint = String::from_utf8_lossy(&complaint);
                return Err(self.not_begun(&complaint, process.exit).await);
            }
            Beginning::LacksDirectory => return Err(self.no_directory()),
        };
        let (ender, line, stdin) = match input {
            // The end of its input is the end of it.
            Input::None => (None, stdin, None),
            _ => (Some(self.ender(transport.clone(), &group)), None, stdin),
        };
        let exit = process.exit;
        Ok(RemoteProcess {
            stdin,
            stdout: Box::pin(stdout),
            stderr: process.stderr,
            exit: Box::pin(async move {
                let status = exit.await;
                if let Some(ender) = ender {
                    ender.disarm();
                }
                drop((line, transport));
                status
            }),
        })
    }

    /// What ends it from another session.
    pub(super) fn ender(&self, transport: Arc<dyn Transport>, group: &str) -> Ender {
        // It has no terminal itself.
        let within = self.within.iter().filter(|word| *word != "--tty");
        Ender::new(transport, &join(within), group)
    }

    /// The text for the remote shell: no secret is in it.
    pub(super) fn text(&self, input: Input) -> Result<String> {
        self.check()?;
        let input = match input {
            Input::None => "none".to_owned(),
            Input::Pipe => "pipe".to_owned(),
            Input::Tty { rows, columns } => format!("tty:{rows}:{columns}"),
        };
        let lines = self
            .head()
            .expose_secret()
            .matches('\n')
            .count()
            .to_string();
        let directory = self.directory.as_deref().unwrap_or_default();
        let script = without_comments(SCRIPT);
        let shell = [
            "/bin/sh",
            "-c",
            &script,
            "vps-docker",
            &input,
            &lines,
            directory,
        ];
        let words = self.within.iter().map(String::as_str).chain(shell);
        let words = words.chain(self.words.iter().map(String::as_str));
        let text = format!("exec {}", join(words));
        if text.len() > LONGEST {
            return Err(invalid(format!(
                "the command is {} bytes long, and arguments end at some {LONGEST}; give it what is \
                 long on its standard input",
                text.len()
            )));
        }
        Ok(text)
    }

    /// The text for a remote shell that hands everything over to the command, without a word of
    /// ours.
    ///
    /// # Errors
    /// `Invalid` when there are variables: they would be seen.
    pub(crate) fn visible_text(&self) -> Result<String> {
        self.check()?;
        if let Some((name, _)) = self.environment.first() {
            return Err(invalid(format!(
                "the variable {name} would be seen by everybody in the words of a command"
            )));
        }
        let shell = self.directory.as_deref().map_or(vec![], |directory| {
            let enter = "cd -- \"$1\" && shift && exec \"$@\"";
            vec!["/bin/sh", "-c", enter, "vps-docker", directory]
        });
        let words = self.within.iter().map(String::as_str).chain(shell);
        let words = words.chain(self.words.iter().map(String::as_str));
        Ok(format!("exec {}", join(words)))
    }

    /// The shell text that sets the environment; empty, or whole lines.
    pub(super) fn head(&self) -> SecretString {
        let lines = self.environment.iter().map(|(name, value)| {
            let value = Zeroizing::new(quote(value.expose_secret()).into_owned());
            Zeroizing::new(format!("export {name}={}\n", *value))
        });
        let lines: Vec<_> = lines.collect();
        // As much as it will take: a string that grows leaves copies behind that nobody wipes.
        let size = lines.iter().map(|line| line.len()).sum();
        let mut head = Zeroizing::new(String::with_capacity(size));
        for line in &lines {
            head.push_str(line);
        }
        SecretString::from(head.as_str())
    }

    fn check(&self) -> Result<()> {
        let program = self.words.first().map_or("", String::as_str);
        if program.is_empty() || program.starts_with('-') {
            return Err(invalid(format!("{program:?} is no program")));
        }
        for (name, _) in &self.environment {
            check_name(name)?;
        }
        let values = self
            .environment
            .iter()
            .map(|(_, value)| value.expose_secret());
        let mut texts = self
            .words
            .iter()
            .map(String::as_str)
            .chain(values)
            .chain(self.directory.as_deref());
        if texts.any(|text| text.contains('\0')) {
            return Err(invalid(
                "a NUL byte cannot be in an argument, a variable or a path".into(),
            ));
        }
        Ok(())
    }

    pub(super) fn no_directory(&self) -> Error {
        let directory = self.directory.as_deref().unwrap_or_default();
        Error::new(
            ErrorKind::NotFound,
            format!(
                "the command was not started: there is no directory {directory:?} that its user may enter"
            ),
        )
    }

    /// Why there is no line of the script's.
    pub(super) async fn not_begun(
        &self,
        complaint: &str,
        exit: impl Future<Output = Result<std::process::ExitStatus>>,
    ) -> Error {
        let status = match exit.await {
            Ok(status) => status,
            Err(error) => return error,
        };
        let kind = match self.within.is_empty() {
            true => ErrorKind::State,
            false => ErrorKind::Docker,
        };
        Error::new(
            kind,
            format!(
                "the command was not started, exit code {}: {}",
                status.code().unwrap_or(255),
                complaint.trim()
            ),
        )
    }
}

/// Of the words only the first: the others may hold secrets.
impl fmt::Debug for RemoteCommand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.environment.iter().map(|(name, _)| &**name).collect();
        f.debug_struct("RemoteCommand")
            .field("program", &self.words.first())
            .field("environment", &names)
            .field("directory", &self.directory)
            .finish_non_exhaustive()
    }
}

/// What the script says before the command runs.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Beginning {
    /// The terminal shows nothing of what is written now: the environment is wanted.
    Reads,
    /// It runs, in this process group.
    Runs(String),
    LacksDirectory,
    /// The end, without a line of ours: only this.
    Nothing(String),
}

impl Beginning {
    /// Reads up to our line; what a login script prints before it is passed over.
    pub(super) async fn read(stdout: &mut (impl AsyncBufRead + Unpin)) -> Self {
        let mut passed = String::new();
        let mut line = Vec::new();
        while let Ok(1..) = stdout.read_until(b'\n', &mut line).await {
            let text = String::from_utf8_lossy(&line);
            if let Some((_, said)) = text.trim_end().rsplit_once(MARK) {
                match said.split_once(' ') {
                    Some(("runs", group)) => return Self::Runs(group.to_owned()),
                    Some(("lacks", _)) => return Self::LacksDirectory,
                    _ if said == "reads" => return Self::Reads,
                    _ if said == "runs" => return Self::Runs(String::new()),
                    _ => {}
                }
            }
            if passed.len() < LONGEST {
                passed.push_str(&text);
            }
            line.clear();
        }
        Self::Nothing(passed)
    }
}

fn check_name(name: &str) -> Result<()> {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) || !name.chars().all(plain)
    {
        return Err(invalid(format!(
            "{name:?} cannot be the name of a variable: letters, digits and '_' are for names, and no \
             digit comes first"
        )));
    }
    if KEPT.contains(&name) || name.starts_with("vpsd_") {
        return Err(invalid(format!(
            "the variable {name} is the shell's own and cannot be set"
        )));
    }
    Ok(())
}

fn invalid(message: String) -> Error {
    Error::new(ErrorKind::Invalid, message)
}

/// The script is seen by whoever lists the processes there.
fn without_comments(script: &str) -> String {
    let lines = script.lines().map(str::trim_start);
    let mut text = String::with_capacity(script.len());
    for line in lines.filter(|line| !line.starts_with('#') && !line.is_empty()) {
        text.push_str(line);
        text.push('\n');
    }
    text
}

#[cfg(test)]
#[path = "remote_command_tests.rs"]
mod tests;
