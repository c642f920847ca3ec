//! Contabo: contracts instead of machines by the hour, no removal, secrets instead of keys, tokens that end soon.
//!
//! Follows <https://api.contabo.com/>. What that leaves open is decided here and said where it is: how many
//! requests are borne, how long a token lasts, what a cancellation does before its date.

mod account;
mod catalog;
mod contracts;
mod firewalls;
mod images;
mod instance_actions;
mod instance_view;
mod instances;
mod listing;
mod offer;
mod refusals;
mod secrets;
mod seed;
mod snapshots;
mod tags;
mod tokens;

use std::sync::Arc;

use axum::routing::{get, post};
use axum::{Extension, Router};
use serde_json::{Value, json};

use super::answer::Answer;
use super::call::Call;
use super::cloud::Cloud;
use super::credentials::{Access, Credentials};
use super::fault::Op;
use super::id::Id;
use super::offer::Offer;
use super::openapi::Exception;
use super::rate_limit::{RateRule, RateState, Shape};
use super::refusal::{Reason, Refusal};
use super::sim::Sim;
use super::state::Contract;
use super::world::{Rules, SnapshotQuota, World};
use account::Account;

pub use seed::{ContaboSeed, Hold};

/// The cloud.
#[derive(Debug)]
pub(crate) struct Contabo(Arc<Account>);

impl Contabo {
    pub(crate) fn new(seed: &ContaboSeed) -> Self {
        Self(Arc::new(Account::new(seed.hold)))
    }
}

const NO_ERRORS: &str = "the document declares no error";
const NULL: &str =
    "required and not nullable in the document, and null in real answers all the same";
const NO_VALUE: &str =
    "only a single secret is shown with its value, as the document itself says of the field";

const EXCEPTIONS: &[Exception] = &[
    Exception::response("*", "=400", NO_ERRORS),
    Exception::response("*", "=401", NO_ERRORS),
    Exception::response("*", "=402", NO_ERRORS),
    Exception::response("*", "=403", NO_ERRORS),
    Exception::response("*", "=404", NO_ERRORS),
    Exception::response("*", "=409", NO_ERRORS),
    Exception::response("*", "=422", NO_ERRORS),
    Exception::response("*", "=429", NO_ERRORS),
    Exception::response("*", "=500", NO_ERRORS),
    Exception::response(
        "*",
        "/data/*/cancelDate",
        "null without a cancellation; and the pattern `yyyy-mm-dd` is a format, which as an expression fits no date",
    ),
    Exception::response("*", "/data/*/applicationId=null", NULL),
    Exception::response("*", "/data/*/ipConfig=null", NULL),
    Exception::response("*", "/data/*/vHostId=null", NULL),
    Exception::response("*", "/data/*/vHostNumber=null", NULL),
    Exception::response("*", "/data/*/vHostName=null", NULL),
    Exception::response(
        "*",
        "/data/*/description",
        "empty where none was given, though one character is the least",
    ),
    Exception::response("GET /v1/secrets", "/data/*/value!", NO_VALUE),
    Exception::response("POST /v1/secrets", "/data/*/value!", NO_VALUE),
    Exception::request(
        "POST /v1/compute/instances/{instanceId}/cancel",
        "!",
        "all that may stand in the body is optional, and former editions of the document have none",
    ),
    Exception::request(
        "GET /v1/compute/instances",
        "?status",
        "the enum lacks what the example beside it shows: several, with commas",
    ),
];

impl Cloud for Contabo {
    fn prefix(&self) -> &'static str {
        "/v1"
    }

    fn document(&self) -> &'static str {
        "contabo.json"
    }

    fn exceptions(&self) -> &'static [Exception] {
        EXCEPTIONS
    }

    fn snapshot_id_text(&self, id: Id) -> String {
        snapshots::id_text(id)
    }

    fn offer(&self) -> Offer {
        offer::offer()
    }

    /// How large `user_data` may be is not stated; the limit is that of a column of text.
    fn rules(&self) -> Rules {
        Rules {
            unique_names: false,
            unique_key_names: false,
            unique_keys: false,
            user_data_limit: 65_535,
            locks: true,
            // At the end of its contract; before that there is no removal.
            delete_at_once: true,
            boot_ms: 30_000,
            ip_delay_ms: 5_000,
            power_ms: 3_000,
            delete_ms: 0,
            snapshot_ms: 20_000,
            snapshot_quota: Some(SnapshotQuota::Instance(1)),
        }
    }

    /// That there are limits is known, their numbers are not: these are guesses on the safe side.
    fn rate_rules(&self) -> Vec<RateRule> {
        vec![RateRule {
            concerns: |_| true,
            shape: Shape::Bucket {
                capacity: 100,
                per_second: 10.0,
            },
        }]
    }

    fn rate_headers(&self, _states: &[RateState], _refused: bool) -> Vec<(&'static str, String)> {
        Vec::new()
    }

    fn authenticate(&self, call: &Call, credentials: &Credentials) -> Result<Access, Refusal> {
        self.0.tokens.check(call, credentials)
    }

    /// The document's pattern takes any UUID, its text wants one of version 4.
    fn flaw_of_request(&self, call: &Call) -> Option<String> {
        let id = call.header("x-request-id").unwrap_or("");
        let is_good = call.path().starts_with("/_") || is_random_uuid(id);
        (!is_good).then(|| "x-request-id must be a UUID of version 4".to_owned())
    }

    /// Nothing is removed here, so a removal is what comes nearest: to cancel a machine, or to wipe it by a
    /// reinstallation without `userData`. One with `userData` makes a machine new for somebody, as an order does.
    fn op(&self, call: &Call) -> Option<Op> {
        let has_user_data = || {
            call.json_text("userData")
                .is_some_and(|text| !text.is_empty())
        };
        match (call.method().as_str(), call.template()) {
            ("POST", "/v1/compute/instances") => Some(Op::CreateInstance),
            ("PUT", "/v1/compute/instances/{id}") if has_user_data() => Some(Op::CreateInstance),
            ("PUT", "/v1/compute/instances/{id}")
            | ("POST", "/v1/compute/instances/{id}/cancel") => Some(Op::DeleteInstance),
            ("GET", "/v1/compute/instances/{id}") => Some(Op::GetInstance),
            ("GET", "/v1/compute/instances") => Some(Op::ListInstances),
            ("POST", "/v1/compute/instances/{id}/snapshots") => Some(Op::CreateSnapshot),
            ("POST", "/v1/compute/instances/{id}/actions/{action}") => {
                let turns = ["start", "stop", "shutdown", "restart"];
                turns.contains(&call.param("action")).then_some(Op::Power)
            }
            ("POST", "/v1/secrets") => {
                (call.json_text("type") != Some("password")).then_some(Op::CreateKey)
            }
            ("GET", "/v1/secrets") => Some(Op::ListKeys),
            _ => None,
        }
    }

    fn render(&self, refusal: &Refusal) -> Answer {
        refusals::render(refusal)
    }

    fn contracts(&self, world: &World) -> Vec<Contract> {
        contracts::all(world)
    }

    fn routes(&self) -> Router<Sim> {
        instance_routes()
            .merge(other_routes())
            .layer(Extension(Arc::clone(&self.0)))
    }

    fn side_routes(&self) -> Router<Sim> {
        Router::new()
            .route(tokens::PATH, post(tokens::issue))
            .layer(Extension(Arc::clone(&self.0)))
    }

    /// The token is one that does not end, for a look by hand; programs get theirs at `token_url`.
    fn greeting(&self, origin: &str, credentials: &Credentials) -> Value {
        json!({
            "url": format!("{origin}{}", self.prefix()),
            "token": credentials.token,
            "token_url": format!("{origin}{}", tokens::PATH),
            "client_id": credentials.client_id,
            "client_secret": credentials.client_secret,
            "user": credentials.user,
            "password": credentials.password,
        })
    }
}

fn instance_routes() -> Router<Sim> {
    Router::new()
        .route(
            "/v1/compute/instances",
            get(instances::list).post(instances::create),
        )
        .route(
            "/v1/compute/instances/{id}",
            get(instances::show)
                .patch(instances::rename)
                .put(instances::reinstall),
        )
        .route("/v1/compute/instances/{id}/cancel", post(contracts::cancel))
        .route(
            "/v1/compute/instances/{id}/upgrade",
            post(instance_actions::upgrade),
        )
        .route(
            "/v1/compute/instances/{id}/products/available",
            get(catalog::products),
        )
        .route(
            "/v1/compute/instances/{id}/actions/{action}",
            post(instance_actions::act),
        )
        .route(
            "/v1/compute/instances/{id}/snapshots",
            get(snapshots::list).post(snapshots::create),
        )
        .route(
            "/v1/compute/instances/{id}/snapshots/{snapshot}",
            get(snapshots::show)
                .patch(snapshots::update)
                .delete(snapshots::delete),
        )
        .route(
            "/v1/compute/instances/{id}/snapshots/{snapshot}/rollback",
            post(snapshots::roll_back),
        )
}

fn other_routes() -> Router<Sim> {
    Router::new()
        .route("/v1/compute/images", get(images::list).post(images::create))
        .route("/v1/compute/images/stats", get(images::stats))
        .route(
            "/v1/compute/images/{id}",
            get(images::show)
                .patch(images::update)
                .delete(images::delete),
        )
        .route("/v1/data-centers", get(catalog::data_centers))
        .route("/v1/secrets", get(secrets::list).post(secrets::create))
        .route(
            "/v1/secrets/{id}",
            get(secrets::show)
                .patch(secrets::update)
                .delete(secrets::delete),
        )
        .route("/v1/tags", get(tags::list).post(tags::create))
        .route(
            "/v1/tags/{id}",
            get(tags::show).patch(tags::update).delete(tags::delete),
        )
        .route("/v1/tags/{id}/assignments", get(tags::assignments))
        .route(
            "/v1/tags/{id}/assignments/{kind}/{resource}",
            get(tags::assignment)
                .post(tags::assign)
                .delete(tags::unassign),
        )
        .route(
            "/v1/firewalls",
            get(firewalls::list).post(firewalls::create),
        )
        .route("/v1/firewalls/preset-rules", get(firewalls::presets))
        .route(
            "/v1/firewalls/{id}",
            get(firewalls::show)
                .patch(firewalls::update)
                .put(firewalls::set_rules)
                .delete(firewalls::delete),
        )
        .route(
            "/v1/firewalls/{id}/instances/{instance}",
            post(firewalls::assign).delete(firewalls::unassign),
        )
        .route("/v1/users/client", get(account::client))
}

/// Whether a text is a UUID of version 4.
fn is_random_uuid(text: &str) -> bool {
    let groups: Vec<&str> = text.split('-').collect();
    let lengths: Vec<usize> = groups.iter().map(|group| group.len()).collect();
    lengths == [8, 4, 4, 4, 12]
        && groups
            .iter()
            .all(|group| group.chars().all(|c| c.is_ascii_hexdigit()))
        && groups[2].starts_with('4')
        && groups[3].starts_with(['8', '9', 'a', 'b', 'A', 'B'])
}

/// What the API answers where something inside has failed.
fn internal_error() -> Refusal {
    let why = "Internal Server Error, retry or contact support";
    Refusal::new(Reason::Own(500, "internal"), why)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_uuids_of_version_4_are_random() {
        assert!(is_random_uuid("51A87ECD-754E-4104-9C54-D01AD0F83406"));
        for other in [
            "",
            "51A87ECD-754E-1104-9C54-D01AD0F83406",
            "51A87ECD-754E-4104-7C54-D01AD0F83406",
            "51A87ECD754E41049C54D01AD0F83406",
            "51A87ECD-754E-4104-9C54-D01AD0F8340G",
        ] {
            assert!(!is_random_uuid(other), "{other}");
        }
    }
}
