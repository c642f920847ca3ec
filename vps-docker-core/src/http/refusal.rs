use reqwest::StatusCode;
use serde::de::DeserializeOwned;

use crate::error::{Error, ErrorKind, Result};

/// A provider's answer that says no: what a crate's `parse_error` makes an error of.
#[derive(Debug)]
#[non_exhaustive]
pub struct Refusal<'a> {
    /// What was being done, such as `create_instance`.
    pub operation: &'static str,
    /// The HTTP status.
    pub status: u16,
    /// The body as text, secrets taken out.
    pub body: &'a str,
}

/// The longest part of a provider's own words in an error.
const LONGEST_TEXT: usize = 300;

impl<'a> Refusal<'a> {
    /// One as it comes from a provider; for tests of a `parse_error`.
    #[must_use]
    pub fn new(operation: &'static str, status: u16, body: &'a str) -> Self {
        Self {
            operation,
            status,
            body,
        }
    }

    /// The body, where it is such a document.
    #[must_use]
    pub fn json<T: DeserializeOwned>(&self) -> Option<T> {
        serde_json::from_str(self.body).ok()
    }

    /// The body for people: its beginning, in one line; that of an HTML page is not shown.
    #[must_use]
    pub fn text(&self) -> String {
        let body = self.body.trim_start();
        let looks_like_html = body.get(..1) == Some("<");
        if looks_like_html {
            return "a page of HTML instead of an answer, as a proxy would send".to_owned();
        }
        if body.is_empty() {
            return "no reason given".to_owned();
        }
        one_line(body)
    }

    /// What the status alone says: its kind and whether a retry may help, with the provider's words.
    #[must_use]
    pub fn by_status(&self, words: &str) -> Error {
        let (kind, advice) = match self.status {
            400 | 405 | 406 | 410 | 413 | 415 | 422 => {
                (ErrorKind::Invalid, "the provider refuses the request")
            }
            401 => (
                ErrorKind::Auth,
                "the provider does not accept the credentials",
            ),
            402 => (
                ErrorKind::Payment,
                "the provider wants a payment or a change of the account first",
            ),
            403 => (
                ErrorKind::Permission,
                "the credentials do not allow this; give them the right, or use others",
            ),
            404 => (ErrorKind::NotFound, "the provider knows no such thing"),
            408 | 504 => (ErrorKind::Timeout, "the provider did not answer in time"),
            409 => (ErrorKind::Locked, "the provider is at work on it just now"),
            423 => (
                ErrorKind::Locked,
                "it is locked, by other work or by a protection in the provider's console",
            ),
            429 => (ErrorKind::RateLimited, "the provider asks for patience"),
            _ => (ErrorKind::Provider, "the provider failed"),
        };
        let words = one_line(words);
        let error = Error::new(kind, format!("{advice}: {words}"));
        match self.status {
            408 | 409 | 423 | 429 | 500 | 502..=504 => error.retryable(),
            _ => error,
        }
        .with_provider_code(self.status.to_string())
    }

    /// Whether it is certain that nothing was done.
    pub(super) fn is_certain(&self) -> bool {
        StatusCode::from_u16(self.status)
            .is_ok_and(|status| status.is_client_error() && status != StatusCode::REQUEST_TIMEOUT)
    }
}

fn one_line(text: &str) -> String {
    let mut line: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(LONGEST_TEXT + 1)
        .collect();
    if line.chars().count() > LONGEST_TEXT {
        line.pop();
        line.push('…');
    }
    line.trim_end().to_owned()
}

/// Of something that is to go, being gone is a success.
///
/// # Errors
/// Every error but [`ErrorKind::NotFound`].
pub fn gone_is_success(result: Result<()>) -> Result<()> {
    match result {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_has_a_kind_and_says_whether_to_try_again() {
        for (status, kind, retryable) in [
            (400, ErrorKind::Invalid, false),
            (401, ErrorKind::Auth, false),
            (402, ErrorKind::Payment, false),
            (403, ErrorKind::Permission, false),
            (404, ErrorKind::NotFound, false),
            (409, ErrorKind::Locked, true),
            (423, ErrorKind::Locked, true),
            (429, ErrorKind::RateLimited, true),
            (500, ErrorKind::Provider, true),
            (501, ErrorKind::Provider, false),
            (503, ErrorKind::Provider, true),
            (504, ErrorKind::Timeout, true),
        ] {
            let error = Refusal::new("x", status, "").by_status("why");
            assert_eq!((error.kind(), error.is_retryable()), (kind, retryable));
            assert_eq!(error.provider_code(), Some(status.to_string().as_str()));
            assert!(error.to_string().contains("why"), "{error}");
        }
    }

    #[test]
    fn words_of_a_provider_are_one_short_line() {
        let text = |body| Refusal::new("x", 500, body).text();
        assert!(text("<!DOCTYPE html><p>Bad Gateway").contains("HTML"));
        assert_eq!(text(" \n"), "no reason given");
        assert_eq!(text("a\nb\u{1b}[31m"), "a b [31m");
        assert_eq!(text(&"ä".repeat(1000)).chars().count(), LONGEST_TEXT + 1);
    }
}
