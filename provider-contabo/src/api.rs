//! The calls, each one once. A file of its own because most of them serve several operations: a
//! reinstallation is the better half of a create and of a destroy.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use vps_docker_core::http::{ApiClient, Page, collect_pages, gone_is_success};
use vps_docker_core::{Error, ErrorKind, Result};

use crate::wire::{
    Answer, CancelRequest, Cancelled, DataCenter, Firewall, FirewallRequest, Image, Listing,
    Machine, OrderRequest, PatchRequest, Reinstall, Rules, RulesRequest, Secret, SecretRequest,
    Snapshot, SnapshotRequest,
};

/// How many items a page has; the largest size is not stated.
const PAGE_SIZE: u64 = 100;
/// How often machines are listed anew when some have moved from page to page meanwhile.
const LISTINGS: usize = 3;

/// Speaks to Contabo's API.
#[derive(Clone, Debug)]
pub(crate) struct Api(pub(crate) ApiClient);

impl Api {
    /// All machines of the account: *List instances*. Pages are counted off, so a machine that goes
    /// while they are read lets another one slip through: then they are read again.
    pub(crate) async fn machines(&self) -> Result<Vec<Machine>> {
        let mut machines = BTreeMap::new();
        for _ in 0..LISTINGS {
            let (listed, total) = self
                .list::<Machine>("list_instances", &["compute", "instances"], &[])
                .await?;
            machines.extend(listed.into_iter().map(|one| (one.instance_id, one)));
            if total.is_none_or(|total| machines.len() as u64 >= total) {
                return Ok(machines.into_values().collect());
            }
        }
        tracing::warn!(
            listed = machines.len(),
            "Contabo counts more machines than it lists"
        );
        Ok(machines.into_values().collect())
    }

    /// *Get specific instance by id*.
    pub(crate) async fn machine(&self, number: u64) -> Result<Machine> {
        let path = ["compute", "instances", &number.to_string()];
        let answer: Answer<Machine> = self.0.get("instance", path).json().await?;
        first(answer)
    }

    /// *Create a new instance*: orders a contract. Sent once.
    pub(crate) async fn order(&self, order: &OrderRequest<'_>) -> Result<Machine> {
        let request = self.0.post("create_instance", ["compute", "instances"]);
        let request = request.hiding(&order.system.user_data.into());
        let answer: Answer<Machine> = request.body(order).json().await?;
        first(answer).map_err(|error| {
            Error::new(
                ErrorKind::Provider,
                "Contabo has taken the order and does not say which machine it is",
            )
            .with_source(error)
            .unclear()
        })
    }

    /// *Reinstall specific instance*: wipes the disk. Sent once.
    pub(crate) async fn reinstall(&self, number: u64, system: &Reinstall<'_>) -> Result<()> {
        let path = ["compute", "instances", &number.to_string()];
        let request = self.0.put("reinstall_instance", path);
        let request = request.hiding(&system.user_data.into());
        request.once().body(system).done().await
    }

    /// *Update specific instance*.
    pub(crate) async fn set_display_name(&self, number: u64, display_name: &str) -> Result<()> {
        let path = ["compute", "instances", &number.to_string()];
        let request = self.0.patch("set_display_name", path).repeatable();
        request.body(&PatchRequest { display_name }).done().await
    }

    /// *Cancel specific instance by id*: ends the contract at the next date possible, and says which.
    pub(crate) async fn cancel(&self, number: u64) -> Result<Cancelled> {
        let path = ["compute", "instances", &number.to_string(), "cancel"];
        let request = self.0.post("cancel_instance", path).body(&CancelRequest {});
        let answer: Answer<Cancelled> = request.json().await?;
        Ok(answer.data.into_iter().next().unwrap_or_default())
    }

    /// One of the *Instance Actions*: `start`, `stop` and `shutdown`, which do nothing to a machine
    /// that is so already, and `restart`.
    pub(crate) async fn act(&self, number: u64, action: &str) -> Result<()> {
        let path = [
            "compute",
            "instances",
            &number.to_string(),
            "actions",
            action,
        ];
        let request = self.0.post("power", path);
        match action {
            "restart" => request.done().await,
            _ => request.repeatable().done().await,
        }
    }

    /// *List available standard and custom images*, the standard ones.
    pub(crate) async fn images(&self) -> Result<Vec<Image>> {
        let query = [("standardImage", "true")];
        let images = self.list("catalog", &["compute", "images"], &query);
        images.await.map(|(images, _)| images)
    }

    /// *List data centers*.
    pub(crate) async fn data_centers(&self) -> Result<Vec<DataCenter>> {
        let centers = self.list("catalog", &["data-centers"], &[]);
        centers.await.map(|(centers, _)| centers)
    }

    /// *List secrets*, the SSH keys among them.
    pub(crate) async fn ssh_keys(&self) -> Result<Vec<Secret>> {
        let keys = self.list("list_ssh_keys", &["secrets"], &[("type", "ssh")]);
        keys.await.map(|(keys, _)| keys)
    }

    /// *Get specific secret by id*.
    pub(crate) async fn ssh_key(&self, id: u64) -> Result<Secret> {
        let request = self.0.get("ssh_key", ["secrets", &id.to_string()]);
        first(request.json::<Answer<Secret>>().await?)
    }

    /// *Create a new secret*, an SSH key.
    pub(crate) async fn create_ssh_key(&self, name: &str, value: &str) -> Result<Secret> {
        let request = self.0.post("create_ssh_key", ["secrets"]);
        let body = SecretRequest {
            name,
            value,
            r#type: "ssh",
        };
        first(request.body(&body).json::<Answer<Secret>>().await?)
    }

    /// *Delete existing secret by id*. Idempotent.
    pub(crate) async fn delete_ssh_key(&self, id: u64) -> Result<()> {
        let request = self
            .0
            .delete("delete_ssh_key", ["secrets", &id.to_string()]);
        gone_is_success(request.done().await)
    }

    /// *List snapshots* of a machine.
    pub(crate) async fn snapshots(&self, number: u64) -> Result<Vec<Snapshot>> {
        let number = number.to_string();
        let path = ["compute", "instances", &number, "snapshots"];
        let snapshots = self.list("list_snapshots", &path, &[]);
        snapshots.await.map(|(snapshots, _)| snapshots)
    }

    /// *Create a new instance snapshot*. Sent once.
    pub(crate) async fn create_snapshot(
        &self,
        number: u64,
        name: &str,
        description: &str,
    ) -> Result<Snapshot> {
        let path = ["compute", "instances", &number.to_string(), "snapshots"];
        let request = self.0.post("create_snapshot", path);
        let body = SnapshotRequest { name, description };
        first(request.body(&body).json::<Answer<Snapshot>>().await?).map_err(Error::unclear)
    }

    /// *Delete existing snapshot by id*. Idempotent.
    pub(crate) async fn delete_snapshot(&self, number: u64, id: &str) -> Result<()> {
        let path = ["compute", "instances", &number.to_string(), "snapshots", id];
        gone_is_success(self.0.delete("delete_snapshot", path).done().await)
    }

    /// *List all firewalls*.
    pub(crate) async fn firewalls(&self) -> Result<Vec<Firewall>> {
        let firewalls = self.list("list_firewalls", &["firewalls"], &[]);
        firewalls.await.map(|(firewalls, _)| firewalls)
    }

    /// *Get specific firewall by its id*.
    pub(crate) async fn firewall(&self, id: &str) -> Result<Firewall> {
        let request = self.0.get("firewall", ["firewalls", id]);
        first(request.json::<Answer<Firewall>>().await?)
    }

    /// *Create a new firewall definition*.
    pub(crate) async fn create_firewall(&self, firewall: &FirewallRequest<'_>) -> Result<Firewall> {
        let request = self.0.post("create_firewall", ["firewalls"]);
        first(request.body(firewall).json::<Answer<Firewall>>().await?)
    }

    /// *Update specific firewall rules*: all of them.
    pub(crate) async fn set_rules(&self, id: &str, rules: &Rules) -> Result<()> {
        let request = self.0.put("set_firewall_rules", ["firewalls", id]);
        request.body(&RulesRequest { rules }).done().await
    }

    /// *Add instance to a firewall*.
    pub(crate) async fn assign_firewall(&self, id: &str, number: u64) -> Result<()> {
        let path = ["firewalls", id, "instances", &number.to_string()];
        self.0.post("assign_firewall", path).done().await
    }

    /// *Remove instance from a firewall*. Idempotent.
    pub(crate) async fn unassign_firewall(&self, id: &str, number: u64) -> Result<()> {
        let path = ["firewalls", id, "instances", &number.to_string()];
        gone_is_success(self.0.delete("unassign_firewall", path).done().await)
    }

    /// *Delete existing firewall by id*. Idempotent.
    pub(crate) async fn delete_firewall(&self, id: &str) -> Result<()> {
        let request = self.0.delete("delete_firewall", ["firewalls", id]);
        gone_is_success(request.done().await)
    }

    /// All pages of a listing, and how many items the API says there are.
    async fn list<T: DeserializeOwned>(
        &self,
        operation: &'static str,
        path: &[&str],
        query: &[(&str, &str)],
    ) -> Result<(Vec<T>, Option<u64>)> {
        let total = std::sync::Mutex::new(None);
        let fetch = async |page: u64| {
            let mut request = self.0.get(operation, path).query("page", page);
            request = request.query("size", PAGE_SIZE);
            for (name, value) in query {
                request = request.query(name, value);
            }
            let listing: Listing<T> = request.json().await?;
            let told = listing.pagination;
            *total
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner) = told.total_elements;
            let is_last = match told.total_pages {
                Some(pages) => page >= pages,
                None => (listing.data.len() as u64) < PAGE_SIZE,
            };
            Ok(Page {
                items: listing.data,
                next: (!is_last).then_some(page + 1),
            })
        };
        let items = collect_pages(1, fetch).await?;
        let total = total.into_inner();
        Ok((
            items,
            total.unwrap_or_else(std::sync::PoisonError::into_inner),
        ))
    }
}

/// The one thing in an answer.
fn first<T>(answer: Answer<T>) -> Result<T> {
    answer.data.into_iter().next().ok_or_else(|| {
        Error::new(
            ErrorKind::NotFound,
            "Contabo's answer is empty where one thing was to be in it",
        )
    })
}
