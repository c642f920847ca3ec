use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::error::Result;

/// How a client proves who it is. Clones share what was obtained.
#[derive(Clone, Debug)]
pub struct Auth(Arc<Method>);

#[derive(Debug)]
enum Method {
    None,
    Bearer(SecretString),
    PasswordGrant {
        grant: PasswordGrant,
        /// Held while a token is asked for, so that many who wait make one request.
        token: Mutex<Option<Token>>,
    },
}

/// The resource owner password credentials grant of OAuth 2.0 (RFC 6749, section 4.3).
#[derive(Clone)]
pub struct PasswordGrant {
    /// Where tokens are asked for.
    pub token_url: String,
    /// The client's id.
    pub client_id: SecretString,
    /// The client's secret.
    pub client_secret: SecretString,
    /// The user's name.
    pub username: SecretString,
    /// The user's password.
    pub password: SecretString,
}

impl fmt::Debug for PasswordGrant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PasswordGrant")
            .field("token_url", &self.token_url)
            .finish_non_exhaustive()
    }
}

/// A token that was obtained.
#[derive(Clone, Debug)]
struct Token {
    secret: SecretString,
    /// When another one is asked for: shortly before it ends.
    stale_at: Instant,
}

/// The part of the answer that matters (RFC 6749, section 5.1).
#[derive(Deserialize)]
pub(super) struct TokenAnswer {
    access_token: SecretString,
    /// Seconds.
    #[serde(default)]
    expires_in: Option<u64>,
}

/// How long a token without a term is used.
const DEFAULT_TERM: Duration = Duration::from_secs(60);
/// How long before its end a token is no longer used, at most; of a short one a tenth.
const MARGIN: Duration = Duration::from_secs(30);

impl Auth {
    /// No proof at all.
    #[must_use]
    pub fn none() -> Self {
        Self(Arc::new(Method::None))
    }

    /// The token in every request: `Authorization: Bearer …`.
    #[must_use]
    pub fn bearer(token: SecretString) -> Self {
        Self(Arc::new(Method::Bearer(token)))
    }

    /// A token that is obtained by a password, used until shortly before it ends, and obtained anew
    /// once for all who wait.
    #[must_use]
    pub fn password_grant(grant: PasswordGrant) -> Self {
        Self(Arc::new(Method::PasswordGrant {
            grant,
            token: Mutex::new(None),
        }))
    }

    /// The bearer token, obtained by `obtain` where there is none that lasts.
    pub(super) async fn token<A>(
        &self,
        obtain: impl FnOnce(PasswordGrant) -> A,
    ) -> Result<Option<SecretString>>
    where
        A: Future<Output = Result<TokenAnswer>>,
    {
        match &*self.0 {
            Method::None => Ok(None),
            Method::Bearer(token) => Ok(Some(token.clone())),
            Method::PasswordGrant { grant, token } => {
                let mut held = token.lock().await;
                if let Some(token) = held.as_ref().filter(|held| held.stale_at > Instant::now()) {
                    return Ok(Some(token.secret.clone()));
                }
                let token = Token::from(obtain(grant.clone()).await?);
                *held = Some(token.clone());
                Ok(Some(token.secret))
            }
        }
    }

    /// The provider did not take that token though it should last. Says whether another one can be
    /// obtained.
    pub(super) async fn forget(&self, refused: &SecretString) -> bool {
        let Method::PasswordGrant { token, .. } = &*self.0 else {
            return false;
        };
        let mut held = token.lock().await;
        // Somebody else may have obtained a new one meanwhile.
        held.take_if(|held| held.secret.expose_secret() == refused.expose_secret());
        true
    }

    /// What must not be seen in anything that is shown.
    pub(super) fn secrets(&self) -> Vec<&SecretString> {
        match &*self.0 {
            Method::None => Vec::new(),
            Method::Bearer(token) => vec![token],
            Method::PasswordGrant { grant, .. } => {
                vec![&grant.client_secret, &grant.password]
            }
        }
    }
}

impl From<TokenAnswer> for Token {
    fn from(answer: TokenAnswer) -> Self {
        let term = answer.expires_in.map_or(DEFAULT_TERM, Duration::from_secs);
        let margin = MARGIN.min(term / 10);
        Self {
            secret: answer.access_token,
            stale_at: Instant::now() + (term - margin),
        }
    }
}

impl PasswordGrant {
    /// The fields that are posted as a form.
    pub(super) fn fields(&self) -> [(&'static str, &str); 5] {
        [
            ("grant_type", "password"),
            ("client_id", self.client_id.expose_secret()),
            ("client_secret", self.client_secret.expose_secret()),
            ("username", self.username.expose_secret()),
            ("password", self.password.expose_secret()),
        ]
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

    use super::*;

    fn grant() -> PasswordGrant {
        PasswordGrant {
            token_url: "https://auth.example/token".into(),
            client_id: "id".into(),
            client_secret: "marked-secret".into(),
            username: "user".into(),
            password: "marked-password".into(),
        }
    }

    fn answer(text: &str) -> TokenAnswer {
        serde_json::from_str(text).expect("an answer")
    }

    #[tokio::test(start_paused = true)]
    async fn many_who_wait_obtain_one_token_and_a_new_one_before_it_ends() {
        let auth = Auth::password_grant(grant());
        let asked = AtomicU32::new(0);
        let obtain = async |_grant| {
            tokio::time::sleep(Duration::from_secs(1)).await;
            let n = asked.fetch_add(1, Relaxed);
            Ok(answer(&format!(
                r#"{{"access_token":"t{n}","expires_in":300}}"#
            )))
        };
        let all = futures_util::future::join_all((0..50).map(|_| auth.token(obtain))).await;
        for token in all {
            let token = token.expect("obtained").expect("there is one");
            assert_eq!(token.expose_secret(), "t0");
        }
        tokio::time::advance(Duration::from_secs(265)).await;
        auth.token(obtain).await.expect("it still lasts");
        assert_eq!(asked.load(Relaxed), 1);
        tokio::time::advance(Duration::from_secs(10)).await;
        auth.token(obtain).await.expect("obtained");
        assert_eq!(asked.load(Relaxed), 2, "30 s before the end");
    }

    #[tokio::test]
    async fn a_token_that_is_refused_is_forgotten_but_not_its_successor() {
        let auth = Auth::password_grant(grant());
        let obtain = async |_| Ok(answer(r#"{"access_token":"new"}"#));
        auth.token(obtain).await.expect("obtained");
        assert!(auth.forget(&"old".into()).await);
        let never = async |_| -> Result<TokenAnswer> { panic!("it is held") };
        auth.token(never).await.expect("still held");
        assert!(auth.forget(&"new".into()).await);
        auth.token(obtain).await.expect("obtained again");
        assert!(!Auth::bearer("t".into()).forget(&"t".into()).await);
    }

    #[test]
    fn debug_shows_no_secret() {
        for auth in [
            Auth::password_grant(grant()),
            Auth::bearer("marked-token".into()),
        ] {
            assert!(!format!("{auth:?}").contains("marked"), "{auth:?}");
        }
    }
}
