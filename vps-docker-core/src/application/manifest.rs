use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rust_decimal::Decimal;
use secrecy::SecretString;
use serde::Deserialize;
use serde::de::Error as _;
use serde_json::{Map, Value};

use super::Application;
use super::health_table::HealthTable;
use super::hook::{Hook, HookTable};
use super::idle_table::IdleTable;
use super::ports::Port;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{
    ContainerCommand, HostName, HostSpec, HostSpecBuilder, IdlePolicy, near_matches, parse_span,
};

/// The label of a host that says whose application runs on it.
pub const APPLICATION_LABEL: &str = "application";
/// The label of a host that says for which environment it runs.
pub const ENVIRONMENT_LABEL: &str = "environment";

/// What an application is, as its `vps-docker.toml` says, for one environment. See
/// [the chapter](super) for all keys.
///
/// It reads no variables, files or commands: what [`secrets`](Self::secrets) and
/// [`env_files`](Self::env_files) name is read by the caller and given to [`application`](Self::application).
#[derive(Clone, Debug)]
pub struct Manifest {
    table: Table,
    directory: PathBuf,
    environment: Option<String>,
}

/// Where the value of a secret comes from.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum SecretSource {
    /// A variable of the caller's environment.
    Env(String),
    /// A file; the line break at its end is left out.
    File(PathBuf),
    /// The words of a command that prints it; the line break at its end is left out.
    Command(Vec<String>),
}

/// The keys of the file, checked no further than by their types.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Table {
    name: String,
    provider: Option<String>,
    plan: Option<Choices>,
    region: Option<Choices>,
    os: Option<String>,
    image: Option<String>,
    build: Option<Build>,
    command: Option<Command>,
    ports: Vec<Port>,
    data: Option<String>,
    volumes: Vec<String>,
    run_args: Vec<String>,
    env: BTreeMap<String, Scalar>,
    env_files: Vec<PathBuf>,
    secrets: BTreeMap<String, SecretSource>,
    labels: BTreeMap<String, String>,
    memory: Option<Scalar>,
    cpus: Option<Scalar>,
    ttl: Option<String>,
    max_monthly: Option<Scalar>,
    max_hourly: Option<Scalar>,
    allow_from: Vec<String>,
    health: Option<HealthTable>,
    idle: Option<IdleTable>,
    hook: Option<HookTable>,
}

/// One, or several that are tried in that order.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum Choices {
    One(String),
    Several(Vec<String>),
}

/// The context alone, or with what else `docker build` is told.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum Build {
    Context(String),
    Table(BuildTable),
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct BuildTable {
    context: String,
    dockerfile: Option<String>,
    #[serde(default)]
    args: BTreeMap<String, Scalar>,
    target: Option<String>,
}

/// A line for the shell, or words.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum Command {
    Line(String),
    Words(Vec<String>),
}

/// What people write with and without quotes.
#[derive(Clone, Debug)]
pub(super) struct Scalar(pub(super) String);

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::String(text) => Ok(Self(text)),
            Value::Number(number) => Ok(Self(number.to_string())),
            Value::Bool(switch) => Ok(Self(switch.to_string())),
            other => Err(D::Error::custom(format!("{other} is no plain value"))),
        }
    }
}

/// Tables whose keys are laid over one by one; of every other key the upper layer has the last word.
const BY_KEY: [&str; 3] = ["env", "secrets", "labels"];

impl Manifest {
    /// Reads layers of one document, the upper ones last, such as the file and what the command line
    /// says. `directory` is where the file is: paths in it are relative to it. With an `environment` the table
    /// `environments.NAME` is laid over the file's other keys. Of `env`, `secrets` and `labels` single keys are
    /// laid over, everything else as a whole; `image` and `build` replace each other.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] names the key and what would be right; also for an environment that no layer has.
    pub fn read(
        layers: impl IntoIterator<Item = Value>,
        directory: &Path,
        environment: Option<&str>,
    ) -> Result<Self> {
        let mut whole = Map::new();
        let mut known = Vec::new();
        for layer in layers {
            let Value::Object(mut layer) = layer else {
                return Err(invalid("the manifest is no table"));
            };
            let mut own = None;
            match layer.remove("environments") {
                None => {}
                Some(Value::Object(mut environments)) => {
                    known.extend(environments.keys().cloned());
                    own = environment.and_then(|name| environments.remove(name));
                }
                Some(_) => return Err(invalid("environments is no table of tables")),
            }
            lay_over(&mut whole, layer);
            match own {
                None => {}
                Some(Value::Object(own)) if own.contains_key("name") => {
                    return Err(invalid(
                        "an environment has no name of its own: its host is called NAME-ENVIRONMENT",
                    ));
                }
                Some(Value::Object(own)) => lay_over(&mut whole, own),
                Some(_) => return Err(invalid("an environment is no table")),
            }
        }
        if let Some(name) = environment
            && !known.iter().any(|one| one == name)
        {
            let known: Vec<&str> = known.iter().map(String::as_str).collect();
            return Err(invalid(format!(
                "there is no environment {name:?}{}; write a table [environments.{name}]",
                near_matches(name, &known)
            )));
        }
        let table: Table = serde_json::from_value(Value::Object(whole))
            .map_err(|error| invalid(format!("the manifest cannot be read: {error}")))?;
        Ok(Self {
            table,
            directory: directory.to_owned(),
            environment: environment.map(str::to_owned),
        })
    }

    /// The provider that is asked for.
    #[must_use]
    pub fn provider(&self) -> Option<&str> {
        self.table.provider.as_deref()
    }

    /// Where the data volume is mounted in the container, which is the settings'
    /// [`host_dir`](crate::Settings::host_dir).
    #[must_use]
    pub fn data(&self) -> Option<&str> {
        self.table.data.as_deref()
    }

    /// The variables whose values are elsewhere.
    pub fn secrets(&self) -> impl Iterator<Item = (&str, SecretSource)> {
        self.table.secrets.iter().map(|(name, source)| {
            let source = match source {
                SecretSource::File(path) => SecretSource::File(self.directory.join(path)),
                other => other.clone(),
            };
            (name.as_str(), source)
        })
    }

    /// Files of `NAME=VALUE` lines, in the order in which they are read.
    pub fn env_files(&self) -> impl Iterator<Item = PathBuf> {
        let files = self.table.env_files.iter();
        files.map(|path| self.directory.join(path))
    }

    /// Where the file is, and where a hook's command runs.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The host's name: the stack's, or the application's, and the environment.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] for what is no host's name.
    pub fn host(&self, stack: Option<&str>) -> Result<HostName> {
        let name = stack.unwrap_or(&self.table.name);
        if name.is_empty() {
            return Err(invalid(
                "the application has no name: write `name = \"…\"`, or name a stack",
            ));
        }
        match &self.environment {
            Some(environment) => HostName::new(format!("{name}-{environment}")),
            None => HostName::new(name),
        }
    }

    /// Checks everything that can be checked without the provider. `read` is what was read of
    /// [`env_files`](Self::env_files) and [`secrets`](Self::secrets), in this order: of a name that is there twice
    /// the last one wins, and over `env` in any case.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] names the bad value and what would be right.
    pub fn application(
        &self,
        stack: Option<&str>,
        read: impl IntoIterator<Item = (String, SecretString)>,
    ) -> Result<Application> {
        let host = self.host(stack)?;
        let mut spec = HostSpec::builder(host.as_str());
        spec = self.vps(spec)?;
        spec = self.container(spec)?;
        for (name, value) in &self.table.env {
            spec = spec.env(name, value.0.clone());
        }
        for (name, value) in read {
            spec = spec.env(name, value);
        }
        let name = match &self.table.name {
            name if name.is_empty() => host.as_str(),
            name => name,
        };
        for (key, value) in &self.table.labels {
            spec = spec.label(key, value);
        }
        spec = spec.label(APPLICATION_LABEL, name);
        if let Some(environment) = &self.environment {
            spec = spec.label(ENVIRONMENT_LABEL, environment);
        }
        let ports = &self.table.ports;
        let health = self.table.health.as_ref();
        let hook = self.table.hook.as_ref();
        Ok(Application {
            name: name.to_owned(),
            environment: self.environment.clone(),
            health: health.map(|table| table.check(ports)).transpose()?,
            hook: hook
                .map(|table| Hook::new(table, &self.directory))
                .transpose()?,
            ports: ports.clone(),
            serves_http: health.is_none_or(HealthTable::is_http),
            spec: spec.build()?,
        })
    }

    fn vps(&self, mut spec: HostSpecBuilder) -> Result<HostSpecBuilder> {
        let table = &self.table;
        if let Some(plan) = &table.plan {
            spec = spec.plan(plan.joined());
        }
        if let Some(region) = &table.region {
            spec = spec.region(region.joined());
        }
        if let Some(os) = &table.os {
            spec = spec.os(os);
        }
        if let Some(ttl) = &table.ttl {
            spec = spec.ttl(at("ttl", parse_span(ttl))?);
        }
        if let Some(amount) = &table.max_monthly {
            spec = spec.max_monthly(amount_of("max_monthly", amount)?);
        }
        if let Some(amount) = &table.max_hourly {
            spec = spec.max_hourly(amount_of("max_hourly", amount)?);
        }
        for range in &table.allow_from {
            spec = spec.allow_from(range);
        }
        if !table.allow_from.is_empty() {
            for port in &table.ports {
                spec = spec.app_port(port.of_vps);
            }
        }
        // Whoever uses an application need not be logged in.
        let idle = table.idle.as_ref().map(IdleTable::policy).transpose()?;
        Ok(spec.idle_policy(idle.unwrap_or_else(IdlePolicy::disabled)))
    }

    fn container(&self, mut spec: HostSpecBuilder) -> Result<HostSpecBuilder> {
        let table = &self.table;
        match (&table.image, &table.build) {
            (Some(image), None) => spec = spec.image(image),
            (None, Some(build)) => spec = spec.build_args(build.arguments(&self.directory)),
            (Some(_), Some(_)) => {
                return Err(invalid("both image and build are given; leave one out"));
            }
            (None, None) => {
                return Err(invalid(
                    "nothing says what runs: write `image = \"…\"`, or `build = \".\"` for a directory with a Dockerfile",
                ));
            }
        }
        spec = spec.command(match &table.command {
            None => ContainerCommand::Image,
            Some(Command::Line(line)) => {
                ContainerCommand::Words(["/bin/sh", "-c", line].map(str::to_owned).to_vec())
            }
            Some(Command::Words(words)) => ContainerCommand::Words(words.clone()),
        });
        for port in &table.ports {
            spec = spec.start_arg(format!("--publish={}:{}", port.of_vps, port.of_container));
        }
        for volume in &table.volumes {
            spec = spec.start_arg(format!("--volume={volume}"));
        }
        for arg in &table.run_args {
            spec = spec.start_arg(arg);
        }
        if let Some(Scalar(memory)) = &table.memory {
            spec = spec.memory(memory);
        }
        if let Some(Scalar(cpus)) = &table.cpus {
            spec = spec.cpus(cpus);
        }
        Ok(spec)
    }
}

impl Choices {
    fn joined(&self) -> String {
        match self {
            Self::One(one) => one.clone(),
            Self::Several(several) => several.join(","),
        }
    }
}

impl Build {
    /// The words of `docker build`.
    fn arguments(&self, directory: &Path) -> Vec<String> {
        let path = |text: &str| {
            // A repository or an archive elsewhere is what it is.
            let remote = text.contains("://") || text.starts_with("git@");
            match remote {
                true => text.to_owned(),
                false => plain(&directory.join(text)).display().to_string(),
            }
        };
        match self {
            Self::Context(context) => vec![path(context)],
            Self::Table(table) => {
                let mut words = Vec::new();
                if let Some(file) = &table.dockerfile {
                    // As in a compose file: below the context.
                    let file = plain(&Path::new(&path(&table.context)).join(file));
                    words.push(format!("--file={}", file.display()));
                }
                for (name, Scalar(value)) in &table.args {
                    words.push(format!("--build-arg={name}={value}"));
                }
                if let Some(target) = &table.target {
                    words.push(format!("--target={target}"));
                }
                words.push(path(&table.context));
                words
            }
        }
    }
}

/// Without the `.` in it that mean nothing.
fn plain(path: &Path) -> PathBuf {
    path.components().collect()
}

fn lay_over(below: &mut Map<String, Value>, above: Map<String, Value>) {
    for (one, other) in [("image", "build"), ("build", "image")] {
        if above.contains_key(one) {
            below.remove(other);
        }
    }
    for (key, value) in above {
        match (below.get_mut(&key), value) {
            (Some(Value::Object(below)), Value::Object(above))
                if BY_KEY.contains(&key.as_str()) =>
            {
                below.extend(above);
            }
            (_, value) => {
                below.insert(key, value);
            }
        }
    }
}

fn amount_of(key: &str, Scalar(text): &Scalar) -> Result<Decimal> {
    text.parse().map_err(|_| {
        invalid(format!(
            "{key} is {text:?}; write an amount in the provider's currency, as 4.50"
        ))
    })
}

/// Says at which key it was.
pub(super) fn at<T>(key: &str, result: Result<T>) -> Result<T> {
    result.map_err(|error| invalid(format!("{key}: {error}")))
}

pub(super) fn invalid(text: impl Into<String>) -> Error {
    Error::new(ErrorKind::Invalid, text)
}
