use std::error::Error as StdError;
use std::fmt;

use crate::model::{InstanceId, printable};

/// Shorthand for results of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, where, and what to do next.
///
/// The text is a lower-case fragment meant for the user; the technical cause is in
/// [`source`](StdError::source) and not repeated in the text.
#[derive(Debug)]
pub struct Error(Box<Inner>);

#[derive(Debug)]
struct Inner {
    kind: ErrorKind,
    message: String,
    retryable: bool,
    unclear: bool,
    request_id: Option<String>,
    provider_code: Option<String>,
    operation: Option<String>,
    host: Option<String>,
    instance: Option<InstanceId>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

/// The kinds of failure a caller may want to tell apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The credentials were refused.
    Auth,
    /// The credentials are good but may not do this.
    Permission,
    /// There is no such thing.
    NotFound,
    /// The name is in use.
    NameTaken,
    /// The input is wrong; nothing was sent.
    Invalid,
    /// The account's quota is used up.
    Quota,
    /// The provider has no machine of this kind free just now.
    Capacity,
    /// The provider asks for patience.
    RateLimited,
    /// Something else works on the same thing just now.
    Locked,
    /// The account cannot pay, or the cost was not consented to.
    Payment,
    /// A deadline passed.
    Timeout,
    /// No connection.
    Unreachable,
    /// A machine presented another host key than the pinned one.
    HostKeyMismatch,
    /// The bootstrap on the VPS reported a failure.
    Bootstrap,
    /// Docker on the VPS refused.
    Docker,
    /// A record or a state on disk is not what it must be.
    State,
    /// The provider cannot do this.
    Unsupported,
    /// The caller cancelled.
    Cancelled,
    /// The provider failed in a way that is none of the others.
    Provider,
}

impl ErrorKind {
    /// The kind's name in machine output.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Auth => "auth",
            Self::Permission => "permission",
            Self::NotFound => "not_found",
            Self::NameTaken => "name_taken",
            Self::Invalid => "invalid",
            Self::Quota => "quota",
            Self::Capacity => "capacity",
            Self::RateLimited => "rate_limited",
            Self::Locked => "locked",
            Self::Payment => "payment",
            Self::Timeout => "timeout",
            Self::Unreachable => "unreachable",
            Self::HostKeyMismatch => "host_key_mismatch",
            Self::Bootstrap => "bootstrap",
            Self::Docker => "docker",
            Self::State => "state",
            Self::Unsupported => "unsupported",
            Self::Cancelled => "cancelled",
            Self::Provider => "provider",
        }
    }
}

impl Error {
    /// An error that no retry helps.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            kind,
            message: message.into(),
            retryable: false,
            unclear: false,
            request_id: None,
            provider_code: None,
            operation: None,
            host: None,
            instance: None,
            source: None,
        }))
    }

    /// The answer of a [`VpsClient`](crate::VpsClient) method that a provider does not have.
    pub fn unsupported(provider: &str, operation: &str) -> Self {
        Self::new(
            ErrorKind::Unsupported,
            format!("the provider {provider:?} has no {operation}"),
        )
        .with_operation(operation)
    }

    /// Says that the same call may succeed later.
    #[must_use]
    pub fn retryable(mut self) -> Self {
        self.0.retryable = true;
        self
    }

    /// Says that the call may have been carried out although it failed: the connection broke after
    /// the request was sent, or the answer could not be understood.
    #[must_use]
    pub fn unclear(mut self) -> Self {
        self.0.unclear = true;
        self
    }

    /// Adds the id that the provider gave the request, for its support.
    #[must_use]
    pub fn with_request_id(mut self, id: impl Into<String>) -> Self {
        self.0.request_id = Some(id.into());
        self
    }

    /// Adds the provider's own code or status.
    #[must_use]
    pub fn with_provider_code(mut self, code: impl Into<String>) -> Self {
        self.0.provider_code = Some(code.into());
        self
    }

    /// Adds what was being done; the innermost one stays.
    #[must_use]
    pub fn with_operation(mut self, operation: impl Into<String>) -> Self {
        self.0.operation.get_or_insert_with(|| operation.into());
        self
    }

    /// Adds the host concerned; the innermost one stays.
    #[must_use]
    pub fn with_host(mut self, host: impl fmt::Display) -> Self {
        self.0.host.get_or_insert_with(|| host.to_string());
        self
    }

    /// Adds the instance concerned; the innermost one stays.
    #[must_use]
    pub fn with_instance(mut self, instance: &InstanceId) -> Self {
        self.0.instance.get_or_insert_with(|| instance.clone());
        self
    }

    /// Adds the technical cause.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// Appends what the user has to know besides, such as what a failed rollback left behind.
    #[must_use]
    pub fn with_note(mut self, note: impl fmt::Display) -> Self {
        self.0.message = format!("{}; {note}", self.0.message);
        self
    }

    /// The kind of failure.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Whether the same call may succeed later.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        self.0.retryable
    }

    /// Whether the call may have been carried out although it failed: look before it is made again.
    #[must_use]
    pub fn is_unclear(&self) -> bool {
        self.0.unclear
    }

    /// The id that the provider gave the request.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        self.0.request_id.as_deref()
    }

    /// The provider's own code or status.
    #[must_use]
    pub fn provider_code(&self) -> Option<&str> {
        self.0.provider_code.as_deref()
    }

    /// What was being done.
    #[must_use]
    pub fn operation(&self) -> Option<&str> {
        self.0.operation.as_deref()
    }

    /// The host concerned.
    #[must_use]
    pub fn host(&self) -> Option<&str> {
        self.0.host.as_deref()
    }

    /// The instance concerned: what to look for in the provider's console.
    #[must_use]
    pub fn instance(&self) -> Option<&InstanceId> {
        self.0.instance.as_ref()
    }
}

/// Words of a VPS, a container or a provider may be in it: what could steer a terminal is taken out.
impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = &self.0;
        let mut text = inner.message.clone();
        let mut place = Vec::new();
        if let Some(host) = &inner.host {
            place.push(format!("host {host}"));
        }
        if let Some(instance) = &inner.instance {
            place.push(format!("instance {instance}"));
        }
        if let Some(operation) = &inner.operation {
            place.push(format!("during {operation}"));
        }
        if let Some(code) = &inner.provider_code {
            place.push(format!("provider code {code}"));
        }
        if let Some(id) = &inner.request_id {
            place.push(format!("request {id}"));
        }
        if !place.is_empty() {
            text += &format!(" ({})", place.join(", "));
        }
        f.write_str(&printable(&text))
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}
