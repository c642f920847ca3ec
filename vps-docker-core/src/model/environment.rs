use std::collections::BTreeMap;
use std::fmt;

use secrecy::{ExposeSecret, SecretString};

use crate::error::{Error, ErrorKind, Result};

/// Linux starts no program with a longer `NAME=value`, its NUL included.
const LONGEST: usize = 128 * 1024;

/// The environment of what runs in a container: secrets by name. `Debug` shows the names alone.
#[derive(Clone, Default)]
pub struct Environment(BTreeMap<String, SecretString>);

impl Environment {
    /// The most bytes of all of it: half of what Linux gives to arguments and environment of a program.
    pub(crate) const LARGEST: usize = 1024 * 1024;

    /// Checks names and values; the last one of a name wins.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] names the variable, never its value: for a name that a POSIX shell cannot
    /// hold, keeps to itself or gives to each session, for one of ours, for a value with a NUL
    /// character, and for more than Linux takes (128 KiB a variable, 1 MiB in all).
    pub fn new<I, N>(variables: I) -> Result<Self>
    where
        I: IntoIterator<Item = (N, SecretString)>,
        N: Into<String>,
    {
        let mut environment = BTreeMap::new();
        for (name, value) in variables {
            let name = name.into();
            check_name(&name)?;
            check_value(&name, value.expose_secret())?;
            environment.insert(name, value);
        }
        let sizes = environment.iter().map(|(name, value)| size(name, value));
        let size: usize = sizes.sum();
        if size > Self::LARGEST {
            return Err(invalid(format!(
                "the environment has {size} bytes and Linux starts no program with more than \
                 {}; put what is large into a file",
                Self::LARGEST
            )));
        }
        Ok(Self(environment))
    }

    /// Checks a name as [`new`](Self::new) does.
    ///
    /// # Errors
    /// Those of [`new`](Self::new) for a name.
    pub fn check_name(name: &str) -> Result<()> {
        check_name(name)
    }

    /// The names, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// How many variables there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn variables(&self) -> impl Iterator<Item = (&str, &SecretString)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.names()).finish()
    }
}

fn size(name: &str, value: &SecretString) -> usize {
    name.len() + value.expose_secret().len() + 2
}

fn check_name(name: &str) -> Result<()> {
    /// Some shell does not take them, or gives them another value than the one set.
    const OF_SHELLS: [&str; 18] = [
        "DIRSTACK",
        "EPOCHREALTIME",
        "EPOCHSECONDS",
        "EUID",
        "FUNCNAME",
        "GROUPS",
        "HISTCMD",
        "IFS",
        "LINENO",
        "OPTARG",
        "OPTIND",
        "PIPESTATUS",
        "PPID",
        "RANDOM",
        "SECONDS",
        "SHELLOPTS",
        "SRANDOM",
        "UID",
    ];
    /// Every session has its own.
    const OF_SESSIONS: [&str; 17] = [
        "HOME",
        "HOSTNAME",
        "LOGNAME",
        "MAIL",
        "OLDPWD",
        "PWD",
        "SHELL",
        "SHLVL",
        "SSH_AGENT_PID",
        "SSH_AUTH_SOCK",
        "SSH_CLIENT",
        "SSH_CONNECTION",
        "SSH_ORIGINAL_COMMAND",
        "SSH_TTY",
        "TERM",
        "USER",
        "_",
    ];
    let letter = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if name.is_empty()
        || name.starts_with(|c: char| c.is_ascii_digit())
        || !name.chars().all(letter)
    {
        return Err(invalid(format!(
            "{name:?} cannot be the name of a variable: letters, digits and '_' are fine, not a \
             digit first"
        )));
    }
    let reason = if OF_SHELLS.contains(&name) || name.starts_with("BASH") {
        "shells keep it to themselves"
    } else if OF_SESSIONS.contains(&name) {
        "it belongs to each session"
    } else if name.starts_with("VPS_DOCKER_") {
        "vps-docker uses names that begin so"
    } else {
        return Ok(());
    };
    Err(invalid(format!(
        "the variable {name} cannot be set, {reason}; choose another name"
    )))
}

fn check_value(name: &str, value: &str) -> Result<()> {
    if value.contains('\0') {
        return Err(invalid(format!(
            "the value of the variable {name} contains a NUL character, which no environment can \
             hold; encode it, as base64 for instance"
        )));
    }
    if name.len() + value.len() + 2 > LONGEST {
        return Err(invalid(format!(
            "the value of the variable {name} has {} bytes and Linux takes {LONGEST} a variable; \
             put it into a file",
            value.len()
        )));
    }
    Ok(())
}

fn invalid(message: String) -> Error {
    Error::new(ErrorKind::Invalid, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(name: &str, value: &str) -> Result<Environment> {
        Environment::new([(name, SecretString::from(value))])
    }

    #[test]
    fn names_that_shells_cannot_hold_or_that_are_taken_are_refused() {
        for name in [
            "",
            "1A",
            "A-B",
            "A.B",
            "A B",
            "Ä",
            "A=B",
            "A\n",
            "UID",
            "IFS",
            "BASH_ENV",
            "OPTIND",
            "HOME",
            "SSH_CONNECTION",
            "VPS_DOCKER_X",
            "_",
        ] {
            let error = of(name, "the-value").expect_err(name);
            assert_eq!(error.kind(), ErrorKind::Invalid);
            assert!(!format!("{error:?}").contains("the-value"), "{error:?}");
        }
        for name in [
            "A",
            "_A",
            "a1",
            "ENV",
            "PATH",
            "SSH_PRIVATE_KEY",
            "UIDX",
            "LC_ALL",
        ] {
            of(name, "x").expect(name);
        }
    }

    #[test]
    fn values_that_no_program_can_be_given_are_refused_and_not_shown() {
        let large = "the-value".repeat(20_000);
        for value in ["the-value\0", &large] {
            let error = of("TOKEN", value).expect_err("unfit");
            assert!(error.to_string().contains("TOKEN"), "{error}");
            assert!(!format!("{error:?}").contains("the-value"), "{error:?}");
        }
        let part = SecretString::from("x".repeat(LONGEST - 100));
        let many = (0..9).map(|number| (format!("PART_{number}"), part.clone()));
        let error = Environment::new(many).expect_err("too much");
        assert!(error.to_string().contains("environment"), "{error}");
    }

    #[test]
    fn the_last_of_a_name_wins_and_debug_shows_names_alone() {
        let twice = [("B", "first"), ("A", "other"), ("B", "second")];
        let twice = twice.map(|(name, value)| (name, SecretString::from(value)));
        let environment = Environment::new(twice).expect("fit");
        assert_eq!(environment.names().collect::<Vec<_>>(), ["A", "B"]);
        let second = environment.variables().last().expect("two").1;
        assert_eq!(second.expose_secret(), "second");
        assert_eq!(format!("{environment:?}"), r#"{"A", "B"}"#);
    }
}
