//! A user with a data directory of her own, and nothing of this machine's environment.

use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;
use vps_docker::model::{BootImage, HostTags, Instance, InstanceSpec};
use vps_docker::{ProviderOptions, Registry};
use vps_docker_testkit::cloud_sim::{CloudSim, Provider};

pub(crate) struct User {
    home: TempDir,
    variables: Vec<(String, String)>,
}

/// What a command left.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl User {
    pub(crate) fn new() -> Self {
        Self {
            home: tempfile::tempdir().expect("a directory"),
            variables: Vec::new(),
        }
    }

    /// A user of a simulated account.
    pub(crate) fn of(provider: &str, sim: &CloudSim) -> Self {
        Self::new().and(provider, sim)
    }

    /// And of another one.
    pub(crate) fn and(mut self, provider: &str, sim: &CloudSim) -> Self {
        for (name, value) in variables(provider, sim) {
            self = self.with(name, &value);
        }
        self
    }

    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn data_dir(&self) -> PathBuf {
        self.home.path().join("data")
    }

    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    /// Writes config.toml.
    pub(crate) fn configured(&self, text: &str) {
        let mut private = std::fs::DirBuilder::new();
        let made = private.recursive(true).mode(0o700).create(self.data_dir());
        made.expect("made");
        std::fs::write(self.data_dir().join("config.toml"), text).expect("written");
    }

    /// The program, ready to be started.
    pub(crate) fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_vps-docker"));
        command
            .env_clear()
            .args(words)
            .current_dir(self.home.path());
        for (name, value) in self.environment() {
            command.env(name, value);
        }
        command
    }

    /// What it finds around it.
    pub(crate) fn environment(&self) -> Vec<(String, String)> {
        let mut variables = self.variables.clone();
        let path = std::env::var("PATH").expect("there is one");
        variables.push(("PATH".into(), path));
        variables.push(("HOME".into(), self.home.path().display().to_string()));
        variables.push((
            "VPS_DOCKER_DATA_DIR".into(),
            self.data_dir().display().to_string(),
        ));
        variables
    }

    pub(crate) fn says(&self, words: &[&str]) -> Said {
        let output = self
            .command(words)
            .stdin(Stdio::null())
            .output()
            .expect("it starts");
        Said::from(output)
    }

    /// The document that a command prints, held to its schema.
    pub(crate) fn document(&self, words: &[&str]) -> Value {
        let mut all = words.to_vec();
        // What stands behind `--` is another program's.
        all.insert(
            words
                .iter()
                .position(|word| *word == "--")
                .unwrap_or(words.len()),
            "--json",
        );
        let said = self.says(&all);
        assert_eq!(said.code, 0, "{words:?}: {said:?}");
        let document = said.json();
        let names: Vec<&str> = match words {
            [
                "snapshot" | "agents" | "env" | "export" | "endpoint",
                sub,
                ..,
            ] => {
                vec![words[0], sub]
            }
            _ => vec![words[0]],
        };
        hold_to_schema(self, &names, &document);
        document
    }

    /// The error that a command prints, and its exit code.
    pub(crate) fn fails(&self, words: &[&str]) -> (i32, Value) {
        let mut all = words.to_vec();
        all.push("--json");
        let said = self.says(&all);
        let document = said.json();
        let all: Value = serde_json::from_str(&self.says(&["schema"]).out).expect("JSON");
        let schema = serde_json::json!({"$defs": all["$defs"], "allOf": [all["error"]]});
        check(&schema, &document, words);
        assert_eq!(document["error"]["exit_code"], said.code, "{said:?}");
        (said.code, document)
    }
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().expect("it ended by itself"),
            out: String::from_utf8(output.stdout).expect("text"),
            err: String::from_utf8(output.stderr).expect("text"),
        }
    }
}

impl Said {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

fn hold_to_schema(user: &User, command: &[&str], document: &Value) {
    let mut words = vec!["schema"];
    words.extend(command);
    let schema = serde_json::from_str(&user.says(&words).out).expect("JSON");
    check(&schema, document, command);
}

fn check(schema: &Value, document: &Value, what: &[&str]) {
    let validator = jsonschema::validator_for(schema).expect("a schema");
    let errors: Vec<String> = validator
        .iter_errors(document)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert!(errors.is_empty(), "{what:?}: {errors:#?}\n{document:#}");
}

/// An account whose machines are entries of a table, a thousand times faster than ours.
pub(crate) async fn account(provider: &str) -> CloudSim {
    let provider: Provider = provider.parse().expect("there is one");
    let sim = CloudSim::builder(provider).time_scale(1000.0);
    sim.start().await.expect("a free port")
}

/// An instance with these tags, as another program of ours would have ordered it.
pub(crate) async fn order(provider: &str, sim: &CloudSim, tags: &HostTags) -> Instance {
    let registry = Registry::linked().expect("no duplicates");
    let mut options = ProviderOptions::new();
    for (name, value) in variables(provider, sim) {
        let registered = registry.find(provider).expect("registered").options.iter();
        let mut named = registered.filter(|option| option.variable == Some(name));
        options = options.set(named.next().expect("an option").key, value);
    }
    let client = registry.client(provider, &options).expect("fit");
    let catalog = client.catalog().await.expect("there is one");
    let offer = catalog.offers(None, None).expect("some")[0];
    let spec = InstanceSpec {
        name: tags.name.to_string(),
        region: offer.region.id.clone(),
        plan: offer.plan.id.clone(),
        image: BootImage::Catalog(catalog.images[0].id.clone()),
        user_data: "#cloud-config\n".into(),
        ssh_keys: Vec::new(),
        tags: tags.to_tags(),
    };
    client.create_instance(&spec).await.expect("room")
}

/// The variables by which a program finds the account.
fn variables(provider: &str, sim: &CloudSim) -> Vec<(&'static str, String)> {
    let credentials = sim.credentials();
    let token = credentials.token.clone();
    match provider {
        "hetzner" => vec![("HCLOUD_TOKEN", token), ("HCLOUD_ENDPOINT", sim.url())],
        "vultr" => vec![("VULTR_API_KEY", token), ("VULTR_API_URL", sim.url())],
        "digitalocean" => vec![
            ("DIGITALOCEAN_ACCESS_TOKEN", token),
            ("DIGITALOCEAN_API_URL", sim.url()),
        ],
        "contabo" => vec![
            ("CNTB_API", sim.url()),
            (
                "CNTB_OAUTH2_TOKEN_URL",
                sim.greeting()["token_url"]
                    .as_str()
                    .expect("it has one")
                    .to_owned(),
            ),
            ("CNTB_OAUTH2_CLIENT_ID", credentials.client_id.clone()),
            (
                "CNTB_OAUTH2_CLIENT_SECRET",
                credentials.client_secret.clone(),
            ),
            ("CNTB_OAUTH2_USER", credentials.user.clone()),
            ("CNTB_OAUTH2_PASS", credentials.password.clone()),
        ],
        other => panic!("no variables for {other}"),
    }
}

/// A name that no other run of the tests has at this time.
pub(crate) fn unique(what: &str) -> String {
    format!("cli-{what}-{}", std::process::id())
}

/// Destroys what is left when a test fails in the middle.
pub(crate) struct Guard<'a>(pub(crate) &'a User, pub(crate) Vec<String>);

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        let mut words = vec!["destroy", "-p", "local", "--yes", "--missing-ok"];
        words.extend(self.1.iter().map(String::as_str));
        let _ = self.0.command(&words).output();
    }
}
