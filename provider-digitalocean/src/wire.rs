//! What goes over the wire, as far as it is used: <https://docs.digitalocean.com/reference/api/>.
//! Ids are numbers there, but for those of projects and firewalls.

use serde::{Deserialize, Serialize};
use vps_docker_core::http::lenient::{Id, null_is_empty, or_default, readable};
use vps_docker_core::http::{Page, words};
use vps_docker_core::model::Timestamp;

/// A droplet: an instance.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Droplet {
    pub(crate) id: u64,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) name: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) status: DropletStatus,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) created_at: Option<Timestamp>,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) networks: Networks,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) region: Option<Region>,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) size_slug: String,
    /// `None` when they are not told, as to a token without the scope `tag:read`.
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) tags: Option<Vec<String>>,
}

words! {
    /// What a droplet is doing.
    DropletStatus {
        New = "new",
        /// Powered on; says nothing about SSH or cloud-init.
        Active = "active",
        Off = "off",
    }
}

#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Networks {
    #[serde(default, deserialize_with = "readable")]
    pub(crate) v4: Vec<Network>,
    #[serde(default, deserialize_with = "readable")]
    pub(crate) v6: Vec<Network>,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Network {
    pub(crate) ip_address: std::net::IpAddr,
    /// `public` or `private`.
    #[serde(rename = "type", default, deserialize_with = "or_default")]
    pub(crate) kind: String,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Region {
    pub(crate) slug: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) name: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) available: Option<bool>,
}

/// A plan.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Size {
    pub(crate) slug: String,
    /// MiB.
    pub(crate) memory: u64,
    pub(crate) vcpus: u32,
    /// GiB.
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) disk: Option<u64>,
    /// US dollars.
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) price_monthly: Option<f64>,
    /// US dollars.
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) price_hourly: Option<f64>,
    #[serde(default, deserialize_with = "readable")]
    pub(crate) regions: Vec<String>,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) available: Option<bool>,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) description: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) gpu_info: Option<serde_json::Value>,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Image {
    /// Images without one are those of the account.
    pub(crate) slug: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) name: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) distribution: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) status: ImageStatus,
}

words! {
    ImageStatus {
        New = "NEW",
        Available = "available",
        Pending = "pending",
        Deleted = "deleted",
        /// Withdrawn: no new droplets of it.
        Retired = "retired",
    }
}

/// An errand that the provider has accepted.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Action {
    pub(crate) id: u64,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) status: ActionStatus,
    /// Such as `create` or `snapshot`.
    #[serde(rename = "type", default, deserialize_with = "or_default")]
    pub(crate) kind: String,
}

words! {
    /// How far an errand is.
    ActionStatus {
        InProgress = "in-progress",
        Completed = "completed",
        Errored = "errored",
    }
}

/// A snapshot of a droplet, as listed with the droplet or with all snapshots.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Snapshot {
    /// A number in one list, a text in the other.
    pub(crate) id: Id,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) name: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) created_at: Option<Timestamp>,
    #[serde(default, deserialize_with = "readable")]
    pub(crate) regions: Vec<String>,
    /// GiB.
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) min_disk_size: Option<u64>,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) size_gigabytes: Option<f64>,
    /// The droplet; only in the list of all.
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) resource_id: Option<Id>,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct SshKey {
    pub(crate) id: u64,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) name: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) public_key: String,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Firewall {
    pub(crate) id: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) name: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) status: FirewallStatus,
}

words! {
    /// Whether the droplets' machines know of the rules.
    FirewallStatus {
        Waiting = "waiting",
        Succeeded = "succeeded",
        Failed = "failed",
    }
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Project {
    pub(crate) id: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) name: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) is_default: bool,
}

/// What became of a resource that was to join a project.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Assignment {
    /// `ok`, `assigned`, `already_assigned`; `not_found`, `service_down`.
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) status: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Tag {
    /// As the account spells it.
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) name: String,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Account {
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) droplet_limit: Option<u64>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct DropletBody {
    pub(crate) droplet: Droplet,
}

/// The answer to an order.
#[derive(Debug, Deserialize)]
pub(crate) struct OrderBody {
    pub(crate) droplet: Droplet,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) links: ActionLinks,
}

#[derive(Debug, Default, Deserialize)]
pub(crate) struct ActionLinks {
    #[serde(default, deserialize_with = "readable")]
    pub(crate) actions: Vec<ActionLink>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct ActionLink {
    pub(crate) id: u64,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) rel: String,
}

#[derive(Debug, Deserialize)]
pub(crate) struct ActionBody {
    pub(crate) action: Action,
}

#[derive(Debug, Deserialize)]
pub(crate) struct TagBody {
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) tag: Tag,
}

#[derive(Debug, Deserialize)]
pub(crate) struct SshKeyBody {
    pub(crate) ssh_key: SshKey,
}

#[derive(Debug, Deserialize)]
pub(crate) struct FirewallBody {
    pub(crate) firewall: Firewall,
}

#[derive(Debug, Deserialize)]
pub(crate) struct AssignmentBody {
    #[serde(default, deserialize_with = "readable")]
    pub(crate) resources: Vec<Assignment>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct AccountBody {
    pub(crate) account: Account,
}

/// Most items of a page.
pub(crate) const PER_PAGE: u32 = 200;

/// A page of a listing.
pub(crate) trait ListPage: serde::de::DeserializeOwned {
    type Item;

    /// Its items and the number of the next page; `number` is its own.
    fn into_page(self, number: u32) -> Page<Self::Item, u32>;
}

#[derive(Debug, Default, Deserialize)]
struct Links {
    #[serde(default, deserialize_with = "or_default")]
    pages: PageLinks,
}

#[derive(Debug, Default, Deserialize)]
struct PageLinks {
    #[serde(default, deserialize_with = "or_default")]
    next: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
struct Meta {
    #[serde(default, deserialize_with = "or_default")]
    total: u64,
}

/// Either of the two that tell of a next page is enough: half a listing is a wrong one.
fn next_page(number: u32, is_empty: bool, links: &Links, meta: &Meta) -> Option<u32> {
    let is_told = links.pages.next.is_some();
    let is_missing = meta.total > u64::from(number) * u64::from(PER_PAGE);
    (!is_empty && (is_told || is_missing)).then_some(number + 1)
}

macro_rules! list_page {
    ($name:ident { $items:ident: $item:ty, read by $reader:literal }) => {
        #[derive(Debug, Deserialize)]
        pub(crate) struct $name {
            #[serde(deserialize_with = $reader)]
            $items: Vec<$item>,
            #[serde(default, deserialize_with = "or_default")]
            links: Links,
            #[serde(default, deserialize_with = "or_default")]
            meta: Meta,
        }

        impl ListPage for $name {
            type Item = $item;

            fn into_page(self, number: u32) -> Page<$item, u32> {
                let is_empty = self.$items.is_empty();
                Page {
                    next: next_page(number, is_empty, &self.links, &self.meta),
                    items: self.$items,
                }
            }
        }
    };
}

list_page!(Droplets { droplets: Droplet, read by "null_is_empty" });
list_page!(Actions { actions: Action, read by "null_is_empty" });
list_page!(Snapshots { snapshots: Snapshot, read by "null_is_empty" });
list_page!(SshKeys { ssh_keys: SshKey, read by "null_is_empty" });
list_page!(Firewalls { firewalls: Firewall, read by "null_is_empty" });
list_page!(Projects { projects: Project, read by "null_is_empty" });
// Of what is offered, what cannot be understood is not offered.
list_page!(Regions { regions: Region, read by "readable" });
list_page!(Sizes { sizes: Size, read by "readable" });
list_page!(Images { images: Image, read by "readable" });

/// An order. No Debug: `user_data` is secret.
#[derive(Serialize)]
pub(crate) struct CreateDroplet<'a> {
    pub(crate) name: &'a str,
    pub(crate) region: &'a str,
    pub(crate) size: &'a str,
    pub(crate) image: NumberOrText<'a>,
    pub(crate) ssh_keys: Vec<NumberOrText<'a>>,
    pub(crate) tags: Vec<String>,
    pub(crate) user_data: &'a str,
    pub(crate) backups: bool,
    pub(crate) monitoring: bool,
    pub(crate) ipv6: bool,
}

/// An id as the API wants it: numbers as numbers, slugs and fingerprints as text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub(crate) enum NumberOrText<'a> {
    Number(u64),
    Text(&'a str),
}

impl<'a> From<&'a str> for NumberOrText<'a> {
    fn from(id: &'a str) -> Self {
        id.parse().map_or(Self::Text(id), Self::Number)
    }
}

/// An errand for a droplet.
#[derive(Debug, Serialize)]
pub(crate) struct DoAction<'a> {
    #[serde(rename = "type")]
    pub(crate) kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) name: Option<&'a str>,
}

#[derive(Debug, Serialize)]
pub(crate) struct CreateSshKey<'a> {
    pub(crate) name: &'a str,
    pub(crate) public_key: &'a str,
}

#[derive(Debug, Serialize)]
pub(crate) struct CreateTag<'a> {
    pub(crate) name: &'a str,
}

#[derive(Debug, Serialize)]
pub(crate) struct TagResources {
    pub(crate) resources: [TagResource; 1],
}

#[derive(Debug, Serialize)]
pub(crate) struct TagResource {
    /// A number as text: so the API wants it here.
    pub(crate) resource_id: String,
    pub(crate) resource_type: &'static str,
}

#[derive(Debug, Serialize)]
pub(crate) struct AssignResources {
    /// URNs such as `do:droplet:123`.
    pub(crate) resources: [String; 1],
}

#[derive(Debug, Serialize)]
pub(crate) struct PutFirewall {
    pub(crate) name: String,
    pub(crate) inbound_rules: Vec<InboundRule>,
    pub(crate) outbound_rules: Vec<OutboundRule>,
    pub(crate) droplet_ids: [u64; 1],
}

#[derive(Debug, Serialize)]
pub(crate) struct InboundRule {
    pub(crate) protocol: &'static str,
    /// One port, a range, or `0` for all.
    pub(crate) ports: String,
    pub(crate) sources: Addresses,
}

#[derive(Debug, Serialize)]
pub(crate) struct OutboundRule {
    pub(crate) protocol: &'static str,
    pub(crate) ports: String,
    pub(crate) destinations: Addresses,
}

#[derive(Debug, Serialize)]
pub(crate) struct Addresses {
    pub(crate) addresses: Vec<String>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn next(number: u32, page: serde_json::Value) -> Option<u32> {
        let page: Sizes = serde_json::from_value(page).expect("a page");
        page.into_page(number).next
    }

    #[test]
    fn a_listing_goes_on_while_either_the_links_or_the_total_say_so() {
        let sizes = json!([{"slug": "s-1vcpu-1gb", "memory": 1024, "vcpus": 1}]);
        let more = json!({"pages": {"next": "https://api.digitalocean.com/v2/sizes?page=2"}});
        assert_eq!(next(1, json!({"sizes": sizes, "links": more})), Some(2));
        assert_eq!(
            next(1, json!({"sizes": sizes, "meta": {"total": 201}})),
            Some(2)
        );
        assert_eq!(
            next(
                2,
                json!({"sizes": sizes, "links": {}, "meta": {"total": 201}})
            ),
            None
        );
        assert_eq!(next(1, json!({"sizes": sizes})), None);
        // A page without anything is the last one, whatever it says.
        assert_eq!(
            next(
                1,
                json!({"sizes": [], "links": more, "meta": {"total": 9999}})
            ),
            None
        );
    }
}
