use rand_core::{OsRng, RngCore};

use super::call::Call;
use super::refusal::{Reason, Refusal};

/// What one proves who one is with, drawn anew for each simulator. They open nothing else, so they are no
/// secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Credentials {
    /// The token that may do everything.
    pub token: String,
    /// A token that may only read, at clouds that have such.
    pub read_only_token: String,
    /// For OAuth2: the client's id.
    pub client_id: String,
    /// For OAuth2: the client's secret.
    pub client_secret: String,
    /// For OAuth2: the user.
    pub user: String,
    /// For OAuth2: the user's password for the API.
    pub password: String,
}

/// What a token allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    Full,
    ReadOnly,
}

impl Credentials {
    pub(crate) fn drawn() -> Self {
        Self {
            token: format!("sim{}", draw(61)),
            read_only_token: format!("simro{}", draw(59)),
            client_id: format!("INT-{}", draw(8)),
            client_secret: draw(32),
            user: format!("{}@example.com", draw(8)),
            password: draw(24),
        }
    }

    /// Looks for one of the two tokens behind `Authorization: Bearer`.
    ///
    /// # Errors
    /// [`Reason::Unauthorized`].
    pub(crate) fn check_bearer(&self, call: &Call) -> Result<Access, Refusal> {
        let token = call.header("authorization").and_then(|value| {
            let (scheme, token) = value.split_once(' ')?;
            scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
        });
        match token {
            Some(token) if token == self.token => Ok(Access::Full),
            Some(token) if token == self.read_only_token => Ok(Access::ReadOnly),
            _ => {
                let why = "unable to authenticate";
                Err(Refusal::new(Reason::Unauthorized, why))
            }
        }
    }
}

/// So many letters and digits.
pub(crate) fn draw(length: usize) -> String {
    const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let mut bytes = vec![0; length];
    OsRng.fill_bytes(&mut bytes);
    let letters = bytes.iter().map(|byte| ALPHABET[usize::from(byte % 32)]);
    letters.map(char::from).collect()
}
