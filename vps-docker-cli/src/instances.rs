//! Provider instances: a registered provider with its options and a data directory.

use std::env;
use std::fs;
use std::path::PathBuf;

use vps_docker::model::{HostName, near_matches};
use vps_docker::registry::{Need, ProviderOption, Registration};
use vps_docker::{
    DataDir, Error, ErrorKind, ProviderOptions, Result, Settings, SettingsBuilder,
    VpsDockerProvider,
};

use crate::config::{OptionSource, expanded};
use crate::context::Context;
use crate::identity;

/// What belongs to an engine for some of its hosts alone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Choices {
    /// Agrees to what is paid for to the end of a term.
    pub(crate) allow_order: bool,
    /// Where the data volume of new hosts is mounted.
    pub(crate) host_dir: Option<String>,
}

/// The engine of a provider instance.
pub(crate) fn engine(context: &Context, name: &str) -> Result<VpsDockerProvider> {
    engine_with(context, name, Choices::default())
}

/// The same, with what is chosen besides.
pub(crate) fn engine_with(
    context: &Context,
    name: &str,
    choices: Choices,
) -> Result<VpsDockerProvider> {
    let registration = registration(context, name)?;
    let data_dir = open_data_dir(context, name)?;
    let mut options = options(context, name, registration, &data_dir)?;
    if choices.allow_order
        && registration
            .options
            .iter()
            .any(|option| option.key == "allow_order")
    {
        options = options.set("allow_order", "true");
    }
    let client = context.registry.client(registration.name, &options)?;
    let mut settings = settings(context, name);
    if let Some(directory) = choices.host_dir {
        settings = settings.host_dir(directory);
    }
    Ok(VpsDockerProvider::new(client, data_dir, settings.build()?))
}

/// The instances that there are: those of config.toml, and the registered providers.
pub(crate) fn names(context: &Context) -> Vec<&str> {
    let mut names: Vec<&str> = context.config.names().collect();
    let registered = context.registry.iter().map(|entry| entry.name);
    names.extend(registered.filter(|name| context.config.provider(name).is_none()));
    names.sort_unstable();
    names
}

/// The one that was named with `--provider`; else all whose credentials are there.
pub(crate) fn asked_for(context: &Context) -> Vec<&str> {
    if let Some(name) = &context.global.provider {
        return vec![name];
    }
    let mut names = names(context);
    names.retain(|name| is_usable(context, name));
    names
}

/// Those whose directory knows a host of this name.
pub(crate) fn that_know<'a>(context: &'a Context, host: &HostName) -> Vec<&'a str> {
    let mut names = names(context);
    names.retain(|name| {
        hosts_dir(context, name).is_some_and(|dir| dir.join(host.as_str()).is_dir())
    });
    names
}

/// Whether anything is known here of hosts there.
pub(crate) fn has_hosts(context: &Context, name: &str) -> bool {
    let entries = hosts_dir(context, name).and_then(|dir| fs::read_dir(dir).ok());
    entries.is_some_and(|mut entries| entries.next().is_some())
}

/// A Docker engine that is not there is no fault of whoever never used it.
pub(crate) fn is_absent(context: &Context, name: &str, kind: ErrorKind) -> bool {
    name == "local"
        && context.global.provider.is_none()
        && kind == ErrorKind::Unreachable
        && !has_hosts(context, name)
}

/// Whether all that an instance needs is at hand.
pub(crate) fn is_usable(context: &Context, name: &str) -> bool {
    registration(context, name).is_ok_and(|registration| {
        let missing = |option: &&ProviderOption| {
            option.need != Need::Optional
                && option.key != "data_dir"
                && !matches!(source(context, name, option), Some(source) if is_there(&source))
        };
        registration.options.iter().find(missing).is_none()
    })
}

/// How the provider of an instance is registered.
pub(crate) fn registration<'a>(context: &'a Context, name: &str) -> Result<&'a Registration> {
    let configured = context.config.provider(name);
    let kind = configured.and_then(|provider| provider.provider.as_deref());
    context.registry.find(kind.unwrap_or(name)).ok_or_else(|| {
        Error::new(
            ErrorKind::Invalid,
            format!(
                "unknown provider {name:?}{}",
                near_matches(name, &names(context))
            ),
        )
    })
}

/// An instance that has the name of its provider shares the data directory; every other one has its own, so that
/// two accounts may each have a host of one name.
fn data_dir(context: &Context, name: &str) -> PathBuf {
    match context.registry.find(name) {
        Some(_) => context.data_dir().to_owned(),
        None => context.data_dir().join("providers").join(name),
    }
}

fn hosts_dir(context: &Context, name: &str) -> Option<PathBuf> {
    let provider = registration(context, name).ok()?.name;
    Some(data_dir(context, name).join("hosts").join(provider))
}

fn options(
    context: &Context,
    name: &str,
    registration: &Registration,
    data_dir: &DataDir,
) -> Result<ProviderOptions> {
    let mut options = ProviderOptions::new();
    for option in registration.options {
        let value = match (option.key, source(context, name, option)) {
            ("data_dir", _) => Some(data_dir.path().display().to_string()),
            (_, None) => None,
            (_, Some(source)) => read(context, &source, name, option.key)?,
        };
        if let Some(value) = value {
            options = options.set(option.key, value);
        }
    }
    Ok(options)
}

/// What config.toml says, else the provider's own variable.
fn source(context: &Context, name: &str, option: &ProviderOption) -> Option<OptionSource> {
    let configured = context.config.provider(name);
    configured
        .and_then(|provider| provider.option(option.key))
        .or_else(|| {
            option
                .variable
                .map(|name| OptionSource::Variable(name.to_owned()))
        })
}

fn is_there(source: &OptionSource) -> bool {
    match source {
        OptionSource::Text(text) => !text.is_empty(),
        OptionSource::File(path) => fs::metadata(expanded(path)).is_ok(),
        OptionSource::Variable(name) => env::var_os(name).is_some_and(|value| !value.is_empty()),
    }
}

fn read(context: &Context, source: &OptionSource, name: &str, key: &str) -> Result<Option<String>> {
    match source {
        OptionSource::Text(text) => Ok(Some(text.clone())),
        OptionSource::Variable(variable) => Ok(env::var(variable).ok()),
        OptionSource::File(path) => match fs::read_to_string(expanded(path)) {
            Ok(text) => Ok(Some(text.trim().to_owned())),
            Err(error) => Err(Error::new(
                ErrorKind::Invalid,
                format!(
                    "{}: {key}_file of the provider {name:?} is {path:?}, which cannot be read",
                    context.config.path().display()
                ),
            )
            .with_source(error)),
        },
    }
}

/// With the keys that config.toml names, else with those that are made.
fn open_data_dir(context: &Context, name: &str) -> Result<DataDir> {
    let path = data_dir(context, name);
    let configured = context.config.provider(name);
    let Some(identity) = configured.and_then(|provider| provider.identity.as_deref()) else {
        return DataDir::open(path);
    };
    let file = context.config.path().display();
    let told = format!("{file}: identity of the provider {name:?}");
    let keys = identity::client_keys(identity, &told)?;
    DataDir::open_with(path, &keys)
        .map_err(|error| error.with_note(format!("{told} is {identity:?}")))
}

/// The image of a host of that instance for which none is asked.
pub(crate) fn default_image(context: &Context, name: &str) -> Result<String> {
    Ok(settings(context, name).build()?.default_image.to_string())
}

fn settings(context: &Context, name: &str) -> SettingsBuilder {
    let mut settings = Settings::builder();
    if let Some(provider) = context.config.provider(name) {
        if let Some(plan) = &provider.plan {
            settings = settings.default_plan(plan);
        }
        if let Some(region) = &provider.region {
            settings = settings.default_region(region);
        }
        if let Some(os) = &provider.os {
            settings = settings.default_os(os);
        }
        if let Some(image) = &provider.image {
            settings = settings.default_image(image);
        }
    }
    settings
}
