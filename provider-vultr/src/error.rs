//! What Vultr refuses, in our words.
//!
//! Its errors are `{"error": text, "status": n}` without a code, so the text is all that tells a full
//! region from a wrong one. Texts are those that users of the API have reported; one that is not
//! known is judged by its status.

use serde::Deserialize;
use vps_docker_core::http::Refusal;
use vps_docker_core::{Error, ErrorKind};

#[derive(Deserialize)]
struct Body {
    error: String,
}

/// Makes an error of a refusal.
pub(crate) fn parse_error(refusal: &Refusal<'_>) -> Error {
    let words = match refusal.json::<Body>() {
        Some(body) if !body.error.trim().is_empty() => {
            Refusal::new(refusal.operation, refusal.status, &body.error).text()
        }
        _ => refusal.text(),
    };
    let words = words.trim_end_matches('.');
    let judged = judge(refusal, words);
    let Some((kind, message)) = judged else {
        return refusal.by_status(words);
    };
    let error = Error::new(kind, message).with_provider_code(refusal.status.to_string());
    if kind == ErrorKind::Locked {
        error.retryable()
    } else {
        error
    }
}

/// What the status alone does not tell.
fn judge(refusal: &Refusal<'_>, words: &str) -> Option<(ErrorKind, String)> {
    let lower = words.to_lowercase();
    let has = |any: &[&str]| any.iter().any(|text| lower.contains(text));
    let Refusal {
        operation, status, ..
    } = *refusal;
    let creates = operation == "create_instance";
    let makes_something = matches!(
        operation,
        "create_instance" | "create_snapshot" | "ensure_ssh_key" | "firewall"
    );
    let removes = matches!(
        operation,
        "destroy_instance" | "delete_snapshot" | "delete_ssh_key"
    );
    match status {
        401 => return Some((ErrorKind::Auth, unauthorized(words))),
        403 if has(&["ip address"]) => return Some((ErrorKind::Auth, unauthorized(words))),
        404 | 429 => return None,
        // Of an instance that is gone: 400 "invalid instance ID".
        400 if !creates && (has(&["not found", "does not exist"]) || names_invalid_id(&lower)) => {
            let message = format!("Vultr knows no such thing: {words}");
            return Some((ErrorKind::NotFound, message));
        }
        _ => {}
    }
    // Also as a 500: "Unable to destroy server: … Server is currently locked".
    let is_busy = has(&["currently locked", "is locked"]) && !has(&["account"]);
    if is_busy || removes && has(&["in use", "attached", "linked"]) {
        let message = format!("Vultr is at work on it just now: {words}; try again in a minute");
        return Some((ErrorKind::Locked, message));
    }
    let is_limit = has(&["maximum number", "maximum monthly"])
        || words_of(&lower).any(|word| matches!(word, "limit" | "limits" | "quota"));
    if makes_something && is_limit && !has(&["rate limit", "rate-limit"]) {
        return Some((ErrorKind::Quota, quota(operation, &lower, words)));
    }
    if !creates {
        return None;
    }
    if has(&[
        "payment",
        "billing",
        "credit card",
        "insufficient",
        "balance",
    ]) {
        let message = format!(
            "Vultr wants the account to be able to pay first: {words}; see \
             https://my.vultr.com/billing/"
        );
        return Some((ErrorKind::Payment, message));
    }
    if has(&[
        "not available in",
        "not available at",
        "plan is not available",
        "plan is unavailable",
        "temporarily unavailable",
        "currently unavailable",
        "out of stock",
        "no stock",
        "sold out",
        "capacity",
    ]) {
        let message = format!(
            "Vultr has no machine of this plan free in this region just now: {words}; take another \
             plan or region, or try later"
        );
        return Some((ErrorKind::Capacity, message));
    }
    if has(&["invalid plan"]) {
        let message = format!(
            "Vultr does not offer this plan in this region: {words}; the catalogue tells the regions \
             of each plan"
        );
        return Some((ErrorKind::Invalid, message));
    }
    None
}

/// Such as `invalid instance ID`; not `Invalid plan chosen`.
fn names_invalid_id(lower: &str) -> bool {
    lower.starts_with("invalid") && words_of(lower).any(|word| word == "id")
}

fn words_of(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_ascii_alphanumeric())
}

/// A right key from an address that is not allowed is refused like a wrong one.
fn unauthorized(words: &str) -> String {
    format!(
        "Vultr does not accept the API key from this machine: {words}; at \
         https://my.vultr.com/settings/#settingsapi see whether the key (VULTR_API_KEY) is in force \
         and has the right to do this, and whether Access Control there allows this machine's address"
    )
}

/// Names the quota and how it is raised.
fn quota(operation: &str, lower: &str, words: &str) -> String {
    let which = match operation {
        _ if lower.contains("fee") => "limit of monthly fees",
        "create_snapshot" => "limit of snapshots",
        "ensure_ssh_key" => "limit of SSH keys",
        "firewall" => "limit of firewall groups or rules",
        _ => "limit of instances",
    };
    format!(
        "the Vultr account's {which} is reached: {words}; remove what is not needed, or ask for more \
         at https://my.vultr.com/support/"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(operation: &'static str, status: u16, words: &str) -> Error {
        let body = format!(r#"{{"error":"{words}","status":{status}}}"#);
        parse_error(&Refusal::new(operation, status, &body))
    }

    #[test]
    fn refusals_have_their_kinds() {
        use ErrorKind as Kind;
        let create = "create_instance";
        for (operation, status, words, kind, retryable) in [
            ("instance", 401, "Invalid API token.", Kind::Auth, false),
            (
                "instance",
                403,
                "Unauthorized IP address",
                Kind::Auth,
                false,
            ),
            ("instance", 403, "Forbidden", Kind::Permission, false),
            ("instance", 404, "Instance not found", Kind::NotFound, false),
            (
                "instance",
                400,
                "invalid instance ID",
                Kind::NotFound,
                false,
            ),
            (
                "delete_snapshot",
                400,
                "Invalid snapshot ID.",
                Kind::NotFound,
                false,
            ),
            ("set_tags", 400, "Invalid tags.", Kind::Invalid, false),
            (
                "instance",
                429,
                "rate limit exceeded",
                Kind::RateLimited,
                true,
            ),
            (create, 429, "Rate limit exceeded", Kind::RateLimited, true),
            (create, 400, "Invalid plan chosen.", Kind::Invalid, false),
            (create, 400, "Invalid sshkey ID.", Kind::Invalid, false),
            (
                create,
                400,
                "Plan is not available in this location.",
                Kind::Capacity,
                false,
            ),
            (
                create,
                400,
                "This plan is out of stock",
                Kind::Capacity,
                false,
            ),
            (
                create,
                503,
                "No capacity in this region",
                Kind::Capacity,
                false,
            ),
            (
                create,
                400,
                "OS is not available on this plan",
                Kind::Invalid,
                false,
            ),
            (
                create,
                400,
                "You have reached the maximum number of active virtual machines for this account",
                Kind::Quota,
                false,
            ),
            (
                create,
                400,
                "Server add failed: You have reached the maximum monthly fee limit for this account. \
                 To deploy additional services, please request a limit increase.",
                Kind::Quota,
                false,
            ),
            (
                "create_snapshot",
                400,
                "Snapshot limit reached",
                Kind::Quota,
                false,
            ),
            (
                create,
                400,
                "Labels are limited to letters",
                Kind::Invalid,
                false,
            ),
            (
                "set_tags",
                400,
                "a tag is over the limit",
                Kind::Invalid,
                false,
            ),
            (
                create,
                400,
                "Please add a payment method",
                Kind::Payment,
                false,
            ),
            (create, 402, "Pay first", Kind::Payment, false),
            (
                "destroy_instance",
                500,
                "Unable to destroy server: Unable to remove VM: Server is currently locked",
                Kind::Locked,
                true,
            ),
            (
                "destroy_instance",
                400,
                "The firewall group is in use",
                Kind::Locked,
                true,
            ),
            ("power", 409, "busy", Kind::Locked, true),
            ("instance", 500, "oops", Kind::Provider, true),
        ] {
            let error = refused(operation, status, words);
            assert_eq!(error.kind(), kind, "{operation} {status} {words}");
            assert_eq!(
                error.is_retryable(),
                retryable,
                "{operation} {status} {words}"
            );
            assert_eq!(error.provider_code(), Some(&*status.to_string()));
            assert!(
                error.to_string().contains(words.trim_end_matches('.')),
                "{error}"
            );
        }
    }

    #[test]
    fn a_refused_key_names_the_variable_and_the_allow_list() {
        let error = refused("catalog", 401, "Unauthorized").to_string();
        for hint in ["VULTR_API_KEY", "Access Control", "address", "#settingsapi"] {
            assert!(error.contains(hint), "{error}");
        }
    }

    #[test]
    fn a_quota_is_named_with_how_to_raise_it() {
        let fees = "You have reached the maximum monthly fee limit for this account.";
        for (operation, words, which) in [
            ("create_instance", fees, "limit of monthly fees"),
            (
                "create_instance",
                "maximum number of instances",
                "limit of instances",
            ),
            ("create_snapshot", "limit reached", "limit of snapshots"),
        ] {
            let error = refused(operation, 400, words).to_string();
            assert!(error.contains(which), "{error}");
            assert!(error.contains("https://my.vultr.com/support/"), "{error}");
        }
    }

    #[test]
    fn other_bodies_are_read_as_well() {
        for (body, hint) in [
            ("<html>Bad Gateway</html>", "HTML"),
            ("", "no reason given"),
            (r#"{"error":{"deep":1}}"#, "deep"),
            (r#"{"error":""}"#, "error"),
        ] {
            let error = parse_error(&Refusal::new("catalog", 502, body));
            assert_eq!(error.kind(), ErrorKind::Provider);
            assert!(error.to_string().contains(hint), "{error}");
        }
    }
}
