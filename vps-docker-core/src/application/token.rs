use data_encoding::HEXLOWER;
use rand_core::{OsRng, RngCore};
use secrecy::SecretString;

use super::Application;
use crate::error::Result;
use crate::lifecycle::VpsDockerProvider;
use crate::model::{Environment, HostSpec};
use crate::store::HostEntry;

/// What the application's host is to be, with the token of its hook, and that token.
///
/// The token is made once for a host and kept in the data directory beside the host's pins: another data directory
/// makes its own, which replaces the container.
pub(super) fn with_token(
    provider: &VpsDockerProvider,
    application: &Application,
) -> Result<(HostSpec, Option<SecretString>)> {
    let mut spec = application.spec.clone();
    let Some(hook) = &application.hook else {
        return Ok((spec, None));
    };
    let known = entry(provider, application).hook_token()?;
    let token = known.unwrap_or_else(random);
    let variables = spec.env.variables();
    let own = (hook.token_variable.clone(), token.clone());
    let variables = variables.map(|(name, value)| (name.to_owned(), value.clone()));
    spec.env = Environment::new(variables.chain([own]))?;
    Ok((spec, Some(token)))
}

/// Keeps the token of a host that is there.
pub(super) fn keep(
    provider: &VpsDockerProvider,
    application: &Application,
    token: &SecretString,
) -> Result<()> {
    entry(provider, application).keep_hook_token(token)
}

fn entry(provider: &VpsDockerProvider, application: &Application) -> HostEntry {
    let name = provider.client().provider_name();
    provider.data_dir().host_entry(name, &application.spec.name)
}

fn random() -> SecretString {
    let mut bytes = [0_u8; 32];
    OsRng.fill_bytes(&mut bytes);
    HEXLOWER.encode(&bytes).into()
}
