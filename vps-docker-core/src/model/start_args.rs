use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind, Result};

/// Arguments handed to `docker run` as they are, such as `--cpus=2`. Those that would undo what
/// makes a container a host's are refused.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<String>", into = "Vec<String>")]
pub struct StartArgs(Vec<String>);

/// What the engine sets itself, with the reason a user is told.
const OURS: &[(&str, &str)] = &[
    ("--name", "the container's name is set by vps-docker"),
    (
        "--entrypoint",
        "the entrypoint keeps sshd running; use the container command instead",
    ),
    (
        "--restart",
        "the restart policy makes a reboot of the VPS survivable",
    ),
    ("--init", "an init process is always there"),
    ("--detach", "the container always runs detached"),
    ("-d", "the container always runs detached"),
    ("--rm", "the container must outlive a stop"),
    (
        "--user",
        "sshd starts as root; the image's own USER is used for logins",
    ),
    (
        "-u",
        "sshd starts as root; the image's own USER is used for logins",
    ),
    ("--attach", "the container always runs detached"),
    ("-a", "the container always runs detached"),
    (
        "--help",
        "`docker run` would explain itself and run nothing",
    ),
    ("--interactive", "the container always runs detached"),
    ("-i", "the container always runs detached"),
    ("--tty", "the container always runs detached"),
    ("-t", "the container always runs detached"),
    (
        "--cidfile",
        "it would be written on the VPS, where nobody reads it",
    ),
    (
        "--stop-signal",
        "the entrypoint passes the image's own stop signal on",
    ),
];

/// Short options of `docker run` that take no value and may stand in one word, as in `-it`.
const SHORT_SWITCHES: &str = "ditP";

impl StartArgs {
    /// Checks the arguments; `container_ssh_port` is the port that is ours on the VPS.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] for one that clashes with what the engine sets, that is no option
    /// (it would be taken for the image), or that contains a NUL character.
    pub fn new<I, S>(args: I, container_ssh_port: u16) -> Result<Self>
    where
        I: IntoIterator<Item = S>,
        S: Into<String>,
    {
        let args: Vec<String> = args.into_iter().map(Into::into).collect();
        let mut after_option = false;
        for (position, arg) in args.iter().enumerate() {
            if arg.contains('\0') {
                return Err(refused(arg, "it contains a NUL character"));
            }
            if !arg.starts_with('-') {
                // `--cpus 2`: a value that follows its option. What comes first, or after a
                // value, would be the image.
                if !after_option {
                    return Err(refused(
                        arg,
                        "it is no option; `docker run` would take it for the image",
                    ));
                }
                after_option = false;
                continue;
            }
            if arg == "-" || arg == "--" {
                return Err(refused(arg, "it would end the options of `docker run`"));
            }
            let following = args.get(position + 1).map(String::as_str);
            check_clash(arg, following, container_ssh_port)?;
            after_option = !arg.contains('=');
        }
        Ok(Self(args))
    }

    /// The first of these options that is among them; of a short one also with its value stuck to it.
    pub(crate) fn first_of(&self, options: &[&str]) -> Option<&str> {
        self.0.iter().map(String::as_str).find(|arg| {
            let name = arg.split('=').next().unwrap_or(arg);
            options.iter().any(|option| {
                let short = option.len() == 2 && !arg.starts_with("--");
                name == *option || (short && arg.starts_with(option))
            })
        })
    }

    /// The values of an option.
    pub(crate) fn values_of<'a>(&'a self, option: &str) -> impl Iterator<Item = &'a str> {
        let option = option.to_owned();
        self.0.iter().enumerate().filter_map(move |(n, arg)| {
            match arg.strip_prefix(&option)?.strip_prefix('=') {
                Some(value) => Some(value),
                None if *arg == option => self.0.get(n + 1).map(String::as_str),
                None => None,
            }
        })
    }

    /// The arguments, in order.
    #[must_use]
    pub fn as_slice(&self) -> &[String] {
        &self.0
    }
}

fn check_clash(arg: &str, following: Option<&str>, ssh_port: u16) -> Result<()> {
    let (option, attached) = match arg.split_once('=') {
        Some((option, value)) => (option, Some(value)),
        None => (arg, None),
    };
    for (ours, reason) in OURS {
        if option == *ours {
            return Err(refused(arg, reason));
        }
    }
    if !option.starts_with("--") {
        // A bundle such as -dit, or a value stuck to its letter such as -uroot or -p80:80.
        let letters = &arg[1..];
        if let Some(letter) = letters
            .chars()
            .take_while(|c| SHORT_SWITCHES.contains(*c))
            .find(|c| *c != 'P')
        {
            return Err(refused(arg, &format!("-{letter} is set by vps-docker")));
        }
        if letters.starts_with('u') {
            return Err(refused(
                arg,
                "sshd starts as root; the image's own USER is used for logins",
            ));
        }
        if let Some(value) = letters.strip_prefix('p') {
            let value = value.strip_prefix('=').unwrap_or(value);
            let value = if value.is_empty() {
                following
            } else {
                Some(value)
            };
            return check_published(arg, value, ssh_port);
        }
        if letters.strip_prefix('l').is_some_and(is_ours) {
            return Err(refused(arg, LABELS));
        }
    }
    let value = attached.or(following);
    match option {
        "--publish" => check_published(arg, value, ssh_port),
        "--network" | "--net" if value.is_some_and(has_no_port) => Err(refused(
            arg,
            "without a network of its own nobody could log in to the container",
        )),
        "--label" | "-l" if value.is_some_and(is_ours) => Err(refused(arg, LABELS)),
        _ => Ok(()),
    }
}

const LABELS: &str = "labels that begin with vps-docker are its own; choose another name";

fn has_no_port(network: &str) -> bool {
    network == "none" || network.starts_with("container:")
}

fn is_ours(label: &str) -> bool {
    label.starts_with("vps-docker")
}

/// `[address:]host_port[-end]:container_port[/protocol]`: is an SSH port among the host's?
fn check_published(arg: &str, value: Option<&str>, ssh_port: u16) -> Result<()> {
    let Some(value) = value else {
        return Err(refused(arg, "its value is missing"));
    };
    let mut from_the_right = value.rsplit(':');
    let _container = from_the_right.next();
    let Some(host) = from_the_right.next() else {
        return Ok(());
    };
    let (first, last) = host.split_once('-').unwrap_or((host, host));
    let (Ok(first), Ok(last)) = (first.parse::<u16>(), last.parse::<u16>()) else {
        return Ok(());
    };
    for (port, door) in [(22, "its own"), (ssh_port, "the container's")] {
        if (first..=last).contains(&port) {
            let reason = format!("port {port} of the VPS is {door} SSH door; publish another");
            return Err(refused(arg, &reason));
        }
    }
    Ok(())
}

fn refused(arg: &str, reason: &str) -> Error {
    Error::new(
        ErrorKind::Invalid,
        format!("the start argument {arg:?} is refused: {reason}"),
    )
}

impl TryFrom<Vec<String>> for StartArgs {
    type Error = Error;

    /// Reads back what was checked when it was written.
    fn try_from(args: Vec<String>) -> Result<Self> {
        Ok(Self(args))
    }
}

impl From<StartArgs> for Vec<String> {
    fn from(args: StartArgs) -> Self {
        args.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_docker_run_takes_passes() {
        for good in [
            &["--cpus=2", "--memory=4g"][..],
            &["--cpus", "2", "-p", "8000:8000"],
            &["-p8000:80", "-v", "/data:/data", "-P"],
            &["-e", "A=b c 'd' $(e)"],
            &["-p", "3000-4000:3000-4000"],
            &["-p", "2222"],
            &["--network=host", "--label=team=web", "-l", "a"],
        ] {
            StartArgs::new(good.iter().copied(), 2222).unwrap_or_else(|e| panic!("{good:?}: {e}"));
        }
    }

    #[test]
    fn options_are_found_however_they_are_written() {
        let args = ["-m4g", "--cap-add=ALL", "--cap-add", "KILL", "--cpus=2"];
        let args = StartArgs::new(args, 2222).expect("legal");
        assert_eq!(args.first_of(&["--memory", "-m"]), Some("-m4g"));
        assert_eq!(args.first_of(&["--cpus"]), Some("--cpus=2"));
        assert_eq!(args.first_of(&["--cpu"]), None);
        let added: Vec<&str> = args.values_of("--cap-add").collect();
        assert_eq!(added, ["ALL", "KILL"]);
    }

    #[test]
    fn what_undoes_a_host_is_refused() {
        for bad in [
            &["--name=x"][..],
            &["--name", "x"],
            &["-p", "2222:22"],
            &["-p2222:22"],
            &["--publish=0.0.0.0:2222:80"],
            &["-p", "2000-3000:2000-3000"],
            &["--entrypoint", "/bin/sh"],
            &["--rm"],
            &["-it"],
            &["-d"],
            &["-uroot"],
            &["image"],
            &["--cpus=2", "image"],
            &["--"],
            &["-e", "A=\0"],
            &["-p"],
            &["-p", "22:22"],
            &["-p=20-25:20-25"],
            &["--help"],
            &["-a", "stdout"],
            &["--network=none"],
            &["--net", "container:other"],
            &["--label=vps-docker-host=other"],
            &["-lvps-docker"],
        ] {
            let error = StartArgs::new(bad.iter().copied(), 2222).expect_err(&format!("{bad:?}"));
            assert_eq!(error.kind(), ErrorKind::Invalid);
        }
    }
}
