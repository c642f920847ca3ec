//! What the API sends and takes: <https://api.contabo.com>. `data` is always a list, of one thing too.
//! The document requires almost every field and the API leaves many of them empty, so here only the
//! ids are required.

use std::net::IpAddr;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use vps_docker_core::http::lenient::{or_default, readable};
use vps_docker_core::http::words;

use crate::lenient::{count, id, text};

/// An answer.
#[derive(Debug, Deserialize)]
pub(crate) struct Answer<T> {
    pub(crate) data: Vec<T>,
}

/// A page of a listing. Each of its items must be readable: half a listing is a wrong one.
#[derive(Debug, Deserialize)]
pub(crate) struct Listing<T> {
    pub(crate) data: Vec<T>,
    #[serde(rename = "_pagination", default, deserialize_with = "or_default")]
    pub(crate) pagination: Pagination,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Pagination {
    #[serde(default, deserialize_with = "count")]
    pub(crate) total_elements: Option<u64>,
    #[serde(default, deserialize_with = "count")]
    pub(crate) total_pages: Option<u64>,
}

/// An instance, as `InstanceResponse`, `ListInstancesResponseData` and `CreateInstanceResponseData`
/// describe it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Machine {
    #[serde(deserialize_with = "id")]
    pub(crate) instance_id: u64,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) name: String,
    #[serde(default, deserialize_with = "text")]
    pub(crate) display_name: String,
    #[serde(default)]
    pub(crate) status: Status,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) error_message: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) product_id: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) region: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) image_id: Option<String>,
    #[serde(rename = "ipConfig", default, deserialize_with = "address")]
    pub(crate) address: Option<IpAddr>,
    /// RFC 3339.
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) created_date: String,
    /// A date, or empty.
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) cancel_date: String,
}

/// The public address in `ipConfig`, which holds one object for each family; any of them may be null or
/// empty.
fn address<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<IpAddr>, D::Error> {
    let config = Value::deserialize(deserializer)?;
    let of_family = |family: &str| {
        let address: IpAddr = config
            .get(family)?
            .get("ip")?
            .as_str()?
            .trim()
            .parse()
            .ok()?;
        (!address.is_unspecified()).then_some(address)
    };
    Ok(of_family("v4").or_else(|| of_family("v6")))
}

words! {
    /// What a machine is doing, as `instanceStatus` names it; its `unknown` and `other` are unknown here, too.
    Status {
        Provisioning = "provisioning",
        Installing = "installing",
        Uninstalled = "uninstalled",
        Running = "running",
        Stopped = "stopped",
        Error = "error",
        Rescue = "rescue",
        ResetPassword = "reset_password",
        PendingPayment = "pending_payment",
        VerificationRequired = "verification_required",
        ManualProvisioning = "manual_provisioning",
        ProductNotAvailable = "product_not_available",
    }
}

/// `CreateInstanceRequest`. No Debug: `user_data` is a secret.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OrderRequest<'a> {
    pub(crate) product_id: &'a str,
    pub(crate) region: &'a str,
    pub(crate) period: u32,
    pub(crate) display_name: &'a str,
    #[serde(flatten)]
    pub(crate) system: Reinstall<'a>,
}

/// `ReinstallInstanceRequest`. No Debug: `user_data` is a secret.
#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Reinstall<'a> {
    pub(crate) image_id: &'a str,
    #[serde(skip_serializing_if = "<[u64]>::is_empty")]
    pub(crate) ssh_keys: &'a [u64],
    #[serde(skip_serializing_if = "str::is_empty")]
    pub(crate) user_data: &'a str,
    pub(crate) default_user: &'a str,
}

/// `PatchInstanceRequest`: the only thing of a machine that can be changed.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PatchRequest<'a> {
    pub(crate) display_name: &'a str,
}

/// `CancelInstanceRequest`: without a date it is the next one possible.
#[derive(Debug, Serialize)]
pub(crate) struct CancelRequest {}

/// `CancelInstanceResponseData`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Cancelled {
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) cancel_date: String,
}

/// `ListImageResponseData`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Image {
    pub(crate) image_id: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) name: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) description: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) os_type: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) error_message: String,
}

/// `DataCenterResponse`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DataCenter {
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) region_slug: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) region_name: String,
    #[serde(default, deserialize_with = "readable")]
    pub(crate) capabilities: Vec<String>,
}

/// `SecretResponse` of type `ssh`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Secret {
    #[serde(deserialize_with = "id")]
    pub(crate) secret_id: u64,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) name: String,
    /// A public key; not in listings, though the document requires it there.
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) value: String,
}

/// `CreateSecretRequest`.
#[derive(Debug, Serialize)]
pub(crate) struct SecretRequest<'a> {
    pub(crate) name: &'a str,
    pub(crate) value: &'a str,
    pub(crate) r#type: &'a str,
}

/// `SnapshotResponse`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Snapshot {
    pub(crate) snapshot_id: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) name: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) description: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) created_date: String,
}

/// `CreateSnapshotRequest`.
#[derive(Debug, Serialize)]
pub(crate) struct SnapshotRequest<'a> {
    pub(crate) name: &'a str,
    pub(crate) description: &'a str,
}

/// `FirewallResponse` and `ListFirewallResponseData`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Firewall {
    pub(crate) firewall_id: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) name: String,
    #[serde(default, deserialize_with = "readable")]
    pub(crate) instances: Vec<FirewalledInstance>,
    #[serde(default, deserialize_with = "readable")]
    pub(crate) instance_status: Vec<FirewalledInstance>,
}

/// `InstanceDetails` and `InstanceStatusRepresentation`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FirewalledInstance {
    #[serde(deserialize_with = "id")]
    pub(crate) instance_id: u64,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) status: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) error_message: String,
}

/// `CreateFirewallRequest`.
#[derive(Debug, Serialize)]
pub(crate) struct FirewallRequest<'a> {
    pub(crate) name: &'a str,
    pub(crate) description: &'a str,
    pub(crate) status: &'a str,
    pub(crate) rules: &'a Rules,
}

/// `PutFirewallRequest`.
#[derive(Debug, Serialize)]
pub(crate) struct RulesRequest<'a> {
    pub(crate) rules: &'a Rules,
}

/// `RulesRequest`.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Rules {
    pub(crate) inbound: Vec<Rule>,
}

/// `FirewallRuleRequest`.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Rule {
    pub(crate) protocol: &'static str,
    pub(crate) dest_ports: Vec<String>,
    pub(crate) src_cidr: Sources,
    pub(crate) action: &'static str,
    pub(crate) status: &'static str,
}

/// `SrcCidr`.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Sources {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) ipv4: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) ipv6: Vec<String>,
}
