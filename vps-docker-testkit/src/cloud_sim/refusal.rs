use axum::response::{IntoResponse, Response};

/// Why a call is refused, before any cloud has put it into its words: [`Cloud::render`](super::cloud::Cloud::render).
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    pub(crate) reason: Reason,
    /// For people, as a sentence without a full stop.
    pub(crate) message: String,
    /// The field of the request that is to blame.
    pub(crate) field: Option<&'static str>,
}

/// The reasons that several clouds have. One that only one of them has is [`Reason::Own`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// No token, or a wrong one.
    Unauthorized,
    /// The token may only read.
    ReadOnly,
    /// There is no such thing.
    NotFound,
    /// There is no such path.
    NoSuchOperation,
    /// The path is there, the method is not.
    MethodNotAllowed,
    /// The request does not fit the document of the API, or is no JSON.
    BadRequest,
    /// The request fits the document and makes no sense all the same.
    Invalid,
    /// The name is taken.
    NameTaken,
    /// The SSH key is there already.
    KeyTaken,
    /// The account may have no more of this.
    Quota(Counted),
    /// No machine of the plan is free in the region.
    Capacity,
    /// The plan is not sold in the region.
    WrongPair,
    /// Something else works on it.
    Locked,
    /// It is protected from being removed.
    Protected,
    /// Too many requests; seconds to wait, where they are told.
    RateLimited {
        /// As it stands in the header.
        retry_after: Option<u64>,
    },
    /// A fault that was ordered at `_sim/faults`.
    Injected(u16),
    /// A status and code of the cloud's own.
    Own(u16, &'static str),
}

/// What quotas count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Counted {
    Instances,
    Snapshots,
}

impl Refusal {
    pub(crate) fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self {
            reason,
            message: message.into(),
            field: None,
        }
    }

    /// There is no such thing; `what` is "server" or the like.
    pub(crate) fn not_found(what: &str) -> Self {
        Self::new(Reason::NotFound, format!("{what} not found"))
    }

    /// A field that makes no sense.
    pub(crate) fn invalid(field: &'static str, message: impl Into<String>) -> Self {
        Self::new(Reason::Invalid, message).at(field)
    }

    pub(crate) fn at(mut self, field: &'static str) -> Self {
        self.field = Some(field);
        self
    }
}

/// A response that still has to be put into the cloud's words, which the pipeline does.
impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = Response::default();
        response.extensions_mut().insert(self);
        response
    }
}
