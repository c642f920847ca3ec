//! Hetzner Cloud, as its document and FACTS tell of it in autumn 2026.
//!
//! Not there: networks, volumes, load balancers, certificates, floating IPs, ISOs, metrics, rescue and backups,
//! changes of the server type, metadata of placement groups.

mod actions;
mod catalog;
mod firewalls;
mod images;
mod labels;
mod listing;
mod offer;
mod primary_ips;
mod refusals;
mod server_actions;
mod servers;
mod ssh_keys;

use axum::Router;
use axum::routing::{get, post};
use rust_decimal::Decimal;
use serde::Deserialize;

use super::answer::Answer;
use super::call::Call;
use super::cloud::Cloud;
use super::fault::Op;
use super::offer::{Offer, Price};
use super::openapi::Exception;
use super::rate_limit::{RateRule, RateState, Shape};
use super::refusal::Refusal;
use super::sim::Sim;
use super::world::{Rules, SnapshotQuota, World};

/// The cloud.
#[derive(Debug)]
pub(crate) struct Hetzner;

const NUMBERS: &str = "the official clients send ids as numbers, and the API takes them";
const UNUSED: &str = "the official command line sends it, and the API passes it over";

const EXCEPTIONS: &[Exception] = &[
    Exception::request("POST /v1/servers", "/ssh_keys/*", NUMBERS),
    Exception::request("POST /v1/servers", "/image", NUMBERS),
    Exception::request("POST /v1/servers", "/server_type", NUMBERS),
    Exception::request("POST /v1/servers", "/location", NUMBERS),
    Exception::request("POST /v1/servers/{id}/actions/rebuild", "/image", NUMBERS),
    Exception::request("GET /v1/server_types", "?sort", UNUSED),
    Exception::request("GET /v1/actions", "?page", UNUSED),
    Exception::request("GET /v1/actions", "?per_page", UNUSED),
    Exception::response(
        "*",
        "/**/assignee_type",
        "the enum lacks `unassigned`, which is returned since 2026-08-01",
    ),
];

impl Cloud for Hetzner {
    fn prefix(&self) -> &'static str {
        "/v1"
    }

    fn document(&self) -> &'static str {
        "hetzner.json"
    }

    fn exceptions(&self) -> &'static [Exception] {
        EXCEPTIONS
    }

    fn offer(&self) -> Offer {
        offer::offer()
    }

    fn rules(&self) -> Rules {
        Rules {
            unique_names: true,
            unique_key_names: true,
            unique_keys: true,
            user_data_limit: 32 * 1024,
            locks: true,
            delete_at_once: false,
            boot_ms: 12_000,
            ip_delay_ms: 0,
            power_ms: 2_000,
            delete_ms: 1_000,
            snapshot_ms: 30_000,
            snapshot_quota: Some(SnapshotQuota::Account(30)),
        }
    }

    /// 3600 an hour, one more each second, whether with a token or without.
    fn rate_rules(&self) -> Vec<RateRule> {
        vec![RateRule {
            concerns: |_| true,
            shape: Shape::Bucket {
                capacity: 3600,
                per_second: 1.0,
            },
        }]
    }

    fn rate_headers(&self, states: &[RateState], _refused: bool) -> Vec<(&'static str, String)> {
        let header = |state: &RateState| {
            [
                ("ratelimit-limit", state.limit.to_string()),
                ("ratelimit-remaining", state.remaining.to_string()),
                ("ratelimit-reset", state.full_at().to_string()),
            ]
        };
        states.first().map(header).into_iter().flatten().collect()
    }

    fn op(&self, call: &Call) -> Option<Op> {
        let turn = || {
            let turns = ["poweron", "poweroff", "reboot", "reset", "shutdown"];
            turns.contains(&call.param("action"))
        };
        match (call.method().as_str(), call.template()) {
            ("POST", "/v1/servers") => Some(Op::CreateInstance),
            ("GET", "/v1/servers/{id}") => Some(Op::GetInstance),
            ("GET", "/v1/servers") => Some(Op::ListInstances),
            ("DELETE", "/v1/servers/{id}") => Some(Op::DeleteInstance),
            ("POST", "/v1/ssh_keys") => Some(Op::CreateKey),
            ("GET", "/v1/ssh_keys") => Some(Op::ListKeys),
            ("POST", "/v1/servers/{id}/actions/{action}") => match call.param("action") {
                "create_image" => Some(Op::CreateSnapshot),
                _ => turn().then_some(Op::Power),
            },
            _ => None,
        }
    }

    fn render(&self, refusal: &Refusal) -> Answer {
        refusals::render(refusal)
    }

    /// Addresses of IPv4, whether a server has them or not.
    fn other_costs(&self, world: &World) -> Price {
        let addresses = world.others.get("primary_ip").into_iter().flatten();
        let count = addresses.filter(|(_, own)| own["type"] == "ipv4").count();
        let one = catalog::ipv4_price();
        Price {
            hourly: one.hourly * Decimal::from(count),
            monthly: one.monthly * Decimal::from(count),
        }
    }

    fn routes(&self) -> Router<Sim> {
        Router::new()
            .route("/v1/servers", get(servers::list).post(servers::create))
            .route(
                "/v1/servers/{id}",
                get(servers::show)
                    .put(servers::update)
                    .delete(servers::delete),
            )
            .route("/v1/servers/{id}/actions", get(actions::of_server))
            .route(
                "/v1/servers/{id}/actions/{action}",
                get(actions::show_of_server).post(server_actions::act),
            )
            .route("/v1/actions", get(actions::several))
            .route("/v1/actions/{id}", get(actions::show))
            .route("/v1/servers/actions", get(actions::all))
            .route("/v1/servers/actions/{id}", get(actions::show))
            .route("/v1/images/actions/{id}", get(actions::show))
            .route("/v1/firewalls/actions/{id}", get(actions::show))
            .route("/v1/primary_ips/actions/{id}", get(actions::show))
            .route("/v1/ssh_keys", get(ssh_keys::list).post(ssh_keys::create))
            .route(
                "/v1/ssh_keys/{id}",
                get(ssh_keys::show)
                    .put(ssh_keys::update)
                    .delete(ssh_keys::delete),
            )
            .route("/v1/images", get(images::list))
            .route(
                "/v1/images/{id}",
                get(images::show).put(images::update).delete(images::delete),
            )
            .route(
                "/v1/images/{id}/actions/change_protection",
                post(images::change_protection),
            )
            .route("/v1/server_types", get(catalog::server_types))
            .route("/v1/server_types/{id}", get(catalog::server_type))
            .route("/v1/locations", get(catalog::locations))
            .route("/v1/locations/{id}", get(catalog::location))
            .route("/v1/pricing", get(catalog::pricing))
            .route("/v1/datacenters", get(catalog::datacenters))
            .route("/v1/placement_groups", get(catalog::placement_groups))
            .route(
                "/v1/firewalls",
                get(firewalls::list).post(firewalls::create),
            )
            .route(
                "/v1/firewalls/{id}",
                get(firewalls::show)
                    .put(firewalls::update)
                    .delete(firewalls::delete),
            )
            .route("/v1/firewalls/{id}/actions/{action}", post(firewalls::act))
            .route(
                "/v1/primary_ips",
                get(primary_ips::list).post(primary_ips::create),
            )
            .route(
                "/v1/primary_ips/{id}",
                get(primary_ips::show)
                    .put(primary_ips::update)
                    .delete(primary_ips::delete),
            )
    }
}

/// What several kinds of things are called by.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum IdOrName {
    Id(u64),
    Name(String),
}

impl IdOrName {
    /// Whether this is the thing of that number and name. A name of digits is taken for an id.
    fn is(&self, number: u64, name: &str) -> bool {
        match self {
            Self::Id(id) => *id == number,
            Self::Name(text) => text == name || text.parse() == Ok(number),
        }
    }
}
