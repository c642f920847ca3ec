//! Errors in Vultr's words: `{"error": text, "status": number}`.

use axum::http::StatusCode;
use serde_json::json;

use crate::cloud_sim::answer::Answer;
use crate::cloud_sim::refusal::{Counted, Reason, Refusal};

/// How every refusal ends that comes of a lock.
pub(super) const LOCKED: &str = "Server is currently locked";

const FEE_LIMIT: &str = "Server add failed: You have reached the maximum monthly fee limit for this account. \
                         To deploy additional services, please request a limit increase.";

/// Follows <https://www.vultr.com/api/#section/Introduction/Response-Codes>. There are no codes but the status: what
/// is wrong stands in the text alone.
pub(super) fn render(refusal: &Refusal) -> Answer {
    let status = match &refusal.reason {
        Reason::NameTaken
        | Reason::KeyTaken
        | Reason::BadRequest
        | Reason::Invalid
        | Reason::WrongPair
        | Reason::Capacity
        | Reason::Quota(_) => 400,
        Reason::ReadOnly | Reason::Protected => 403,
        Reason::Locked => 500,
        other => other.usual_status(),
    };
    let code = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    Answer::new(code, json!({"error": text(refusal), "status": status}))
}

fn text(refusal: &Refusal) -> String {
    let fixed = match (&refusal.reason, refusal.field) {
        (Reason::WrongPair, _) | (Reason::Invalid, Some("plan")) => "Invalid plan chosen.",
        (Reason::Invalid, Some("region")) => "Invalid region.",
        (Reason::Invalid, Some("keys")) => "Invalid SSH key.",
        (Reason::Quota(Counted::Instances), _) => FEE_LIMIT,
        (Reason::Capacity, _) => "plan is not available in the selected region",
        (Reason::RateLimited { .. }, _) => "rate limit exceeded",
        // The framework's own words; those of ours say what cannot be done.
        (Reason::Locked, _) if !refusal.message.ends_with(LOCKED) => LOCKED,
        _ => return refusal.message.clone(),
    };
    fixed.to_owned()
}
