//! Errors in Hetzner's words: `{"error": {"code", "message", "details"}}`.

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::cloud_sim::answer::Answer;
use crate::cloud_sim::refusal::{Counted, Reason, Refusal};

/// Follows the table of error codes at <https://docs.hetzner.cloud/#errors>.
pub(super) fn render(refusal: &Refusal) -> Answer {
    let message = refusal.message.as_str();
    let field = refusal.field.map(field_name);
    let fields = |messages: bool| {
        field.map(|name| {
            if messages {
                json!({"fields": [{"name": name, "messages": [message]}]})
            } else {
                json!({"fields": [{"name": name}]})
            }
        })
    };
    let (status, code, details) = match &refusal.reason {
        Reason::Unauthorized => (401, "unauthorized", None),
        Reason::ReadOnly => (401, "token_readonly", None),
        Reason::NotFound | Reason::NoSuchOperation => (404, "not_found", None),
        Reason::MethodNotAllowed => (405, "method_not_allowed", None),
        Reason::BadRequest => (400, "invalid_input", None),
        Reason::Invalid | Reason::WrongPair => (422, "invalid_input", fields(true)),
        Reason::NameTaken | Reason::KeyTaken => (409, "uniqueness_error", fields(false)),
        Reason::Quota(counted) => {
            let name = match counted {
                Counted::Instances => "server_limit",
                Counted::Snapshots => "snapshot_limit",
            };
            let details = json!({"limits": [{"name": name}]});
            (403, "resource_limit_exceeded", Some(details))
        }
        Reason::Capacity => (412, "resource_unavailable", None),
        Reason::Locked => (423, "locked", None),
        Reason::Protected => (423, "protected", None),
        Reason::RateLimited { .. } => (429, "rate_limit_exceeded", None),
        Reason::Injected(status) => (*status, code_of(*status), None),
        Reason::Own(status, code) => (*status, *code, None),
    };
    let message = match &refusal.reason {
        Reason::WrongPair => "unsupported location for server type".to_owned(),
        Reason::Invalid => match field {
            Some(field) => format!("invalid input in field '{field}': {message}"),
            None => message.to_owned(),
        },
        _ => message.to_owned(),
    };
    let mut error = json!({"code": code, "message": message});
    error["details"] = details.unwrap_or(Value::Null);
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    Answer::new(status, json!({"error": error}))
}

/// What the framework calls a field, in the words of the API.
fn field_name(field: &'static str) -> &'static str {
    match field {
        "plan" => "server_type",
        "region" => "location",
        "keys" => "ssh_keys",
        other => other,
    }
}

/// The code that goes with a status, where a fault says only the status.
fn code_of(status: u16) -> &'static str {
    match status {
        400 => "json_error",
        401 => "unauthorized",
        403 => "forbidden",
        404 => "not_found",
        405 => "method_not_allowed",
        409 => "conflict",
        410 => "deprecated_api_endpoint",
        412 => "resource_unavailable",
        422 => "service_error",
        423 => "locked",
        429 => "rate_limit_exceeded",
        502 => "bad_gateway",
        503 => "unavailable",
        504 => "timeout",
        _ => "server_error",
    }
}
