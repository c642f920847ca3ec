//! The client of a provider, with what this program's environment says of it.

use std::env;
use std::sync::Arc;

use vps_docker::registry::Registration;
use vps_docker::{DataDir, ProviderOptions, Registry, Result, VpsClient};

/// Reads the variables that the provider names: its credentials and its endpoint.
pub(crate) fn client(
    provider: &str,
    data_dir: &DataDir,
    allow_order: bool,
) -> Result<Arc<dyn VpsClient>> {
    let registry = Registry::linked()?;
    let options = match registry.find(provider) {
        Some(registration) => options(registration, data_dir, allow_order),
        None => ProviderOptions::new(),
    };
    registry.client(provider, &options)
}

fn options(registration: &Registration, data_dir: &DataDir, allow_order: bool) -> ProviderOptions {
    let mut options = ProviderOptions::new();
    for option in registration.options {
        let value = match option.key {
            "data_dir" => Some(data_dir.path().display().to_string()),
            "allow_order" => Some(allow_order.to_string()),
            _ => option.variable.and_then(|name| env::var(name).ok()),
        };
        if let Some(value) = value {
            options = options.set(option.key, value);
        }
    }
    options
}
