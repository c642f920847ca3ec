//! Errors in Contabo's words: `{"statusCode", "message"}`. No page tells them; these are the ones that users of
//! the official clients have reported.

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::cloud_sim::answer::Answer;
use crate::cloud_sim::refusal::{Counted, Reason, Refusal};

pub(super) fn render(refusal: &Refusal) -> Answer {
    let own = refusal.message.clone();
    let (status, message) = match &refusal.reason {
        Reason::Invalid => (400, field_message(refusal)),
        // What does not even fit the document comes as a list.
        Reason::BadRequest => (400, json!([own])),
        Reason::Unauthorized => (401, json!("Unauthorized")),
        Reason::ReadOnly => (403, json!("Forbidden")),
        Reason::Quota(Counted::Instances) => {
            (402, json!("Total instances exceed the total max limit"))
        }
        Reason::Quota(Counted::Snapshots) => (402, json!(own)),
        Reason::NotFound => (404, json!(own)),
        Reason::NoSuchOperation | Reason::MethodNotAllowed => (404, json!("Cannot find this path")),
        Reason::NameTaken | Reason::KeyTaken | Reason::Locked | Reason::Protected => {
            (409, json!(own))
        }
        Reason::WrongPair | Reason::Capacity => {
            (422, json!("The product is not available in this region"))
        }
        Reason::RateLimited { .. } => (429, json!("Too Many Requests")),
        Reason::Injected(status) => (*status, json!(usual_message(*status))),
        Reason::Own(status, _) => (*status, json!(own)),
    };
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    Answer::new(
        status,
        json!({"statusCode": status.as_u16(), "message": message}),
    )
}

/// What the framework calls a field, in the words of the API.
fn field_message(refusal: &Refusal) -> Value {
    let field = match refusal.field {
        Some("plan") => "productId",
        Some("image") => "imageId",
        Some("keys") => "sshKeys",
        Some("user_data") => "userData",
        Some(other) => other,
        None => return json!(format!("Bad Request {}", refusal.message)),
    };
    json!(format!("Bad Request {field} is wrong: {}", refusal.message))
}

fn usual_message(status: u16) -> &'static str {
    match status {
        400 => "Bad Request",
        401 => "Unauthorized",
        402 => "Payment Required",
        403 => "Forbidden",
        404 => "Not Found",
        409 => "Conflict",
        422 => "Unprocessable Entity",
        429 => "Too Many Requests",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "Internal Server Error, retry or contact support",
    }
}
