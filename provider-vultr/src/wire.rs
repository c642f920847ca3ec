//! Vultr's JSON. Of an answer only that is required without which nothing can be done; what is
//! missing, null or of another type than documented has its default. Required are: the list itself
//! of a listing and where its next page begins, ids, and, where an instance has tags, that they are
//! texts: by them it is found again.
//!
//! <https://www.vultr.com/api/>, schemas `instance`, `plans`, `os`, `region`, `snapshot`, `ssh`,
//! `firewall-group`, `firewall-rule`, `meta`.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use vps_docker_core::http::lenient::{Id, or_default};
use vps_docker_core::http::words;

use crate::lenient::{Amount, readable_entries, readable_texts};

/// An instance. The disk's password and the console's address stand beside and are not read.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Instance {
    pub(crate) id: Id,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) label: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) status: Status,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) power_status: PowerStatus,
    /// Health. Often never `ok`: not to be waited for.
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) server_status: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) main_ip: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) v6_main_ip: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) region: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) plan: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) date_created: String,
    #[serde(default)]
    pub(crate) tags: Option<Vec<String>>,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) firewall_group_id: String,
}

words! {
    /// What an instance is doing.
    Status {
        Pending = "pending",
        /// Not documented.
        Installing = "installing",
        Active = "active",
        Suspended = "suspended",
        Resizing = "resizing",
    }
}

words! {
    /// Whether an instance has power. Of one made of a snapshot it may be an empty text.
    PowerStatus { Running = "running", Stopped = "stopped" }
}

/// A size an instance can have.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Plan {
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) id: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) vcpu_count: u32,
    /// In MB, which are MiB.
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) ram: u64,
    /// In GB. 0 of plans that boot from a volume of their own.
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) disk: Option<u64>,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) r#type: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) gpu_type: String,
    /// `hourly` or `monthly`.
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) invoice_type: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) monthly_cost: Option<Amount>,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) hourly_cost: Option<Amount>,
    /// What it costs where that differs.
    #[serde(default, deserialize_with = "readable_entries")]
    pub(crate) location_cost: BTreeMap<String, Cost>,
    /// Where it is to be had; `None` when that is not told.
    #[serde(default, deserialize_with = "readable_texts")]
    pub(crate) locations: Option<Vec<String>>,
    /// False of plans that can only be had as preemptible ones. Not documented.
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) deploy_ondemand: Option<bool>,
}

/// What a plan costs in US dollars.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
pub(crate) struct Cost {
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) monthly_cost: Option<Amount>,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) hourly_cost: Option<Amount>,
}

/// An operating system.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Os {
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) id: Option<u64>,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) name: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) arch: String,
}

/// A place.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Region {
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) id: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) city: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) country: String,
    /// `public_ip`, `nat_gateway`; `None` when that is not told.
    #[serde(default, deserialize_with = "readable_texts")]
    pub(crate) connectivity: Option<Vec<String>>,
}

/// A snapshot of an instance's disk.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Snapshot {
    pub(crate) id: Id,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) description: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) date_created: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) status: SnapshotStatus,
    /// Of the disk, in bytes; 0 while it is being made.
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) size: u64,
    /// As it is stored, in bytes; 0 while it is being made.
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) compressed_size: u64,
}

words! {
    /// How far a snapshot is.
    SnapshotStatus { Pending = "pending", Complete = "complete", Deleted = "deleted" }
}

/// A public key.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct SshKey {
    pub(crate) id: Id,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) name: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) ssh_key: String,
}

/// A firewall, which any number of instances can have.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct FirewallGroup {
    pub(crate) id: Id,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) description: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) max_rule_count: Option<usize>,
}

/// What a firewall lets in.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct FirewallRule {
    pub(crate) id: Id,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) action: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) protocol: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) port: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) subnet: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) subnet_size: Option<u8>,
    /// Whose addresses instead of a subnet's, such as `cloudflare`.
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) source: String,
}

/// `POST /instances`, `GET /instances/{instance-id}`.
#[derive(Debug, Deserialize)]
pub(crate) struct InstanceAnswer {
    pub(crate) instance: Instance,
}

/// `POST /snapshots`, `GET /snapshots/{snapshot-id}`.
#[derive(Debug, Deserialize)]
pub(crate) struct SnapshotAnswer {
    pub(crate) snapshot: Snapshot,
}

/// `POST /ssh-keys`.
#[derive(Debug, Deserialize)]
pub(crate) struct SshKeyAnswer {
    pub(crate) ssh_key: SshKey,
}

/// `POST /firewalls`.
#[derive(Debug, Deserialize)]
pub(crate) struct FirewallGroupAnswer {
    pub(crate) firewall_group: FirewallGroup,
}

/// A page of a listing.
pub(crate) trait Listing: DeserializeOwned + Send {
    /// What is listed.
    type Item: Send;

    /// The items, and what is said of further pages.
    fn split(self) -> (Vec<Self::Item>, Option<Meta>);
}

macro_rules! listings {
    ($($(#[$doc:meta])* $name:ident { $field:ident: $item:ty })*) => { $(
        $(#[$doc])*
        #[derive(Debug, Deserialize)]
        pub(crate) struct $name {
            $field: Vec<$item>,
            #[serde(default)]
            meta: Option<Meta>,
        }

        impl Listing for $name {
            type Item = $item;

            fn split(self) -> (Vec<$item>, Option<Meta>) {
                (self.$field, self.meta)
            }
        }
    )* };
}

listings! {
    /// `GET /instances`.
    Instances { instances: Instance }
    /// `GET /plans`.
    Plans { plans: Plan }
    /// `GET /regions`.
    Regions { regions: Region }
    /// `GET /os`.
    OsList { os: Os }
    /// `GET /snapshots`.
    Snapshots { snapshots: Snapshot }
    /// `GET /ssh-keys`.
    SshKeys { ssh_keys: SshKey }
    /// `GET /firewalls`.
    FirewallGroups { firewall_groups: FirewallGroup }
    /// `GET /firewalls/{firewall-group-id}/rules`.
    FirewallRules { firewall_rules: FirewallRule }
}

/// What a listing says of itself.
#[derive(Debug, Deserialize)]
pub(crate) struct Meta {
    #[serde(default)]
    links: Option<Links>,
}

#[derive(Debug, Deserialize)]
struct Links {
    #[serde(default)]
    next: Option<String>,
}

impl Meta {
    /// The cursor of the next page; `None` on the last one.
    pub(crate) fn next(self) -> Option<String> {
        self.links?.next.filter(|cursor| !cursor.is_empty())
    }
}

/// `POST /instances`. Without Debug: it holds the user data.
#[derive(Serialize)]
pub(crate) struct NewInstance {
    pub(crate) region: String,
    pub(crate) plan: String,
    /// This or the next.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) os_id: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) snapshot_id: Option<String>,
    pub(crate) label: String,
    pub(crate) hostname: String,
    pub(crate) sshkey_id: Vec<String>,
    /// Base64.
    pub(crate) user_data: String,
    pub(crate) tags: Vec<String>,
    /// Mails the user otherwise.
    pub(crate) activation_email: bool,
    /// They cost extra.
    pub(crate) backups: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) enable_ipv6: Option<bool>,
}

/// `PATCH /instances/{instance-id}`: what is left out stays as it is.
#[derive(Debug, Default, Serialize)]
pub(crate) struct InstanceChange {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) label: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tags: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) firewall_group_id: Option<String>,
}

/// `POST /snapshots`.
#[derive(Debug, Serialize)]
pub(crate) struct NewSnapshot<'a> {
    pub(crate) instance_id: &'a str,
    pub(crate) description: &'a str,
}

/// `POST /ssh-keys`.
#[derive(Debug, Serialize)]
pub(crate) struct NewSshKey<'a> {
    pub(crate) name: &'a str,
    pub(crate) ssh_key: &'a str,
}

/// `POST /firewalls`.
#[derive(Debug, Serialize)]
pub(crate) struct NewFirewallGroup<'a> {
    pub(crate) description: &'a str,
}

/// `POST /firewalls/{firewall-group-id}/rules`.
#[derive(Debug, PartialEq, Serialize)]
pub(crate) struct NewFirewallRule {
    /// `v4` or `v6`.
    pub(crate) ip_type: &'static str,
    /// `tcp` or `udp`.
    pub(crate) protocol: &'static str,
    pub(crate) port: String,
    pub(crate) subnet: String,
    pub(crate) subnet_size: u8,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_page_says_so_in_several_ways() {
        for (text, next) in [
            (r#"{"links":{"next":"abc","prev":""}}"#, Some("abc")),
            (r#"{"links":{"next":"","prev":"x"}}"#, None),
            (r#"{"links":{"next":null}}"#, None),
            (r#"{"links":null}"#, None),
            (r#"{"total":3}"#, None),
        ] {
            let meta: Meta = serde_json::from_str(text).expect("read");
            assert_eq!(meta.next().as_deref(), next, "{text}");
        }
    }
}
