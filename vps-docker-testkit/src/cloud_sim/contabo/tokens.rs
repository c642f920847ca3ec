//! Where tokens come from: OAuth2 with a password, as Keycloak speaks it. They end soon.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use data_encoding::{BASE64, BASE64URL_NOPAD};
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::account::{Account, CUSTOMER, TENANT};
use crate::cloud_sim::answer::Answer;
use crate::cloud_sim::call::Call;
use crate::cloud_sim::clock::Clock;
use crate::cloud_sim::credentials::{Access, Credentials, draw};
use crate::cloud_sim::refusal::{Reason, Refusal};
use crate::cloud_sim::sim::Sim;

/// As at `auth.contabo.com`.
pub(super) const PATH: &str = "/auth/realms/contabo/protocol/openid-connect/token";

/// How long tokens last is not stated; these are Keycloak's usual terms.
const ACCESS_TERM: Duration = Duration::from_secs(300);
const REFRESH_TERM: Duration = Duration::from_secs(1800);

/// The tokens that were given out, each with its end.
#[derive(Debug, Default)]
pub(super) struct Tokens {
    access: Mutex<HashMap<String, Instant>>,
    refresh: Mutex<HashMap<String, Instant>>,
}

impl Tokens {
    /// Whether the call has a token that still lasts, or the one that does not end.
    ///
    /// # Errors
    /// [`Reason::Unauthorized`].
    pub(super) fn check(&self, call: &Call, credentials: &Credentials) -> Result<Access, Refusal> {
        let header = call.header("authorization").unwrap_or("");
        let token = header
            .split_once(' ')
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
        let token = token.map_or("", |(_, token)| token.trim());
        let is_good = token == credentials.token || lasts(&lock(&self.access), token);
        if is_good {
            return Ok(Access::Full);
        }
        Err(Refusal::new(Reason::Unauthorized, "Unauthorized"))
    }

    /// A pair of tokens. Their terms are told in our seconds, whole ones, and kept to.
    fn pair(&self, clock: Clock, credentials: &Credentials) -> Value {
        let access_term = told(clock.ours(ACCESS_TERM));
        let refresh_term = told(clock.ours(REFRESH_TERM));
        let access = jwt("Bearer", access_term, credentials);
        let refresh = jwt("Refresh", refresh_term, credentials);
        remember(&mut lock(&self.access), &access, access_term);
        remember(&mut lock(&self.refresh), &refresh, refresh_term);
        json!({
            "access_token": access,
            "expires_in": access_term,
            "refresh_expires_in": refresh_term,
            "refresh_token": refresh,
            "token_type": "Bearer",
            "not-before-policy": 0,
            "session_state": draw(32),
            "scope": "email profile",
        })
    }
}

/// `POST /auth/realms/contabo/protocol/openid-connect/token`
pub(super) async fn issue(
    State(sim): State<Sim>,
    Extension(account): Extension<Arc<Account>>,
    call: Call,
) -> Answer {
    let credentials = &sim.parts().credentials;
    let clock = sim.world().clock();
    let field = |name: &str| call.form(name).unwrap_or_default();
    let grant = field("grant_type");
    if grant.is_empty() {
        return refused(400, "invalid_request", "Missing form parameter: grant_type");
    }
    let (id, secret) = basic(&call).unwrap_or_else(|| (field("client_id"), field("client_secret")));
    if id != credentials.client_id || secret != credentials.client_secret {
        return refused(
            401,
            "unauthorized_client",
            "Invalid client or Invalid client credentials",
        );
    }
    match grant.as_str() {
        "password" => {
            let fits =
                field("username") == credentials.user && field("password") == credentials.password;
            if !fits {
                return refused(401, "invalid_grant", "Invalid user credentials");
            }
        }
        "refresh_token" => {
            if !lasts(&lock(&account.tokens.refresh), &field("refresh_token")) {
                return refused(400, "invalid_grant", "Token is not active");
            }
        }
        _ => return refused(400, "unsupported_grant_type", "Unsupported grant_type"),
    }
    Answer::ok(account.tokens.pair(clock, credentials)).header("cache-control", "no-store")
}

/// Errors in Keycloak's words, which are those of RFC 6749.
fn refused(status: u16, code: &str, why: &str) -> Answer {
    let status = StatusCode::from_u16(status).expect("one of ours");
    Answer::new(status, json!({"error": code, "error_description": why}))
}

/// A client that names itself in the header, as some libraries do first.
fn basic(call: &Call) -> Option<(String, String)> {
    let (scheme, text) = call.header("authorization")?.split_once(' ')?;
    let text = BASE64.decode(text.trim().as_bytes()).ok()?;
    let text = String::from_utf8(text).ok()?;
    let (id, secret) = text.split_once(':')?;
    scheme
        .eq_ignore_ascii_case("basic")
        .then(|| (id.to_owned(), secret.to_owned()))
}

/// A token that reads as the real ones do: clients look into it for whose it is. The signature is drawn.
fn jwt(kind: &str, term: u64, credentials: &Credentials) -> String {
    let now = Timestamp::now().as_second();
    let claims = json!({
        "exp": now + i64::try_from(term).expect("some seconds"),
        "iat": now,
        "jti": draw(24),
        "typ": kind,
        "azp": credentials.client_id,
        "tenantId": TENANT,
        "customerId": CUSTOMER,
        "preferred_username": credentials.user,
        "email": credentials.user,
    });
    let encode = |value: &Value| BASE64URL_NOPAD.encode(value.to_string().as_bytes());
    let header = json!({"alg": "RS256", "typ": "JWT", "kid": "simulated"});
    format!("{}.{}.{}", encode(&header), encode(&claims), draw(86))
}

/// Whole seconds: the next ones up, so that none is told that is not kept.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "at most half an hour"
)]
fn told(term: Duration) -> u64 {
    (term.as_secs_f64().ceil() as u64).max(1)
}

fn remember(tokens: &mut HashMap<String, Instant>, token: &str, term: u64) {
    let now = Instant::now();
    tokens.retain(|_, end| *end > now);
    tokens.insert(token.to_owned(), now + Duration::from_secs(term));
}

fn lasts(tokens: &HashMap<String, Instant>, token: &str) -> bool {
    tokens.get(token).is_some_and(|end| *end > Instant::now())
}

fn lock(tokens: &Mutex<HashMap<String, Instant>>) -> MutexGuard<'_, HashMap<String, Instant>> {
    tokens.lock().unwrap_or_else(PoisonError::into_inner)
}
