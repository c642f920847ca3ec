//! `infra/terraform` by the real Terraform, as far as that boots nothing.

mod references;

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::support::{Said, User};

/// A user's copy of the configurations, in one of its directories.
pub(crate) struct Configuration<'a> {
    user: &'a User,
    directory: PathBuf,
    variables: Vec<(String, String)>,
}

impl<'a> Configuration<'a> {
    /// One of the stacks, in a copy of that name.
    pub(crate) fn of_stack(user: &'a User, stack: &str, copy: &str) -> Self {
        let whole = user.home().join(copy);
        copy_tree(&sources(), &whole);
        Self::in_directory(user, whole.join("stacks").join(stack))
    }

    /// One of the user's own: a `main.tf` beside a copy of everything in `terraform/`.
    pub(crate) fn of_text(user: &'a User, copy: &str, text: &str) -> Self {
        let directory = user.home().join(copy);
        copy_tree(&sources(), &directory.join("terraform"));
        fs::write(directory.join("main.tf"), text).expect("written");
        Self::in_directory(user, directory)
    }

    fn in_directory(user: &'a User, directory: PathBuf) -> Self {
        Self {
            user,
            directory,
            variables: Vec::new(),
        }
    }

    /// A variable of Terraform's environment.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    /// Terraform, ready to be started, with our program on its PATH and nothing of this machine's configuration.
    pub(crate) fn command(&self, words: &[&str]) -> Command {
        let configuration = self.user.home().join("terraform.rc");
        fs::write(&configuration, "").expect("written");
        let mut command = Command::new(program());
        command.env_clear().args(words).current_dir(&self.directory);
        command.stdin(Stdio::null());
        for (name, value) in self.user.environment().iter().chain(&self.variables) {
            command.env(name, value);
        }
        let ours = Path::new(env!("CARGO_BIN_EXE_vps-docker")).parent();
        let ours = ours.expect("it is in a directory").to_owned();
        let path = env::var_os("PATH").expect("there is one");
        let path = env::join_paths([ours].into_iter().chain(env::split_paths(&path)));
        command
            .env("PATH", path.expect("no colon in it"))
            .env("TF_CLI_CONFIG_FILE", configuration)
            .env("TF_IN_AUTOMATION", "1")
            .env("TF_CLI_ARGS", "-no-color")
            .env("CHECKPOINT_DISABLE", "1");
        command
    }

    pub(crate) fn says(&self, words: &[&str]) -> Said {
        Said::from(self.command(words).output().expect("it starts"))
    }

    /// What it says on success.
    pub(crate) fn does(&self, words: &[&str]) -> String {
        let said = self.says(words);
        assert_eq!(said.code, 0, "{words:?}: {}\n{}", said.out, said.err);
        said.out
    }

    pub(crate) fn document(&self, words: &[&str]) -> Value {
        serde_json::from_str(&self.does(words)).expect("JSON")
    }

    /// The value of an output.
    pub(crate) fn output(&self, name: &str) -> Value {
        self.document(&["output", "-json", name])
    }
}

/// The Terraform of this machine, or the one that `cargo xtask setup` has brought.
fn program() -> PathBuf {
    let path = env::var_os("PATH").expect("there is one");
    let brought = Path::new(env!("CARGO_TARGET_TMPDIR")).join("../tools/terraform");
    let mut directories = env::split_paths(&path).chain([brought]);
    directories
        .find_map(|directory| {
            let program = directory.join("terraform");
            program.is_file().then_some(program)
        })
        .expect("there is no Terraform here: `cargo xtask setup` brings one")
}

/// `infra/terraform` in this repository.
fn sources() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../infra/terraform")
}

/// What belongs to the repository, and nothing that somebody's own Terraform has left there.
fn copy_tree(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("made");
    for entry in fs::read_dir(from).expect("it is there") {
        let path = entry.expect("readable").path();
        let name = path.file_name().expect("it has one").to_owned();
        if path.is_dir() && name != ".terraform" {
            copy_tree(&path, &to.join(name));
        } else if ["tf", "sh"]
            .iter()
            .any(|end| path.extension().is_some_and(|e| e == *end))
        {
            fs::copy(&path, to.join(name)).expect("copied");
        }
    }
}

fn stacks() -> Vec<String> {
    let entries = fs::read_dir(sources().join("stacks")).expect("it is there");
    let name = |entry: std::io::Result<fs::DirEntry>| entry.expect("readable").file_name();
    let mut names: Vec<String> = entries
        .map(|entry| name(entry).into_string().expect("text"))
        .collect();
    names.sort();
    names
}

#[test]
fn every_configuration_is_formatted_and_every_host_valid() {
    let user = User::new();
    assert_eq!(
        stacks(),
        ["contabo", "digitalocean", "hetzner", "local", "vultr"]
    );
    for stack in stacks() {
        let host = Configuration::of_stack(&user, &stack, "terraform");
        host.does(&["init"]);
        let found = host.document(&["validate", "-json"]);
        assert_eq!(found["valid"], true, "{found:#}");
        assert_eq!(found["warning_count"], 0, "{found:#}");
    }
    let all = Configuration::in_directory(&user, user.home().join("terraform"));
    let said = all.says(&["fmt", "-check", "-diff", "-recursive"]);
    assert_eq!(said.code, 0, "{}", said.out);
}

#[test]
fn what_is_wrong_is_refused_by_the_plan() {
    let user = User::new();
    for (number, (arguments, hint)) in [
        ("name = \"Bad Name\"", "1 to 63 characters"),
        ("name = \"-x\"", "no '-' at an end"),
        (
            "name = \"web\"\nenv = [\"TOKEN=value\"]",
            "Only names stand here",
        ),
        (
            "name = \"web\"\nlabels = { terraform = \"x\" }",
            "the module's own",
        ),
        (
            "name = \"web\"\nimage = \"a\"\nbuild_context = \".\"",
            "either built",
        ),
        (
            "name = \"web\"\ncommand = \"true\"\nimage_command = true",
            "either a command",
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let text =
            format!("module \"host\" {{\nsource = \"./terraform/modules/host\"\n{arguments}\n}}");
        let plan = Configuration::of_text(&user, &number.to_string(), &text);
        plan.does(&["init"]);
        let said = plan.says(&["plan"]);
        assert_eq!(said.code, 1, "{arguments}: {said:?}");
        // Terraform breaks lines where it likes.
        let words: Vec<&str> = said.err.split_whitespace().collect();
        let words = words.join(" ").replace("│ ", "");
        assert!(words.contains(hint), "{arguments}: {words}");
    }
}
