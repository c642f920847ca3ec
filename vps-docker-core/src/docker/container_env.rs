use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret, SecretString};

use super::CONTAINER_ENV_DIR;
use crate::error::{ErrorKind, Result};
use crate::model::Environment;
use crate::ssh::{Transport, TransportExt, join};

/// The environment of the container, in a file on the VPS that the container reads at each start.
#[derive(Debug)]
pub(crate) struct ContainerEnv<'a> {
    vps: &'a dyn Transport,
    directory: &'a str,
}

impl<'a> ContainerEnv<'a> {
    pub(crate) fn on(vps: &'a dyn Transport) -> Self {
        let directory = CONTAINER_ENV_DIR;
        Self { vps, directory }
    }

    /// Puts it in the place of the one before. Atomic and idempotent. The values take the way of the
    /// input.
    pub(crate) async fn write(&self, new: &Environment) -> Result<()> {
        let text = render_environment(new);
        self.write_text(text.expose_secret(), text.expose_secret().len())
            .await
    }

    async fn write_text(&self, text: &str, length: usize) -> Result<()> {
        let script = include_str!("assets/write-env.sh");
        let length = length.to_string();
        let command = join(["sh", "-c", script, "write-env", self.directory, &length]);
        let output = self.vps.run(&command, text.as_bytes()).await?;
        output
            .success(ErrorKind::State, "writing the environment on the VPS")
            .map(drop)
    }

    /// Sets some variables and takes others away; the rest stays as it is. Atomic and idempotent.
    pub(crate) async fn change(&self, set: &Environment, unset: &[&str]) -> Result<()> {
        let script = include_str!("assets/change-env.sh");
        let text = render_environment(set);
        let text = text.expose_secret().as_bytes();
        let (length, largest) = (text.len().to_string(), Environment::LARGEST.to_string());
        let mut words = vec!["sh", "-c", script, "change-env", self.directory];
        words.extend([&*length, &*largest]);
        // All of them are names: nothing in them means anything to `sed`.
        words.extend(set.names().chain(unset.iter().copied()));
        let output = self.vps.run(&join(words), text).await?;
        output
            .success(ErrorKind::State, "changing the environment on the VPS")
            .map(drop)
    }

    /// Whether it is just this one.
    pub(crate) async fn is(&self, wanted: &Environment) -> Result<bool> {
        const SCRIPT: &str =
            "[ \"$(sha256sum)\" = \"$(sha256sum <\"$1/environment\" 2>/dev/null)\" ]";
        if wanted.is_empty() {
            return Ok(self.names().await?.is_empty());
        }
        let command = join(["sh", "-c", SCRIPT, "compare-env", self.directory]);
        let text = render_environment(wanted);
        let text = text.expose_secret().as_bytes();
        Ok(self.vps.run(&command, text).await?.status.success())
    }

    /// The names of its variables, sorted.
    pub(crate) async fn names(&self) -> Result<Vec<String>> {
        // Of a line that is one variable, with its line breaks as spaces.
        const SCRIPT: &str = "[ ! -e \"$1/environment\" ] ||
            tr '\\n\\000' ' \\n' <\"$1/environment\" | sed 's/=.*//'";
        let command = join(["sh", "-c", SCRIPT, "list-env", self.directory]);
        let output = self.vps.run(&command, b"").await?;
        let names = output.success(ErrorKind::State, "reading the names of the environment")?;
        Ok(names.lines().map(str::to_owned).collect())
    }
}

/// As the kernel has it: each `NAME=value` ended by NUL.
pub(crate) fn render_environment(environment: &Environment) -> SecretString {
    let sizes = environment.variables();
    let sizes = sizes.map(|(name, value)| name.len() + value.expose_secret().len() + 2);
    // As much as it will take: a string that grows leaves copies behind that nobody wipes.
    let mut text = Zeroizing::new(String::with_capacity(sizes.sum()));
    for (name, value) in environment.variables() {
        for part in [name, "=", value.expose_secret(), "\0"] {
            text.push_str(part);
        }
    }
    SecretString::from(text.as_str())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use super::*;
    use crate::ssh::local_shell::LocalShell;

    const HOSTILE: &str = "it's\nB=x\n\n \u{1}é€\u{2028}=\n";

    fn environment(variables: &[(&str, &str)]) -> Environment {
        let variables = variables.iter();
        let variables = variables.map(|(name, value)| (*name, SecretString::from(*value)));
        Environment::new(variables).expect("fit")
    }

    #[tokio::test]
    async fn it_is_replaced_as_a_whole_or_not_at_all() {
        let directory = tempfile::tempdir().expect("a directory");
        let directory = directory.path().join("env").display().to_string();
        let shell = LocalShell::default();
        let there = ContainerEnv {
            vps: &shell,
            directory: &directory,
        };
        let (none, other) = (environment(&[]), environment(&[("A", HOSTILE)]));
        let both = environment(&[("B", ""), ("A", HOSTILE)]);
        assert!(there.is(&none).await.expect("readable"));
        there.write(&both).await.expect("written");
        assert_eq!(there.names().await.expect("readable"), ["A", "B"]);
        assert!(there.is(&both).await.expect("readable"));
        for another in [&none, &other] {
            assert!(!there.is(another).await.expect("readable"));
        }

        let error = there.write_text("A=cut o", 40).await;
        let error = error.expect_err("it broke off").to_string();
        assert!(error.contains("the one before stays"), "{error}");
        assert!(there.is(&both).await.expect("readable"));
        let files = std::fs::read_dir(&directory).expect("there");
        assert_eq!(files.count(), 1, "something is left beside it");

        let mode = |path: &str| std::fs::metadata(path).expect("there").mode() & 0o777;
        assert_eq!(mode(&directory), 0o700);
        assert_eq!(mode(&format!("{directory}/environment")), 0o600);
        there.write(&none).await.expect("written");
        assert!(there.names().await.expect("readable").is_empty());
    }

    #[tokio::test]
    async fn some_variables_are_changed_and_the_rest_stays() {
        let directory = tempfile::tempdir().expect("a directory");
        let directory = directory.path().join("env").display().to_string();
        let shell = LocalShell::default();
        let there = ContainerEnv {
            vps: &shell,
            directory: &directory,
        };
        let none = environment(&[]);
        let first = environment(&[("A", HOSTILE), ("C", "1"), ("A1", "=B")]);
        there.change(&first, &[]).await.expect("changed");
        assert!(there.is(&first).await.expect("readable"), "as if written");
        // A line of A's value begins with `B=`.
        let second = environment(&[("B", HOSTILE), ("C", "2\nA1=x")]);
        there
            .change(&second, &["A1", "GONE"])
            .await
            .expect("changed");
        let all = [("A", HOSTILE), ("B", HOSTILE), ("C", "2\nA1=x")];
        assert!(there.is(&environment(&all)).await.expect("readable"));
        there.change(&none, &["B"]).await.expect("changed");
        let all = environment(&[all[0], all[2]]);
        assert!(there.is(&all).await.expect("readable"));

        let large = "x".repeat(100_000);
        let part = environment(&[("D", &large)]);
        for number in 0..10 {
            let name = format!("PART_{number}");
            let part = environment(&[(&name, &large)]);
            there.change(&part, &[]).await.expect("room");
        }
        let error = there.change(&part, &[]).await.expect_err("too much");
        assert!(error.to_string().contains("1048576"), "{error}");
        assert!(!there.names().await.expect("readable").contains(&"D".into()));
        let files = std::fs::read_dir(&directory).expect("there");
        assert_eq!(files.count(), 1, "something is left beside it");
    }

    #[tokio::test]
    async fn changes_at_the_same_time_lose_nothing() {
        let directory = tempfile::tempdir().expect("a directory");
        let directory = directory.path().join("env").display().to_string();
        let shell = LocalShell::default();
        let there = &ContainerEnv {
            vps: &shell,
            directory: &directory,
        };
        let changes = (0..8).map(|number| async move {
            let part = environment(&[(&format!("N{number}"), "x")]);
            there.change(&part, &[]).await.expect("changed");
        });
        futures_util::future::join_all(changes).await;
        assert_eq!(there.names().await.expect("readable").len(), 8);
    }
}
