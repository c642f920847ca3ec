//! What the API refuses, in our words. The document declares no error body; what comes is
//! `{"statusCode": …, "message": …}`, with one message or a list of them.

use serde::Deserialize;
use serde_json::Value;
use vps_docker_core::http::Refusal;
use vps_docker_core::{Error, ErrorKind};

/// Makes an error of a refusal.
pub(crate) fn parse_error(refusal: &Refusal<'_>) -> Error {
    let words = words(refusal);
    let lower = words.to_lowercase();
    let says = |any: &[&str]| any.iter().any(|part| lower.contains(part));
    let coded = |kind, message: String| {
        Error::new(kind, message).with_provider_code(refusal.status.to_string())
    };
    match (refusal.status, refusal.operation) {
        (401, _) => coded(
            ErrorKind::Auth,
            format!(
                "Contabo does not accept the token it gave out ({words}); see whether client id, \
                 client secret, user and password (CNTB_OAUTH2_CLIENT_ID, CNTB_OAUTH2_CLIENT_SECRET, \
                 CNTB_OAUTH2_USER, CNTB_OAUTH2_PASS) are those of \
                 https://my.contabo.com/api/details"
            ),
        ),
        (403, _) => coded(
            ErrorKind::Permission,
            format!(
                "the API user may not do this ({words}); give it a role that allows it, or use the \
                 account's own user (users and roles: https://my.contabo.com)"
            ),
        ),
        (402, "create_snapshot") => snapshot_quota(&words, refusal),
        (402, operation) if operation.contains("firewall") => coded(
            ErrorKind::Payment,
            format!(
                "the firewall of this machine is an add-on that is not booked ({words}); book it at \
                 https://my.contabo.com, or do without"
            ),
        ),
        (400..=499, "create_snapshot") if says(&["limit", "maximum"]) => {
            snapshot_quota(&words, refusal)
        }
        (400..=499, "create_instance") if says(&["limit", "quota"]) && refusal.status != 429 => {
            coded(
                ErrorKind::Quota,
                format!(
                    "the account may have no more machines ({words}); ask Contabo's support for \
                     more, or destroy a host"
                ),
            )
        }
        (400 | 404 | 409 | 422, "create_instance")
            if says(&[
                "not available",
                "unavailable",
                "out of stock",
                "sold out",
                "capacity",
            ]) =>
        {
            coded(
                ErrorKind::Capacity,
                format!(
                    "Contabo has no such machine to sell there just now ({words}); choose another \
                     plan or region"
                ),
            )
        }
        (400 | 409 | 422, "create_ssh_key")
            if refusal.status == 409 || says(&["exist", "unique"]) =>
        {
            coded(
                ErrorKind::NameTaken,
                format!(
                    "another SSH key has that name at Contabo ({words}); delete it there first"
                ),
            )
        }
        (500, "create_instance") => refusal
            .by_status(&words)
            .with_note("an SSH key id that Contabo does not know is answered like this, too"),
        _ => refusal.by_status(&words),
    }
}

fn snapshot_quota(words: &str, refusal: &Refusal<'_>) -> Error {
    Error::new(
        ErrorKind::Quota,
        format!(
            "the machine's product has no room for another snapshot ({words}); delete one, or choose \
             a product with more of them"
        ),
    )
    .with_provider_code(refusal.status.to_string())
}

#[derive(Deserialize)]
struct Body {
    #[serde(default)]
    message: Value,
}

fn words(refusal: &Refusal<'_>) -> String {
    let told = match refusal.json::<Body>().map(|body| body.message) {
        Some(Value::String(text)) => text,
        Some(Value::Array(texts)) => {
            let texts: Vec<&str> = texts.iter().filter_map(Value::as_str).collect();
            texts.join("; ")
        }
        _ => String::new(),
    };
    if told.trim().is_empty() {
        return refusal.text();
    }
    // As a body would be shown: short and in one line.
    Refusal::new(refusal.operation, refusal.status, &told).text()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_have_their_kinds() {
        use ErrorKind as K;
        for (operation, status, message, kind, retryable) in [
            ("instance", 400, "malformed", K::Invalid, false),
            ("instance", 401, "Unauthorized", K::Auth, false),
            (
                "create_instance",
                402,
                "payment method missing",
                K::Payment,
                false,
            ),
            (
                "create_snapshot",
                402,
                "Total snapshots exceed the total max limit of 1",
                K::Quota,
                false,
            ),
            ("create_snapshot", 400, "limit reached", K::Quota, false),
            ("assign_firewall", 402, "add-on missing", K::Payment, false),
            ("instance", 403, "Forbidden", K::Permission, false),
            ("instance", 404, "Entity not found", K::NotFound, false),
            (
                "create_instance",
                404,
                "Product V1 is not available",
                K::Capacity,
                false,
            ),
            ("create_instance", 400, "out of stock", K::Capacity, false),
            (
                "create_instance",
                422,
                "instance limit reached",
                K::Quota,
                false,
            ),
            ("create_instance", 422, "unknown product", K::Invalid, false),
            (
                "create_instance",
                429,
                "Rate limit reached",
                K::RateLimited,
                true,
            ),
            ("create_ssh_key", 409, "conflict", K::NameTaken, false),
            (
                "create_ssh_key",
                400,
                "name must be unique",
                K::NameTaken,
                false,
            ),
            ("reinstall_instance", 409, "busy", K::Locked, true),
            ("cancel_instance", 422, "not cancellable", K::Invalid, false),
            (
                "create_instance",
                500,
                "Internal Server Error",
                K::Provider,
                true,
            ),
            ("instance", 503, "", K::Provider, true),
        ] {
            let body = serde_json::json!({"statusCode": status, "message": message}).to_string();
            let error = parse_error(&Refusal::new(operation, status, &body));
            let found = (error.kind(), error.is_retryable());
            assert_eq!(found, (kind, retryable), "{operation} {status} {message}");
            assert!(error.to_string().contains(message), "{error}");
            assert_eq!(error.provider_code(), Some(&*status.to_string()));
        }
    }

    #[test]
    fn whatever_the_body_is_its_words_are_told() {
        let text = |body| parse_error(&Refusal::new("instance", 400, body)).to_string();
        let list = text(r#"{"message": ["region must be one of EU", 3, "period is missing"]}"#);
        assert!(
            list.contains("region must be one of EU; period is missing"),
            "{list}"
        );
        assert!(text("<html>").contains("HTML"));
        assert!(text("").contains("no reason given"));
        assert!(text(r#"{"message": {"deep": 1}}"#).contains("deep"));
        assert!(text("[]").contains("[]"));
    }

    #[test]
    fn a_refused_token_says_which_credentials_and_where_they_are() {
        let error = parse_error(&Refusal::new("instance", 401, ""));
        for part in [
            "CNTB_OAUTH2_CLIENT_ID",
            "CNTB_OAUTH2_PASS",
            "my.contabo.com/api/details",
        ] {
            assert!(error.to_string().contains(part), "{error}");
        }
    }
}
