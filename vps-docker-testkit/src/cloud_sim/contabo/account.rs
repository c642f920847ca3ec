//! The customer, and what of the account is no JSON.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use axum::extract::State;
use serde_json::{Value, json};

use super::listing;
use super::seed::Hold;
use super::tokens::Tokens;
use crate::cloud_sim::answer::Answer;
use crate::cloud_sim::call::Call;
use crate::cloud_sim::id::Id;
use crate::cloud_sim::sim::Sim;

/// Contabo's international branch.
pub(super) const TENANT: &str = "INT";
pub(super) const CUSTOMER: &str = "14059210";

/// What handlers need beside the world.
#[derive(Debug, Default)]
pub(super) struct Account {
    pub(super) tokens: Tokens,
    /// Values of secrets that are passwords: not for `_sim/state`.
    passwords: Mutex<BTreeMap<Id, String>>,
    /// What orders wait for.
    pub(super) hold: Option<Hold>,
}

impl Account {
    pub(super) fn new(hold: Option<Hold>) -> Self {
        Self {
            hold,
            ..Self::default()
        }
    }

    pub(super) fn passwords(&self) -> MutexGuard<'_, BTreeMap<Id, String>> {
        self.passwords
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// Adds whose it is, which the API says of everything.
pub(super) fn owned(mut thing: Value) -> Value {
    thing["tenantId"] = TENANT.into();
    thing["customerId"] = CUSTOMER.into();
    thing
}

/// `GET /v1/users/client`
pub(super) async fn client(State(sim): State<Sim>, call: Call) -> Answer {
    let credentials = &sim.parts().credentials;
    let client = json!({
        "id": Id(1).uuid(),
        "clientId": credentials.client_id,
        "secret": credentials.client_secret,
    });
    Answer::ok(listing::one(&call, owned(client)))
}
