//! Errors in DigitalOcean's words: `{"id", "message", "request_id"}`.

use std::sync::atomic::{AtomicU64, Ordering};

use axum::http::StatusCode;
use serde_json::json;

use crate::cloud_sim::answer::Answer;
use crate::cloud_sim::id::Id;
use crate::cloud_sim::refusal::{Counted, Reason, Refusal};

/// What cannot be carried out although it is understood: most refusals have this id, and only the text tells them
/// apart.
pub(super) const UNPROCESSABLE: Reason = Reason::Own(422, "unprocessable_entity");

/// Such a refusal.
pub(super) fn unprocessable(message: impl Into<String>) -> Refusal {
    Refusal::new(UNPROCESSABLE, message)
}

/// Follows <https://docs.digitalocean.com/reference/api/api-reference/#section/Introduction/HTTP-Statuses> and, for
/// the texts of 422, what users of the API have reported.
pub(super) fn render(refusal: &Refusal) -> Answer {
    let (status, id) = match &refusal.reason {
        Reason::Unauthorized => (401, "unauthorized"),
        Reason::ReadOnly => (403, "forbidden"),
        Reason::NotFound | Reason::NoSuchOperation => (404, "not_found"),
        Reason::MethodNotAllowed => (405, "method_not_allowed"),
        Reason::BadRequest => (400, "bad_request"),
        Reason::NameTaken => (409, "conflict"),
        Reason::Invalid
        | Reason::KeyTaken
        | Reason::Quota(_)
        | Reason::Capacity
        | Reason::WrongPair
        | Reason::Locked
        | Reason::Protected => (422, "unprocessable_entity"),
        Reason::RateLimited { .. } => (429, "too_many_requests"),
        Reason::Injected(status) => (*status, id_of(*status)),
        Reason::Own(status, id) => (*status, *id),
    };
    let mut error = json!({"id": id, "message": text(refusal)});
    if !matches!(status, 401 | 404 | 429) {
        error["request_id"] = request_id().into();
    }
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    Answer::new(status, error)
}

fn text(refusal: &Refusal) -> &str {
    match (&refusal.reason, refusal.field) {
        (Reason::Unauthorized, _) => "Unable to authenticate you.",
        (Reason::ReadOnly, _) => "You do not have access for the attempted action.",
        (Reason::NotFound | Reason::NoSuchOperation, _) => {
            "The resource you requested could not be found."
        }
        (Reason::KeyTaken, _) => "SSH Key is already in use on your account",
        (Reason::WrongPair, _) => "Size is not available in this region.",
        (Reason::Locked, _) => "Droplet already has a pending event.",
        (Reason::Quota(Counted::Instances), _) => {
            "creating this/these droplet(s) will exceed your droplet limit"
        }
        (Reason::RateLimited { .. }, _) => "API rate limit exceeded.",
        (Reason::Invalid, Some("plan")) => "You specified an invalid size for Droplet creation.",
        (Reason::Invalid, Some("region")) => {
            "You specified an invalid region for Droplet creation."
        }
        _ => &refusal.message,
    }
}

/// The id that goes with a status, where a fault says only the status.
fn id_of(status: u16) -> &'static str {
    match status {
        400 => "bad_request",
        401 => "unauthorized",
        402 => "payment_required",
        403 => "forbidden",
        404 => "not_found",
        409 => "conflict",
        412 => "precondition_failed",
        422 => "unprocessable_entity",
        429 => "too_many_requests",
        503 => "service_unavailable",
        _ => "server_error",
    }
}

fn request_id() -> String {
    static LAST: AtomicU64 = AtomicU64::new(0);
    Id(LAST.fetch_add(1, Ordering::Relaxed)).uuid()
}
