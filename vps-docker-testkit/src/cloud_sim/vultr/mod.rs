//! Vultr, API v2, as its document and FACTS tell of it in autumn 2026.
//!
//! * An instance that installs is locked: who destroys, switches, snapshots or reinstalls it is answered 500
//!   "Server is currently locked", unless the seed switches `locks` off.
//! * One that is not there is answered 404. At times the real one answers 400 "invalid instance ID"; the seed's
//!   `vultr.gone_is_400` does that.
//! * What is not stated is chosen: tags and labels may be any text, `user_data` as long as a request may be, a
//!   firewall group that instances stand behind cannot be deleted, and how long each state takes.
//!
//! Not there: ISOs, VPCs, changes of addresses and their reverse names, conversions of addresses, snapshots from
//! a URL, automatic backups (they can be asked for and are never made), bare metal, and the password of an
//! instance but in the answer to its order. Changes of the plan take no time.

mod account;
mod body;
mod catalog;
mod changes;
mod details;
mod firewall_rules;
mod firewalls;
mod instances;
mod listing;
mod offer;
mod refusals;
mod reserved_ips;
mod seed;
mod show;
mod snapshots;
mod ssh_keys;
mod startup_scripts;
mod update;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use axum::Router;
use axum::routing::{get, post};
use rust_decimal::Decimal;

use super::answer::Answer;
use super::call::Call;
use super::cloud::Cloud;
use super::credentials::{Access, Credentials};
use super::fault::Op;
use super::id::Id;
use super::offer::{Offer, Price};
use super::openapi::Exception;
use super::rate_limit::{RateRule, RateState, Shape, whole_seconds};
use super::refusal::{Reason, Refusal};
use super::sim::Sim;
use super::world::{Rules, World};

pub use seed::VultrSeed;

/// The cloud.
#[derive(Debug)]
pub(crate) struct Vultr {
    allow_list: Option<Vec<IpAddr>>,
}

const CHEAP: &str = "a plan may cost 2.50 or 3.50 a month, which is no integer";
const UNUSED: &str = "Apache Libcloud sends it with everything, and the API passes it over";
const REPEATED: &str = "the official Node client repeats the id there, and the API passes it over";
const TEXT: &str = "the official Node client sends the id as text, and the API reads it";
const NUMBER: &str = "the official Go client sends the id as the number that it is";
const ANYWHERE: &str =
    "the introduction has it for all operations, which themselves lack it here and there";

const FORM: &str = "the official Ansible collection calls its JSON a form, and the API reads it";

const NULL: &str =
    "the official Ansible collection sends null for what it leaves out, and the API takes it so";

const EXCEPTIONS: &[Exception] = &[
    Exception::request("*", "/*=null", NULL),
    Exception::request("*", "?content-type", FORM),
    Exception::request("POST /v2/instances/{instance-id}/halt", "/", REPEATED),
    Exception::request("POST /v2/instances/{instance-id}/reboot", "/", REPEATED),
    Exception::request("POST /v2/instances/{instance-id}/start", "/", REPEATED),
    Exception::request("*", "?per_page", UNUSED),
    Exception::request("PATCH /v2/instances/{instance-id}", "/os_id", NUMBER),
    Exception::request("POST /v2/instances", "/os_id", TEXT),
    Exception::response("GET /v2/plans", "/plans/*/monthly_cost", CHEAP),
    Exception::response("*", "=400", ANYWHERE),
    Exception::response("*", "=401", ANYWHERE),
    Exception::response("*", "=403", ANYWHERE),
    Exception::response("*", "=404", ANYWHERE),
    Exception::response("*", "=429", ANYWHERE),
    Exception::response("*", "=500", ANYWHERE),
];

impl Vultr {
    pub(crate) fn new(seed: &VultrSeed) -> Self {
        Self {
            allow_list: seed.allow_list.clone(),
        }
    }
}

impl Cloud for Vultr {
    fn prefix(&self) -> &'static str {
        "/v2"
    }

    fn document(&self) -> &'static str {
        "vultr.json"
    }

    fn exceptions(&self) -> &'static [Exception] {
        EXCEPTIONS
    }

    fn id_text(&self, id: Id) -> String {
        id.uuid()
    }

    fn offer(&self) -> Offer {
        offer::offer()
    }

    fn rules(&self) -> Rules {
        Rules {
            unique_names: false,
            unique_key_names: false,
            unique_keys: false,
            // Not stated.
            user_data_limit: usize::MAX,
            locks: true,
            delete_at_once: true,
            boot_ms: 30_000,
            ip_delay_ms: 6_000,
            power_ms: 3_000,
            delete_ms: 0,
            snapshot_ms: 60_000,
            snapshot_quota: None,
        }
    }

    /// 30 a second.
    fn rate_rules(&self) -> Vec<RateRule> {
        vec![RateRule {
            concerns: |_| true,
            shape: Shape::Window {
                most: 30,
                length: Duration::from_secs(1),
            },
        }]
    }

    fn limits_by_source(&self) -> bool {
        true
    }

    fn rate_headers(&self, states: &[RateState], refused: bool) -> Vec<(&'static str, String)> {
        let exceeded = states.iter().filter(|state| refused && state.exceeded);
        let header = |state: &RateState| {
            let seconds = whole_seconds(state.until_next).max(1);
            ("retry-after", seconds.to_string())
        };
        exceeded.map(header).collect()
    }

    fn is_public(&self, call: &Call) -> bool {
        let paths = [
            "/v2/applications",
            "/v2/os",
            "/v2/plans",
            "/v2/regions",
            "/v2/regions/{id}/availability",
        ];
        paths.contains(&call.template())
    }

    fn authenticate(&self, call: &Call, credentials: &Credentials) -> Result<Access, Refusal> {
        let unauthorized = |why: String| Refusal::new(Reason::Unauthorized, why);
        let access = credentials.check_bearer(call);
        let access = access.map_err(|_| unauthorized("Invalid API token.".to_owned()))?;
        match (&self.allow_list, call.source()) {
            (Some(allowed), Some(source)) if !allowed.contains(&source) => {
                Err(unauthorized(format!("Unauthorized IP address: {source}")))
            }
            _ => Ok(access),
        }
    }

    fn op(&self, call: &Call) -> Option<Op> {
        match (call.method().as_str(), call.template()) {
            ("POST", "/v2/instances") => Some(Op::CreateInstance),
            ("GET", "/v2/instances/{id}") => Some(Op::GetInstance),
            ("GET", "/v2/instances") => Some(Op::ListInstances),
            ("DELETE", "/v2/instances/{id}") => Some(Op::DeleteInstance),
            ("POST", "/v2/ssh-keys") => Some(Op::CreateKey),
            ("GET", "/v2/ssh-keys") => Some(Op::ListKeys),
            ("POST", "/v2/snapshots") => Some(Op::CreateSnapshot),
            (
                "POST",
                "/v2/instances/start"
                | "/v2/instances/halt"
                | "/v2/instances/reboot"
                | "/v2/instances/{id}/start"
                | "/v2/instances/{id}/halt"
                | "/v2/instances/{id}/reboot",
            ) => Some(Op::Power),
            _ => None,
        }
    }

    fn render(&self, refusal: &Refusal) -> Answer {
        refusals::render(refusal)
    }

    /// Reserved addresses, whether an instance has them or not.
    fn other_costs(&self, world: &World) -> Price {
        let count = world
            .others
            .get(reserved_ips::KIND)
            .map_or(0, BTreeMap::len);
        let one = reserved_ips::price();
        Price {
            hourly: one.hourly * Decimal::from(count),
            monthly: one.monthly * Decimal::from(count),
        }
    }

    fn routes(&self) -> Router<Sim> {
        instance_routes()
            .merge(network_routes())
            .route("/v2/account", get(account::account))
            .route("/v2/account/bandwidth", get(account::bandwidth))
            .route("/v2/applications", get(catalog::applications))
            .route("/v2/os", get(catalog::systems))
            .route("/v2/plans", get(catalog::plans))
            .route("/v2/regions", get(catalog::regions))
            .route("/v2/regions/{id}/availability", get(catalog::availability))
            .route("/v2/backups", get(catalog::backups))
            .route("/v2/backups/{id}", get(catalog::backup))
            .route("/v2/ssh-keys", get(ssh_keys::list).post(ssh_keys::create))
            .route(
                "/v2/ssh-keys/{id}",
                get(ssh_keys::show)
                    .patch(ssh_keys::update)
                    .delete(ssh_keys::delete),
            )
            .route(
                "/v2/snapshots",
                get(snapshots::list).post(snapshots::create),
            )
            .route(
                "/v2/snapshots/{id}",
                get(snapshots::show)
                    .put(snapshots::update)
                    .delete(snapshots::delete),
            )
            .route(
                "/v2/startup-scripts",
                get(startup_scripts::list).post(startup_scripts::create),
            )
            .route(
                "/v2/startup-scripts/{id}",
                get(startup_scripts::show)
                    .patch(startup_scripts::update)
                    .delete(startup_scripts::delete),
            )
    }
}

fn instance_routes() -> Router<Sim> {
    Router::new()
        .route(
            "/v2/instances",
            get(instances::list).post(instances::create),
        )
        .route(
            "/v2/instances/{id}",
            get(instances::show)
                .patch(update::update)
                .delete(instances::delete),
        )
        .route("/v2/instances/start", post(changes::start_all))
        .route("/v2/instances/halt", post(changes::halt_all))
        .route("/v2/instances/reboot", post(changes::reboot_all))
        .route("/v2/instances/{id}/start", post(changes::start))
        .route("/v2/instances/{id}/halt", post(changes::halt))
        .route("/v2/instances/{id}/reboot", post(changes::reboot))
        .route("/v2/instances/{id}/reinstall", post(changes::reinstall))
        .route("/v2/instances/{id}/restore", post(changes::restore))
        .route("/v2/instances/{id}/user-data", get(details::user_data))
        .route("/v2/instances/{id}/ipv4", get(details::ipv4))
        .route("/v2/instances/{id}/ipv6", get(details::ipv6))
        .route("/v2/instances/{id}/vpcs", get(details::vpcs))
        .route("/v2/instances/{id}/bandwidth", get(details::bandwidth))
        .route("/v2/instances/{id}/upgrades", get(details::upgrades))
        .route(
            "/v2/instances/{id}/backup-schedule",
            get(details::backup_schedule),
        )
}

fn network_routes() -> Router<Sim> {
    Router::new()
        .route(
            "/v2/firewalls",
            get(firewalls::list).post(firewalls::create),
        )
        .route(
            "/v2/firewalls/{id}",
            get(firewalls::show)
                .put(firewalls::update)
                .delete(firewalls::delete),
        )
        .route(
            "/v2/firewalls/{id}/rules",
            get(firewall_rules::list).post(firewall_rules::create),
        )
        .route(
            "/v2/firewalls/{id}/rules/{rule}",
            get(firewall_rules::show).delete(firewall_rules::delete),
        )
        .route(
            "/v2/reserved-ips",
            get(reserved_ips::list).post(reserved_ips::create),
        )
        .route(
            "/v2/reserved-ips/{id}",
            get(reserved_ips::show)
                .patch(reserved_ips::update)
                .delete(reserved_ips::delete),
        )
        .route("/v2/reserved-ips/{id}/attach", post(reserved_ips::attach))
        .route("/v2/reserved-ips/{id}/detach", post(reserved_ips::detach))
}
