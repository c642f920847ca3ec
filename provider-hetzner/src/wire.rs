//! What goes over the wire, as far as it is used: <https://docs.hetzner.cloud/reference/cloud>.
//!
//! Of what comes back, only that without which nothing works must be there: ids, the names that are
//! ids in the catalogue, and the lists themselves. Everything else that is missing or not what it
//! should be is taken for unknown.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};
use vps_docker_core::http::lenient::{null_is_empty, or_default, readable};
use vps_docker_core::http::words;

use crate::listing::Listed;

/// Keys and values.
pub(crate) type Labels = BTreeMap<String, String>;

/// For `deserialize_with`: none at all are an empty map; values that are no text are written as JSON.
/// Anything but a map is an error, for labels say whose something is.
fn labels<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Labels, D::Error> {
    let labels = Option::<Map<String, Value>>::deserialize(deserializer)?.unwrap_or_default();
    let text = |(key, value)| match value {
        Value::String(text) => (key, text),
        Value::Null => (key, String::new()),
        other => (key, other.to_string()),
    };
    Ok(labels.into_iter().map(text).collect())
}

macro_rules! listed {
    ($($item:ident = $key:literal),+ $(,)?) => {
        $(impl Listed for $item {
            const KEY: &'static str = $key;
        })+
    };
}

listed! {
    Server = "servers",
    Action = "actions",
    Image = "images",
    SshKey = "ssh_keys",
    Firewall = "firewalls",
    Location = "locations",
    ServerType = "server_types",
}

/// A server.
#[derive(Debug, Deserialize)]
pub(crate) struct Server {
    pub(crate) id: u64,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) status: ServerStatus,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) created: Option<String>,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) public_net: PublicNet,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) server_type: Option<Named>,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) location: Option<Named>,
    /// Where the location stood until July 2026.
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) datacenter: Option<Datacenter>,
    #[serde(default, deserialize_with = "labels")]
    pub(crate) labels: Labels,
}

words! {
    /// What a server is doing.
    ServerStatus {
        Running = "running",
        Initializing = "initializing",
        Starting = "starting",
        Stopping = "stopping",
        Off = "off",
        Deleting = "deleting",
        Migrating = "migrating",
        Rebuilding = "rebuilding",
    }
}

/// A server's public addresses.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct PublicNet {
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) ipv4: Option<PublicAddress>,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) ipv6: Option<PublicAddress>,
}

/// An IPv4 address, or an IPv6 network such as `2001:db8::/64`.
#[derive(Debug, Deserialize)]
pub(crate) struct PublicAddress {
    pub(crate) ip: String,
    /// By Hetzner's abuse department.
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) blocked: bool,
}

/// Something of which the name is enough.
#[derive(Debug, Deserialize)]
pub(crate) struct Named {
    pub(crate) name: String,
}

/// A data centre, as older answers have it.
#[derive(Debug, Deserialize)]
pub(crate) struct Datacenter {
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) location: Option<Named>,
}

/// Something the API has begun: <https://docs.hetzner.cloud/reference/cloud#actions>.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Action {
    pub(crate) id: u64,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) command: String,
    #[serde(default)]
    pub(crate) status: ActionStatus,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) error: Option<ActionError>,
}

words! {
    /// How far an action is.
    ActionStatus {
        Running = "running",
        Success = "success",
        Error = "error",
    }
}

/// Why an action failed.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct ActionError {
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) code: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) message: String,
}

/// A system image or a snapshot.
#[derive(Debug, Deserialize)]
pub(crate) struct Image {
    pub(crate) id: u64,
    #[serde(default)]
    pub(crate) status: ImageStatus,
    /// Only system images have one.
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) name: Option<String>,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) description: String,
    /// Stored size in GB, which is what is paid for.
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) image_size: Option<f64>,
    /// Size of the disk in it, in GB.
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) disk_size: Option<f64>,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) created: Option<String>,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) created_from: Option<CreatedFrom>,
    #[serde(default)]
    pub(crate) architecture: Architecture,
    /// Since when.
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) deprecated: Option<String>,
    /// Since when.
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) deleted: Option<String>,
}

words! {
    /// Whether an image can be used.
    ImageStatus {
        Available = "available",
        Creating = "creating",
        Unavailable = "unavailable",
    }
}

words! {
    /// A processor's.
    Architecture {
        X86 = "x86",
        Arm = "arm",
    }
}

/// The server that a snapshot was made of.
#[derive(Debug, Deserialize)]
pub(crate) struct CreatedFrom {
    pub(crate) id: u64,
}

/// An SSH public key.
#[derive(Debug, Deserialize)]
pub(crate) struct SshKey {
    pub(crate) id: u64,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) name: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) public_key: String,
}

/// A firewall.
#[derive(Debug, Deserialize)]
pub(crate) struct Firewall {
    pub(crate) id: u64,
    #[serde(default, deserialize_with = "readable")]
    pub(crate) applied_to: Vec<Resource>,
}

/// What a firewall stands before. Sent as well.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Resource {
    #[serde(rename = "type", default, deserialize_with = "or_default")]
    pub(crate) kind: String,
    #[serde(default, deserialize_with = "or_default")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) server: Option<ServerId>,
}

/// A server by its id. Sent as well.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct ServerId {
    pub(crate) id: u64,
}

/// A place.
#[derive(Debug, Deserialize)]
pub(crate) struct Location {
    pub(crate) name: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) description: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) country: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) city: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) network_zone: String,
}

/// A size of servers.
#[derive(Debug, Deserialize)]
pub(crate) struct ServerType {
    pub(crate) name: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) description: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) cores: f64,
    /// GB.
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) memory: f64,
    /// GB.
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) disk: f64,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) cpu_type: String,
    #[serde(default)]
    pub(crate) architecture: Architecture,
    /// Whether it is on its way out everywhere. Replaced by the one of each location.
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) deprecated: bool,
    #[serde(default, deserialize_with = "readable")]
    pub(crate) prices: Vec<LocalPrice>,
    #[serde(default, deserialize_with = "readable")]
    pub(crate) locations: Vec<LocalType>,
}

/// What a server type costs somewhere.
#[derive(Debug, Deserialize)]
pub(crate) struct LocalPrice {
    pub(crate) location: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) price_hourly: Option<Amount>,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) price_monthly: Option<Amount>,
}

/// An amount without and with taxes, of which we tell the former.
#[derive(Debug, Deserialize)]
pub(crate) struct Amount {
    /// A decimal number as text.
    pub(crate) net: String,
}

/// How a server type is to be had somewhere.
#[derive(Debug, Deserialize)]
pub(crate) struct LocalType {
    pub(crate) name: String,
    /// Taken for true where it is not told.
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) available: Option<bool>,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) recommended: bool,
    /// Anything but null says that it is on its way out.
    #[serde(default)]
    pub(crate) deprecation: Option<Value>,
}

/// `GET /servers/{id}`.
#[derive(Debug, Deserialize)]
pub(crate) struct ServerAnswer {
    pub(crate) server: Server,
}

/// `POST /servers`. The root password in it is not read.
#[derive(Debug, Deserialize)]
pub(crate) struct CreatedServer {
    pub(crate) server: Server,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) action: Option<Action>,
    #[serde(default, deserialize_with = "readable")]
    pub(crate) next_actions: Vec<Action>,
}

/// What began something with a server.
#[derive(Debug, Deserialize)]
pub(crate) struct ActionAnswer {
    pub(crate) action: Action,
}

/// What began something with a firewall.
#[derive(Debug, Deserialize)]
pub(crate) struct ActionsAnswer {
    pub(crate) actions: Vec<Action>,
}

/// `POST /servers/{id}/actions/create_image`.
#[derive(Debug, Deserialize)]
pub(crate) struct CreatedImage {
    pub(crate) image: Image,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) action: Option<Action>,
}

/// `GET /images/{id}`.
#[derive(Debug, Deserialize)]
pub(crate) struct ImageAnswer {
    pub(crate) image: Image,
}

/// `POST /ssh_keys`.
#[derive(Debug, Deserialize)]
pub(crate) struct SshKeyAnswer {
    pub(crate) ssh_key: SshKey,
}

/// `POST /firewalls`.
#[derive(Debug, Deserialize)]
pub(crate) struct CreatedFirewall {
    /// Proof that it was made.
    #[allow(dead_code)]
    pub(crate) firewall: Firewall,
    #[serde(default, deserialize_with = "null_is_empty")]
    pub(crate) actions: Vec<Action>,
}

/// `GET /pricing`, of which the currency of the project and the price of snapshots are wanted.
#[derive(Debug, Deserialize)]
pub(crate) struct PricingAnswer {
    pub(crate) pricing: Pricing,
}

/// Prices.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Pricing {
    pub(crate) currency: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) image: ImagePrice,
}

/// Of images of one's own: snapshots.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct ImagePrice {
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) price_per_gb_month: Option<Amount>,
}

/// A refusal: <https://docs.hetzner.cloud/reference/cloud#errors>.
#[derive(Debug, Deserialize)]
pub(crate) struct RefusalBody {
    pub(crate) error: RefusalError,
}

/// Why.
#[derive(Debug, Deserialize)]
pub(crate) struct RefusalError {
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) code: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) message: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) details: RefusalDetails,
}

/// What of the input, or of the quota.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct RefusalDetails {
    #[serde(default, deserialize_with = "readable")]
    pub(crate) fields: Vec<RefusedField>,
    #[serde(default, deserialize_with = "readable")]
    pub(crate) limits: Vec<Named>,
}

/// A field of the input that is wrong.
#[derive(Debug, Deserialize)]
pub(crate) struct RefusedField {
    pub(crate) name: String,
    #[serde(default, deserialize_with = "readable")]
    pub(crate) messages: Vec<String>,
}

/// `POST /servers`. No Debug: `user_data` is secret.
#[derive(Serialize)]
pub(crate) struct CreateServer<'a> {
    pub(crate) name: &'a str,
    pub(crate) location: &'a str,
    pub(crate) server_type: &'a str,
    /// A name or, of a snapshot, an id; as text either way.
    pub(crate) image: &'a str,
    /// Names or ids, as text either way.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) ssh_keys: Vec<&'a str>,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub(crate) user_data: &'a str,
    pub(crate) labels: &'a Labels,
}

/// `PUT /servers/{id}`: what is not there is not changed.
#[derive(Debug, Default, Serialize)]
pub(crate) struct UpdateServer<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) labels: Option<&'a Labels>,
}

/// `POST /servers/{id}/actions/create_image`.
#[derive(Debug, Serialize)]
pub(crate) struct CreateImage<'a> {
    #[serde(rename = "type")]
    pub(crate) kind: &'a str,
    pub(crate) description: &'a str,
    pub(crate) labels: &'a Labels,
}

/// `POST /ssh_keys`.
#[derive(Debug, Serialize)]
pub(crate) struct CreateSshKey<'a> {
    pub(crate) name: &'a str,
    pub(crate) public_key: &'a str,
    pub(crate) labels: &'a Labels,
}

/// `POST /firewalls`.
#[derive(Debug, Serialize)]
pub(crate) struct CreateFirewall<'a> {
    pub(crate) name: &'a str,
    pub(crate) labels: &'a Labels,
    pub(crate) rules: &'a [Rule],
    pub(crate) apply_to: &'a [Resource],
}

/// `POST /firewalls/{id}/actions/set_rules`.
#[derive(Debug, Serialize)]
pub(crate) struct SetRules<'a> {
    pub(crate) rules: &'a [Rule],
}

/// `POST /firewalls/{id}/actions/apply_to_resources`.
#[derive(Debug, Serialize)]
pub(crate) struct ApplyTo<'a> {
    pub(crate) apply_to: &'a [Resource],
}

/// A rule that lets something in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Rule {
    pub(crate) direction: &'static str,
    pub(crate) protocol: &'static str,
    pub(crate) port: String,
    pub(crate) source_ips: Vec<String>,
}
