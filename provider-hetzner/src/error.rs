//! What the API answers when it says no, in our words:
//! <https://docs.hetzner.cloud/reference/cloud#errors>.

use vps_docker_core::http::Refusal;
use vps_docker_core::{Error, ErrorKind};

use crate::wire::{Action, RefusalBody, RefusalError};

/// Makes an error of a refusal, by its code rather than by its status.
pub(crate) fn parse_error(refusal: &Refusal<'_>) -> Error {
    let Some(RefusalBody { error }) = refusal.json() else {
        return refusal.by_status(&refusal.text());
    };
    let words = Refusal::new(refusal.operation, refusal.status, &words(&error)).text();
    let parsed = match by_code(&error.code, &words, refusal.operation) {
        Some(parsed) => parsed,
        None => refusal.by_status(&words),
    };
    if error.code.is_empty() {
        parsed
    } else {
        parsed.with_provider_code(error.code)
    }
}

/// Whether something of that name, or that very key, is there already.
pub(crate) fn is_not_unique(error: &Error) -> bool {
    error.provider_code() == Some("uniqueness_error")
}

/// Makes an error of an action that failed.
pub(crate) fn of_action(action: &Action) -> Error {
    let told = action.error.clone().unwrap_or_default();
    let words = Refusal::new("", 0, &told.message).text();
    let error = by_code(&told.code, &words, "").unwrap_or_else(|| {
        Error::new(
            ErrorKind::Provider,
            format!("Hetzner could not carry out {}: {words}", command(action)),
        )
    });
    if told.code.is_empty() {
        error
    } else {
        error.with_provider_code(told.code)
    }
}

/// What an action that failed was to do, and why it did not: for people.
pub(crate) fn note_of_action(action: &Action) -> String {
    let told = action.error.clone().unwrap_or_default();
    let words = Refusal::new("", 0, &told.message).text();
    let code = match told.code.as_str() {
        "" => String::new(),
        code => format!(" ({code})"),
    };
    format!("{} failed: {words}{code}", command(action))
}

fn command(action: &Action) -> String {
    match action.command.as_str() {
        "" => format!("action {}", action.id),
        command => command.replace('_', " "),
    }
}

/// What a code means, where it says more than the status does.
fn by_code(code: &str, words: &str, operation: &str) -> Option<Error> {
    let new = |kind, text: &str| Error::new(kind, format!("{text}: {words}"));
    Some(match code {
        "unauthorized" => new(
            ErrorKind::Auth,
            "Hetzner does not accept the token; make one in the Hetzner Console \
             (console.hetzner.com) under Security > API Tokens, with Read & Write, and give it as \
             the option \"token\" (HCLOUD_TOKEN)",
        ),
        "token_readonly" => new(
            ErrorKind::Permission,
            "the token may only read; make one with Read & Write in the Hetzner Console \
             (console.hetzner.com) under Security > API Tokens",
        ),
        "resource_limit_exceeded" => new(
            ErrorKind::Quota,
            "the limit of the Hetzner account is reached; remove what is not needed, or ask for \
             more in the Hetzner Console (console.hetzner.com) under Limits",
        ),
        "resource_unavailable" | "placement_error" | "no_space_left_in_location" => new(
            ErrorKind::Capacity,
            "Hetzner has no room for this just now; try another plan or region, or try again later",
        ),
        "uniqueness_error" if operation == "ensure_ssh_key" => new(
            ErrorKind::NameTaken,
            "an SSH key of this name is in the Hetzner project; remove it there, or choose another \
             name",
        ),
        "uniqueness_error" if operation == "firewall" => new(
            ErrorKind::NameTaken,
            "a firewall of this name, which is not ours, is in the Hetzner project; rename it there",
        ),
        "uniqueness_error" => new(
            ErrorKind::NameTaken,
            "a server of this name is in the Hetzner project; choose another name, or destroy it \
             first",
        ),
        // What an order names must be there.
        "not_found" if operation == "create_instance" => new(
            ErrorKind::Invalid,
            "Hetzner does not know the plan, image, region or SSH key; look them up in the \
             catalogue",
        ),
        "not_found" | "firewall_resource_not_found" => {
            new(ErrorKind::NotFound, "Hetzner knows no such thing")
        }
        "invalid_input" if words.contains("unsupported location") => new(
            ErrorKind::Invalid,
            "the plan is not offered in this region; choose one of those the catalogue names for it",
        ),
        "invalid_input" | "json_error" => new(ErrorKind::Invalid, "Hetzner refuses the request"),
        "locked" | "resource_in_use" => new(
            ErrorKind::Locked,
            "Hetzner is at work on it just now; try again in a moment",
        )
        .retryable(),
        "protected" => new(
            ErrorKind::Locked,
            "it is protected; lift the protection in the Hetzner Console (console.hetzner.com) first",
        ),
        "maintenance" => new(
            ErrorKind::Provider,
            "Hetzner does maintenance on it just now; try again later",
        )
        .retryable(),
        "rate_limit_exceeded" => new(
            ErrorKind::RateLimited,
            "the Hetzner project has used up its requests of this hour",
        )
        .retryable(),
        "service_error" => new(ErrorKind::Provider, "a service of Hetzner's failed"),
        "unsupported_error" => new(ErrorKind::Unsupported, "Hetzner cannot do this with it"),
        "deprecated_api_endpoint" | "method_not_allowed" => new(
            ErrorKind::Unsupported,
            "Hetzner has withdrawn this part of its API; use a newer version of vps-docker",
        ),
        _ => return None,
    })
}

/// The message, with the fields or limits it is about.
fn words(error: &RefusalError) -> String {
    let mut words = error.message.clone();
    for field in &error.details.fields {
        if field.name == "user_data" {
            // Whatever is said of it may repeat it.
            return "the field user_data, which is the cloud-init document, is refused".to_owned();
        }
        for message in &field.messages {
            if !words.contains(message.as_str()) {
                words = format!("{words}, {} {message}", field.name);
            }
        }
    }
    let limits: Vec<&str> = error
        .details
        .limits
        .iter()
        .map(|limit| &*limit.name)
        .collect();
    if limits.is_empty() {
        words
    } else {
        format!("{words} ({})", limits.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(operation: &'static str, status: u16, code: &str, message: &str) -> Error {
        let body = serde_json::json!({ "error": { "code": code, "message": message } });
        parse_error(&Refusal::new(operation, status, &body.to_string()))
    }

    #[test]
    fn codes_have_their_kinds() {
        use ErrorKind::*;
        for (status, code, message, kind, retryable) in [
            (400, "json_error", "invalid JSON", Invalid, false),
            (401, "unauthorized", "unable to authenticate", Auth, false),
            (401, "token_readonly", "only GET", Permission, false),
            (
                403,
                "forbidden",
                "insufficient permissions",
                Permission,
                false,
            ),
            (403, "maintenance", "maintenance", Provider, true),
            (
                403,
                "resource_limit_exceeded",
                "server limit reached",
                Quota,
                false,
            ),
            (404, "not_found", "server not found", NotFound, false),
            (405, "method_not_allowed", "no", Unsupported, false),
            (
                409,
                "uniqueness_error",
                "server name is already used",
                NameTaken,
                false,
            ),
            (409, "conflict", "please retry", Locked, true),
            (
                410,
                "deprecated_api_endpoint",
                "removed",
                Unsupported,
                false,
            ),
            (
                412,
                "resource_unavailable",
                "location disabled",
                Capacity,
                false,
            ),
            (412, "primary_ip_version_mismatch", "wrong", Provider, false),
            (
                422,
                "placement_error",
                "error during placement",
                Capacity,
                false,
            ),
            (
                422,
                "invalid_input",
                "invalid input in field 'name'",
                Invalid,
                false,
            ),
            (422, "service_error", "error", Provider, false),
            (422, "unsupported_error", "no", Unsupported, false),
            (422, "resource_in_use", "still applied", Locked, true),
            (422, "firewall_resource_not_found", "gone", NotFound, false),
            (423, "locked", "server is locked", Locked, true),
            (423, "protected", "server is protected", Locked, false),
            (
                429,
                "rate_limit_exceeded",
                "limit reached",
                RateLimited,
                true,
            ),
            (500, "server_error", "oops", Provider, true),
            (502, "bad_gateway", "oops", Provider, true),
            (503, "unavailable", "not available", Provider, true),
            (504, "timeout", "request timeout", Timeout, true),
            (422, "a_new_code", "something new", Invalid, false),
        ] {
            let error = refused("x", status, code, message);
            assert_eq!(
                (error.kind(), error.is_retryable()),
                (kind, retryable),
                "{code}"
            );
            assert_eq!(error.provider_code(), Some(code));
            assert!(error.to_string().contains(message), "{error}");
        }
    }

    #[test]
    fn an_answer_without_a_code_goes_by_its_status() {
        for (status, body, kind) in [
            (502, "<html>Bad Gateway</html>", ErrorKind::Provider),
            (401, "", ErrorKind::Auth),
            (404, r#"{"error":null}"#, ErrorKind::NotFound),
            (409, r#"{"error":{"code":7}}"#, ErrorKind::Locked),
        ] {
            let error = parse_error(&Refusal::new("x", status, body));
            assert_eq!(error.kind(), kind, "{body}");
            assert_eq!(error.provider_code(), Some(&*status.to_string()));
        }
    }

    #[test]
    fn what_an_order_names_and_is_not_there_is_invalid_input() {
        let error = refused("create_instance", 404, "not_found", "image not found");
        assert_eq!(error.kind(), ErrorKind::Invalid);
        let wrong_pair = "unsupported location for server type";
        let error = refused("create_instance", 422, "invalid_input", wrong_pair);
        assert!(
            error.to_string().contains("not offered in this region"),
            "{error}"
        );
    }

    #[test]
    fn fields_and_limits_are_named_and_the_cloud_init_document_is_not_repeated() {
        let parse = |details| {
            let error = serde_json::json!({
                "error": { "code": "invalid_input", "message": "invalid: marked", "details": details }
            });
            parse_error(&Refusal::new("x", 422, &error.to_string())).to_string()
        };
        let fields = parse(serde_json::json!({
            "fields": [{ "name": "name", "messages": ["is too long", 7] }]
        }));
        assert!(
            fields.contains("invalid: marked, name is too long"),
            "{fields}"
        );
        let limits = parse(serde_json::json!({ "limits": [{ "name": "project_limit" }] }));
        assert!(limits.contains("(project_limit)"), "{limits}");
        let secret = parse(serde_json::json!({
            "fields": [{ "name": "user_data", "messages": ["marked"] }]
        }));
        assert!(!secret.contains("marked"), "{secret}");
    }

    #[test]
    fn an_action_that_failed_says_what_and_why() {
        let action = |error| {
            let json = serde_json::json!({
                "id": 1, "command": "create_server", "status": "error", "error": error
            });
            serde_json::from_value::<Action>(json).expect("an action")
        };
        let no_room = action(serde_json::json!({
            "code": "resource_unavailable", "message": "none left"
        }));
        assert_eq!(of_action(&no_room).kind(), ErrorKind::Capacity);
        assert_eq!(
            note_of_action(&no_room),
            "create server failed: none left (resource_unavailable)"
        );
        let unknown = action(serde_json::Value::Null);
        assert_eq!(of_action(&unknown).kind(), ErrorKind::Provider);
        assert_eq!(
            note_of_action(&unknown),
            "create server failed: no reason given"
        );
    }
}
