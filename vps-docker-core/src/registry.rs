//! The provider registry: names to provider crates, filled by `inventory` at link time.
//!
//! A provider crate registers like this:
//!
//! ```ignore
//! pub fn register(registry: &mut Registry) -> Result<()> {
//!     registry.add(Registration { name: "acme", description: "…", build })
//! }
//! inventory::submit!(Linked(register));
//! ```
//!
//! A crate that nobody names is dropped by the linker, its entry with it: a program that embeds a
//! provider says `use provider_acme as _;` (the facade `vps-docker` does so under its features).

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};

use crate::client::VpsClient;
use crate::error::{Error, ErrorKind, Result};
use crate::model::near_matches;

pub use inventory;

/// A provider crate's `register` function, as handed to [`inventory::submit!`].
pub struct Linked(pub fn(&mut Registry) -> Result<()>);

inventory::collect!(Linked);

/// How a provider is called and made.
#[derive(Clone, Copy)]
pub struct Registration {
    /// The name users write, such as `local`.
    pub name: &'static str,
    /// One line for people.
    pub description: &'static str,
    /// The options that [`build`](Self::build) knows. Those that are required are checked for by
    /// [`Registry::client`], unknown ones refused.
    pub options: &'static [ProviderOption],
    /// Makes a client of its options. No I/O: a wrong option is refused, a wrong token is found
    /// out by the first call.
    pub build: fn(&ProviderOptions) -> Result<Arc<dyn VpsClient>>,
}

/// An option of a provider, as data: from it a program learns which variables to read and what to
/// ask its user for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProviderOption {
    /// Its key in [`ProviderOptions`].
    pub key: &'static str,
    /// The environment variable by which programs take it, where there is one. The library reads
    /// none.
    pub variable: Option<&'static str>,
    /// Whether there is a doing without it.
    pub need: Need,
    /// What it is and, of a credential, where one is made.
    pub help: &'static str,
}

/// Whether there is a doing without an option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// It can be left out.
    Optional,
    /// It cannot.
    Required,
    /// It cannot, and it is a secret that lets in.
    Credential,
}

impl ProviderOption {
    /// An option that can be left out.
    #[must_use]
    pub const fn optional(key: &'static str, help: &'static str) -> Self {
        Self {
            key,
            variable: None,
            need: Need::Optional,
            help,
        }
    }

    /// An option that cannot be left out.
    #[must_use]
    pub const fn required(key: &'static str, help: &'static str) -> Self {
        Self {
            need: Need::Required,
            ..Self::optional(key, help)
        }
    }

    /// A secret that cannot be left out; `help` says where one is made.
    #[must_use]
    pub const fn credential(key: &'static str, help: &'static str) -> Self {
        Self {
            need: Need::Credential,
            ..Self::optional(key, help)
        }
    }

    /// Programs take it from this variable.
    #[must_use]
    pub const fn variable(self, name: &'static str) -> Self {
        Self {
            variable: Some(name),
            ..self
        }
    }
}

impl fmt::Debug for Registration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registration")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// Options of a provider as its crate documents them: tokens, endpoints, switches. All are treated
/// as secrets: Debug shows the keys only.
#[derive(Clone, Debug, Default)]
pub struct ProviderOptions(BTreeMap<String, SecretString>);

impl ProviderOptions {
    /// No options.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets one option; the last one of a name wins.
    #[must_use]
    pub fn set(mut self, key: impl Into<String>, value: impl Into<SecretString>) -> Self {
        self.0.insert(key.into(), value.into());
        self
    }

    /// The option of that name.
    #[must_use]
    pub fn value(&self, key: &str) -> Option<&SecretString> {
        self.0.get(key)
    }

    /// The option of that name as text, for what is no secret.
    #[must_use]
    pub fn text(&self, key: &str) -> Option<&str> {
        self.value(key).map(ExposeSecret::expose_secret)
    }

    /// The option of that name as a truth value; `false` when it is absent.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] for anything but `true` and `false`.
    pub fn switch(&self, key: &str) -> Result<bool> {
        self.text(key).map_or(Ok(false), |text| {
            text.parse().map_err(|_| {
                Error::new(
                    ErrorKind::Invalid,
                    format!("{key} is {text:?}; write true or false"),
                )
            })
        })
    }

    /// The option of that name as a number; blanks around it do not matter.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] for anything that is no finite number.
    pub fn number(&self, key: &str) -> Result<Option<f64>> {
        let Some(text) = self.text(key) else {
            return Ok(None);
        };
        match text.trim().parse() {
            Ok(number) if f64::is_finite(number) => Ok(Some(number)),
            _ => Err(Error::new(
                ErrorKind::Invalid,
                format!("{key} is {text:?}; write a number such as 0.5"),
            )),
        }
    }

    /// Refuses options that the provider does not know.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] with near matches.
    pub fn check_known(&self, known: &[ProviderOption]) -> Result<()> {
        let known: Vec<&str> = known.iter().map(|option| option.key).collect();
        match self.0.keys().find(|key| !known.contains(&key.as_str())) {
            None => Ok(()),
            Some(key) => Err(Error::new(
                ErrorKind::Invalid,
                format!(
                    "unknown provider option {key:?}{}",
                    near_matches(key, &known)
                ),
            )),
        }
    }

    /// Refuses to go on without what is needed, and with a credential that cannot be one: of several lines,
    /// as a slip of copying makes it.
    ///
    /// # Errors
    /// [`ErrorKind::Auth`] for a credential, with where to get it; else [`ErrorKind::Invalid`].
    pub fn check_complete(&self, provider: &str, known: &[ProviderOption]) -> Result<()> {
        for option in known {
            let text = self.text(option.key).unwrap_or_default().trim();
            let ProviderOption {
                key,
                variable,
                need,
                help,
            } = option;
            let kind = match need {
                Need::Credential => ErrorKind::Auth,
                Need::Required | Need::Optional => ErrorKind::Invalid,
            };
            let named = || variable.map_or(format!("{key:?}"), |name| format!("{key:?} ({name})"));
            if text.is_empty() && *need != Need::Optional {
                let message = format!(
                    "the provider {provider:?} needs the option {}: {help}",
                    named()
                );
                return Err(Error::new(kind, message));
            }
            if text.contains(char::is_control) && *need == Need::Credential {
                let message = format!(
                    "the option {} of the provider {provider:?} has several lines or a control character in \
                     it; copy it again: {help}",
                    named()
                );
                return Err(Error::new(kind, message));
            }
        }
        Ok(())
    }
}

/// The providers a program knows.
#[derive(Clone, Debug, Default)]
pub struct Registry(BTreeMap<&'static str, Registration>);

impl Registry {
    /// No providers: add them one by one with their `register` functions.
    #[must_use]
    pub fn empty() -> Self {
        Self::default()
    }

    /// All providers linked into this program.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] when two crates claim one name.
    pub fn linked() -> Result<Self> {
        let mut registry = Self::empty();
        for Linked(register) in inventory::iter::<Linked> {
            register(&mut registry)?;
        }
        Ok(registry)
    }

    /// Adds a provider.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] when the name is taken.
    pub fn add(&mut self, registration: Registration) -> Result<()> {
        if self.0.contains_key(registration.name) {
            return Err(Error::new(
                ErrorKind::Invalid,
                format!("two providers are registered as {:?}", registration.name),
            ));
        }
        self.0.insert(registration.name, registration);
        Ok(())
    }

    /// All providers by name.
    pub fn iter(&self) -> impl Iterator<Item = &Registration> {
        self.0.values()
    }

    /// Makes a client of the named provider.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] for an unknown name (with the known ones) or unfit options.
    pub fn client(&self, name: &str, options: &ProviderOptions) -> Result<Arc<dyn VpsClient>> {
        let Some(registration) = self.0.get(name) else {
            let known: Vec<&str> = self.0.keys().copied().collect();
            let hint = if known.is_empty() {
                "; none is linked in: name the provider crate in your program, \
                 for instance `use provider_local as _;`"
                    .to_owned()
            } else {
                near_matches(name, &known)
            };
            return Err(Error::new(
                ErrorKind::Invalid,
                format!("unknown provider {name:?}{hint}"),
            ));
        };
        options.check_known(registration.options)?;
        options.check_complete(name, registration.options)?;
        (registration.build)(options)
    }

    /// The provider of that name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&Registration> {
        self.0.get(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPTIONS: &[ProviderOption] =
        &[ProviderOption::credential("token", "make one").variable("HETZNER")];

    fn registration(name: &'static str) -> Registration {
        Registration {
            name,
            description: "",
            options: OPTIONS,
            build: |_| Err(Error::new(ErrorKind::Unsupported, "only a name")),
        }
    }

    #[test]
    fn duplicates_are_refused_and_unknown_names_list_the_known() {
        let mut registry = Registry::empty();
        registry.add(registration("hetzner")).expect("first");
        registry.add(registration("hetzner")).expect_err("second");
        let error = registry
            .client("hetzer", &ProviderOptions::new())
            .expect_err("unknown");
        assert_eq!(
            error.to_string(),
            "unknown provider \"hetzer\"; did you mean hetzner?"
        );
    }

    #[test]
    fn what_is_missing_or_unknown_is_told_with_where_to_get_it() {
        let mut registry = Registry::empty();
        registry.add(registration("hetzner")).expect("first");
        let client = |options| registry.client("hetzner", &options).map(drop);
        let missing = client(ProviderOptions::new().set("token", " ")).expect_err("blank");
        assert_eq!(missing.kind(), ErrorKind::Auth);
        assert!(
            missing
                .to_string()
                .contains("\"token\" (HETZNER): make one"),
            "{missing}"
        );
        let lines = ProviderOptions::new().set("token", "marked\nX-Other: b");
        let error = client(lines).expect_err("no token");
        assert_eq!(error.kind(), ErrorKind::Auth);
        assert!(error.to_string().contains("copy it again"), "{error}");
        assert!(!error.to_string().contains("marked"), "{error}");
        let unknown = client(ProviderOptions::new().set("tokn", "x")).expect_err("unknown");
        assert!(
            unknown.to_string().contains("did you mean token"),
            "{unknown}"
        );
    }

    #[test]
    fn switches_and_numbers_are_read_or_refused_with_what_would_be_right() {
        let options = ProviderOptions::new()
            .set("on", "true")
            .set("half", " 0.5\n")
            .set("fast", "fast")
            .set("blank", "")
            .set("endless", "inf");
        assert!(options.switch("on").expect("legal"));
        assert!(!options.switch("none").expect("absent"));
        assert_eq!(options.number("half").expect("legal"), Some(0.5));
        assert_eq!(options.number("none").expect("absent"), None);
        for key in ["fast", "blank", "endless"] {
            for error in [
                options.number(key).expect_err(key),
                options.switch(key).expect_err(key),
            ] {
                assert_eq!(error.kind(), ErrorKind::Invalid);
                assert!(error.to_string().starts_with(key), "{error}");
            }
        }
        let error = options.number("fast").expect_err("a word");
        assert!(
            error.to_string().contains("a number such as 0.5"),
            "{error}"
        );
    }
}
