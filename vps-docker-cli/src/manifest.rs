//! The `vps-docker.toml` of an application, and what the command line lays over it.

use std::fs;
use std::io::ErrorKind as IoErrorKind;
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Map, Value, json};
use vps_docker::application::{Application, Manifest};
use vps_docker::model::HostName;
use vps_docker::secrecy::SecretString;
use vps_docker::{Error, ErrorKind, Result, VpsDockerProvider};

use crate::context::Context;
use crate::instances::{self, Choices};
use crate::variables;

/// The file that is meant when none is named.
const FILE: &str = "vps-docker.toml";

/// Which application.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Application")]
pub(crate) struct ApplicationArgs {
    /// The file that says what it is, or its directory [default: ./vps-docker.toml, where there is one]
    #[arg(short, long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// The name of its host instead of the application's: several stand side by side
    #[arg(long, value_name = "NAME")]
    stack: Option<String>,
    /// The environment, a table [environments.NAME] of the file; its host is called after both
    #[arg(long, value_name = "NAME")]
    env: Option<String>,
}

/// What is laid over the file, or stands in its place.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Instead of what the file says")]
pub(crate) struct OverlayArgs {
    /// Docker image; sshd is brought into it
    #[arg(long, value_name = "IMAGE", conflicts_with = "build")]
    image: Option<String>,
    /// A directory with a Dockerfile, of which the VPS builds the image
    #[arg(short, long, value_name = "DIR")]
    build: Option<PathBuf>,
    /// A port of the VPS and one of the container, as in 80:8000; repeated
    #[arg(long = "port", value_name = "VPS:CONTAINER")]
    ports: Vec<String>,
    /// Where the data volume is mounted in the container
    #[arg(long, value_name = "DIR")]
    data: Option<String>,
    /// A variable of the container's, repeated; without a value it is that of this program's environment
    #[arg(short = 'e', long = "variable", value_name = "NAME[=VALUE]")]
    variables: Vec<String>,
    /// A path that answers by HTTP when all is well
    #[arg(long, value_name = "PATH")]
    health_http: Option<String>,
    /// Plan of the VPS; several, by commas, are tried in that order
    #[arg(long, value_name = "PLAN")]
    plan: Option<String>,
    /// Region of the VPS; or several
    #[arg(long, value_name = "REGION")]
    region: Option<String>,
    /// Operating system of the VPS
    #[arg(long, value_name = "OS")]
    os: Option<String>,
    /// A time to live: past it, the next `ls` or `gc` destroys the host
    #[arg(long, value_name = "TIME")]
    ttl: Option<String>,
    /// Order nothing that costs more a month, in the provider's currency and without taxes
    #[arg(long, value_name = "AMOUNT")]
    max_monthly: Option<String>,
    /// Order nothing that costs more an hour
    #[arg(long, value_name = "AMOUNT")]
    max_hourly: Option<String>,
    /// Addresses that may reach the host, such as 203.0.113.0/24, repeated
    #[arg(long, value_name = "CIDR")]
    allow_from: Vec<String>,
    /// Agree to an order that is paid for to the end of its term, whatever becomes of the host (Contabo)
    #[arg(long)]
    allow_order: bool,
}

impl ApplicationArgs {
    /// The application and the engine it belongs to. Secrets are read, and nothing is asked of anybody else.
    pub(crate) fn read(
        &self,
        context: &Context,
        overlay: &OverlayArgs,
    ) -> Result<(Application, VpsDockerProvider)> {
        let manifest = self.manifest(overlay)?;
        let mut read = Vec::new();
        for file in manifest.env_files() {
            read.extend(variables::of_file(&file)?);
        }
        for (name, source) in manifest.secrets() {
            read.push((name.to_owned(), variables::of_source(name, &source)?));
        }
        for text in &overlay.variables {
            read.push(variables::of_argument(text)?);
        }
        self.application(context, &manifest, read, overlay.allow_order)
    }

    /// The same for who only looks at it: without what is read from elsewhere.
    pub(crate) fn look(&self, context: &Context) -> Result<(Application, VpsDockerProvider)> {
        let manifest = self.manifest(&OverlayArgs::default())?;
        self.application(context, &manifest, Vec::new(), false)
    }

    fn application(
        &self,
        context: &Context,
        manifest: &Manifest,
        read: Vec<(String, SecretString)>,
        allow_order: bool,
    ) -> Result<(Application, VpsDockerProvider)> {
        let application = manifest.application(self.stack.as_deref(), read)?;
        let choices = Choices {
            allow_order,
            host_dir: manifest.data().map(str::to_owned),
        };
        let name = provider(context, manifest, &application.spec.name)?;
        let engine = instances::engine_with(context, &name, choices)?;
        Ok((application, engine))
    }

    /// The host of the application, and its engine; no secret is read.
    pub(crate) fn host(&self, context: &Context) -> Result<(HostName, VpsDockerProvider)> {
        let manifest = self.manifest(&OverlayArgs::default())?;
        let host = manifest.host(self.stack.as_deref())?;
        let name = provider(context, &manifest, &host)?;
        let engine = instances::engine_with(context, &name, Choices::default())?;
        Ok((host, engine))
    }

    fn manifest(&self, overlay: &OverlayArgs) -> Result<Manifest> {
        let (file, directory) = self.document()?;
        Manifest::read([file, overlay.document()], &directory, self.env.as_deref())
    }

    /// The file, and the directory that it is in.
    fn document(&self) -> Result<(Value, PathBuf)> {
        let path = match &self.file {
            Some(path) if path.is_dir() => path.join(FILE),
            Some(path) => path.clone(),
            None => PathBuf::from(FILE),
        };
        let directory = match path.parent() {
            Some(parent) if parent != Path::new("") => parent.to_owned(),
            _ => PathBuf::from("."),
        };
        let unfit =
            |text: String| Error::new(ErrorKind::Invalid, format!("{}: {text}", path.display()));
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            // Options may say all that is needed.
            Err(error) if error.kind() == IoErrorKind::NotFound && self.file.is_none() => {
                return Ok((json!({}), directory));
            }
            Err(error) => return Err(unfit("it cannot be read".to_owned()).with_source(error)),
        };
        // It shows the line and points at the place.
        let document = toml::from_str(&text).map_err(|error| unfit(error.to_string()))?;
        Ok((document, directory))
    }
}

impl OverlayArgs {
    /// What stands over the file; paths are those of who types.
    fn document(&self) -> Value {
        let mut document = Map::new();
        let mut put = |key: &str, value: Option<Value>| {
            if let Some(value) = value {
                document.insert(key.to_owned(), value);
            }
        };
        let here = |path: &PathBuf| std::path::absolute(path).unwrap_or_else(|_| path.clone());
        put("image", self.image.as_ref().map(|image| json!(image)));
        put("build", self.build.as_ref().map(|build| json!(here(build))));
        put("ports", some(&self.ports));
        put("data", self.data.as_ref().map(|data| json!(data)));
        let health = self.health_http.as_ref();
        put("health", health.map(|path| json!({"http": path})));
        put("plan", self.plan.as_ref().map(|plan| json!(plan)));
        put("region", self.region.as_ref().map(|region| json!(region)));
        put("os", self.os.as_ref().map(|os| json!(os)));
        put("ttl", self.ttl.as_ref().map(|ttl| json!(ttl)));
        let amount = |amount: &Option<String>| amount.as_ref().map(|amount| json!(amount));
        put("max_monthly", amount(&self.max_monthly));
        put("max_hourly", amount(&self.max_hourly));
        put("allow_from", some(&self.allow_from));
        Value::Object(document)
    }
}

fn some(list: &[String]) -> Option<Value> {
    (!list.is_empty()).then(|| json!(list))
}

/// Who is asked for, who knows the host, who is configured: in this order.
fn provider(context: &Context, manifest: &Manifest, host: &HostName) -> Result<String> {
    let asked = context.global.provider.as_deref().or(manifest.provider());
    match asked {
        Some(name) => Ok(name.to_owned()),
        None => Ok(match &instances::that_know(context, host)[..] {
            [one] => (*one).to_owned(),
            _ => context.config.default_provider().to_owned(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the library's chapter, which names all keys.
    #[test]
    fn the_example_of_all_keys_is_one() {
        let chapter = include_str!("../../vps-docker-core/src/application/mod.rs");
        let lines: Vec<&str> = chapter
            .lines()
            .map_while(|line| line.strip_prefix("//!"))
            .skip_while(|line| *line != " ```toml")
            .skip(1)
            .take_while(|line| *line != " ```")
            .collect();
        let document: Value = toml::from_str(&lines.join("\n")).expect("TOML");
        assert!(lines.len() > 40, "{lines:?}");
        for (environment, host) in [(None, "shop"), (Some("prod"), "shop-prod")] {
            let directory = Path::new("/project");
            let manifest = Manifest::read([document.clone()], directory, environment);
            let application = manifest.expect("legal").application(None, []);
            assert_eq!(application.expect("fit").spec.name.as_str(), host);
        }
    }
}
