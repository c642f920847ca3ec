//! What the API's refusals mean:
//! <https://docs.digitalocean.com/reference/api/intro/#http-statuses>.

use serde::Deserialize;
use vps_docker_core::http::Refusal;
use vps_docker_core::http::lenient::or_default;
use vps_docker_core::{Error, ErrorKind};

/// Where the droplet limit is raised.
pub(crate) const HOW_TO_RAISE: &str =
    "ask for more at https://cloud.digitalocean.com/account/team/droplet_limit_increase";

/// The API's own words. Some services write the second form.
#[derive(Debug, Default, Deserialize)]
struct Body {
    #[serde(default, deserialize_with = "or_default")]
    id: String,
    #[serde(default, deserialize_with = "or_default")]
    message: String,
    #[serde(default, deserialize_with = "or_default")]
    request_id: String,
    #[serde(default, deserialize_with = "or_default")]
    error: String,
}

/// Makes an error of a refusal.
pub(crate) fn parse_error(refusal: &Refusal<'_>) -> Error {
    let body: Body = refusal.json().unwrap_or_default();
    let words = [body.message, body.error]
        .into_iter()
        .find(|words| !words.is_empty())
        .unwrap_or_else(|| refusal.text());
    let mut error = by_words(refusal, &words);
    if !body.id.is_empty() {
        error = error.with_provider_code(body.id);
    }
    if !body.request_id.is_empty() {
        error = error.with_request_id(body.request_id);
    }
    error
}

/// Most refusals are a 422 of which only the text tells what is meant.
fn by_words(refusal: &Refusal<'_>, words: &str) -> Error {
    let meaning = match refusal.status {
        401 => Some((
            ErrorKind::Auth,
            "DigitalOcean does not accept the token; make one at \
             https://cloud.digitalocean.com/account/api/tokens and give it as the option token \
             (DIGITALOCEAN_ACCESS_TOKEN)"
                .to_owned(),
        )),
        400 | 403 | 409 | 422 => meaning(refusal, &words.to_lowercase()),
        _ => None,
    };
    let Some((kind, advice)) = meaning else {
        return refusal.by_status(words);
    };
    let words = Refusal::new(refusal.operation, refusal.status, words).text();
    let error = Error::new(kind, format!("{advice}: {words}"))
        .with_provider_code(refusal.status.to_string());
    match kind {
        ErrorKind::Locked => error.retryable(),
        _ => error,
    }
}

fn meaning(refusal: &Refusal<'_>, words: &str) -> Option<(ErrorKind, String)> {
    let has = |texts: &[&str]| texts.iter().any(|text| words.contains(text));
    let is_order = refusal.operation == "create_instance";
    if has(&["pending event"]) {
        let advice = "DigitalOcean is at work on the droplet just now; try again when it is done";
        return Some((ErrorKind::Locked, advice.to_owned()));
    }
    if has(&["droplet limit"]) {
        let advice =
            format!("the account's droplet limit is reached; destroy one, or {HOW_TO_RAISE}");
        return Some((ErrorKind::Quota, advice));
    }
    if has(&[
        "exceed your",
        "limit reached",
        "reached the limit",
        "reached your",
        "maximum number of",
    ]) {
        let advice = "a limit of the account is reached; remove what is not needed any more, or ask \
                      DigitalOcean's support for more";
        return Some((ErrorKind::Quota, advice.to_owned()));
    }
    if has(&["payment", "billing", "currently restricted"]) {
        let advice = "DigitalOcean wants a payment or a word with its support first; see \
                      https://cloud.digitalocean.com/account/billing";
        return Some((ErrorKind::Payment, advice.to_owned()));
    }
    if has(&[
        "already in use",
        "duplicate name",
        "already exists",
        "already been taken",
    ]) {
        return Some((ErrorKind::NameTaken, "it exists already".to_owned()));
    }
    // An image that is not in the region stays away however long one waits.
    if is_order
        && has(&["not available", "unavailable", "capacity", "disabled"])
        && !has(&["image"])
    {
        let advice = "DigitalOcean has no such droplet free in the region just now; take another \
                      plan or region, or try again later";
        return Some((ErrorKind::Capacity, advice.to_owned()));
    }
    if refusal.status == 403 {
        let advice = "the token may not do this; make one with full access, or with the scopes that \
                      the option token names";
        return Some((ErrorKind::Permission, advice.to_owned()));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(operation: &'static str, status: u16, words: &str) -> Error {
        let body = serde_json::json!({"id": "some_code", "message": words}).to_string();
        parse_error(&Refusal::new(operation, status, &body))
    }

    #[test]
    fn refusals_have_their_kinds() {
        use ErrorKind as Kind;
        let create = "create_instance";
        for (operation, status, words, kind, retryable, hint) in [
            (
                create,
                401,
                "Unable to authenticate you.",
                Kind::Auth,
                false,
                "api/tokens",
            ),
            (
                create,
                403,
                "You do not have access",
                Kind::Permission,
                false,
                "scopes",
            ),
            (
                create,
                422,
                "Size is not available in this region.",
                Kind::Capacity,
                false,
                "another",
            ),
            (
                create,
                422,
                "Region is not available",
                Kind::Capacity,
                false,
                "another",
            ),
            (
                create,
                422,
                "Size is currently unavailable",
                Kind::Capacity,
                false,
                "another",
            ),
            (
                create,
                422,
                "creating this/these droplet(s) will exceed your droplet limit",
                Kind::Quota,
                false,
                "droplet_limit_increase",
            ),
            (
                create,
                422,
                "This size is currently restricted please send an additional payment to unlock.",
                Kind::Payment,
                false,
                "billing",
            ),
            (
                create,
                422,
                "The image you specified is not available in the selected region",
                Kind::Invalid,
                false,
                "selected region",
            ),
            (
                create,
                422,
                "You specified an invalid size",
                Kind::Invalid,
                false,
                "invalid size",
            ),
            (
                create,
                500,
                "Unexpected server-side error",
                Kind::Provider,
                true,
                "Unexpected",
            ),
            (
                "power",
                422,
                "Region is not available",
                Kind::Invalid,
                false,
                "Region",
            ),
            (
                "power",
                422,
                "Droplet already has a pending event.",
                Kind::Locked,
                true,
                "try again",
            ),
            (
                "ensure_ssh_key",
                422,
                "SSH Key is already in use on your account",
                Kind::NameTaken,
                false,
                "already in use",
            ),
            (
                "firewall",
                409,
                "duplicate name",
                Kind::NameTaken,
                false,
                "duplicate name",
            ),
            ("firewall", 409, "busy", Kind::Locked, true, "busy"),
            (
                "instance",
                404,
                "not found",
                Kind::NotFound,
                false,
                "not found",
            ),
            (
                "instance",
                429,
                "API rate limit exceeded.",
                Kind::RateLimited,
                true,
                "patience",
            ),
            (
                "destroy_instance",
                503,
                "sorry",
                Kind::Provider,
                true,
                "sorry",
            ),
        ] {
            let error = refused(operation, status, words);
            assert_eq!(
                (error.kind(), error.is_retryable()),
                (kind, retryable),
                "{words}: {error}"
            );
            assert!(error.to_string().contains(hint), "{error}");
            assert_eq!(error.provider_code(), Some("some_code"));
            assert_eq!(error.to_string().matches(words).count(), 1, "{error}");
        }
    }

    #[test]
    fn a_refusal_without_a_body_has_the_kind_of_its_status() {
        for body in ["", "<html>", "{", "[]", "{\"message\":null,\"id\":5}"] {
            let error = parse_error(&Refusal::new("instance", 502, body));
            assert_eq!(error.kind(), ErrorKind::Provider, "{body}");
            assert_eq!(error.provider_code(), Some("502"));
        }
    }

    #[test]
    fn the_id_of_the_request_and_the_other_form_are_read() {
        let body =
            r#"{"id":"bad_request","message":"error parsing request body","request_id":"4851"}"#;
        let error = parse_error(&Refusal::new("firewall", 400, body));
        assert_eq!(error.kind(), ErrorKind::Invalid);
        assert_eq!(error.request_id(), Some("4851"));
        let body = r#"{"error":"invalid snapshot","messages":null,"root_causes":[]}"#;
        let error = parse_error(&Refusal::new("delete_snapshot", 400, body));
        assert!(error.to_string().contains("invalid snapshot"), "{error}");
    }
}
