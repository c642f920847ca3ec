use std::sync::Arc;

use async_trait::async_trait;
use secrecy::ExposeSecret;
use vps_docker_core::http::{ApiClient, Auth, Page, RateLimit, RetryPolicy, collect_pages};
use vps_docker_core::model::{
    BootImage, Catalog, DestroyOutcome, FirewallRules, Instance, InstanceFilter, InstanceId,
    InstanceSnapshot, InstanceSpec, InstanceState, PowerAction, SnapshotId, SshKey, SshKeyId, Tags,
};
use vps_docker_core::{Capabilities, Error, ErrorKind, Result, VpsClient};

use crate::actions::{FirstStart, first_start};
use crate::config::HetznerConfig;
use crate::listing::{Listed, Listing};
use crate::wire::{
    Action, ActionAnswer, ActionStatus, CreateServer, CreatedServer, Server, ServerAnswer,
    ServerStatus, UpdateServer,
};
use crate::{catalog, convert, error};

/// Most bytes of `user_data`.
const USER_DATA_LIMIT: usize = 32 * 1024;

/// Most items that the API puts on a page.
const PAGE: usize = 50;

/// How often a deletion is tried whose answers cannot be read.
const DELETIONS_AT_MOST: u32 = 3;

/// The provider: servers of one Hetzner Cloud project. Cheap to clone; clones share connections and
/// the rate limit.
#[derive(Clone, Debug)]
pub struct HetznerProvider(Arc<Cloud>);

impl HetznerProvider {
    /// A provider with the given settings. No I/O but reading this machine's certificates: a wrong
    /// token is found out by the first call.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] for an unfit endpoint or rate limit factor, [`ErrorKind::Unreachable`] where there are no
    /// certificate authorities on this machine.
    pub fn new(config: HetznerConfig) -> Result<Self> {
        // A project has 3600 requests an hour, and gets one more each second. The rest is for others.
        let limit = RateLimit::tokens(3500, 1.0);
        let api = ApiClient::builder(crate::NAME, config.endpoint)
            .auth(Auth::bearer(config.token))
            .rate_limit(limit)
            .rate_limit_factor(config.rate_limit_factor)
            .retry(config.retry.clone())
            .parse_error(error::parse_error)
            .build()?;
        Ok(Self(Arc::new(Cloud {
            api,
            retry: config.retry,
        })))
    }
}

#[async_trait]
impl VpsClient for HetznerProvider {
    fn provider_name(&self) -> &str {
        crate::NAME
    }

    fn capabilities(&self) -> Capabilities {
        let mut capabilities = Capabilities::minimal(USER_DATA_LIMIT);
        capabilities.set_tags = true;
        capabilities.rename = true;
        capabilities.power = true;
        capabilities.snapshots = true;
        capabilities.create_from_snapshot = true;
        capabilities.firewall = true;
        capabilities.unique_names = true;
        capabilities.ssh_key_store = true;
        capabilities
    }

    async fn create_instance(&self, spec: &InstanceSpec) -> Result<Instance> {
        self.0.create(spec).await
    }

    async fn instance(&self, id: &InstanceId) -> Result<Instance> {
        let server = convert::server_id(id)?;
        self.0
            .look(server)
            .await
            .map_err(|error| error.with_instance(id))
    }

    async fn list_instances(&self, filter: &InstanceFilter) -> Result<Vec<Instance>> {
        let selector = convert::selector(filter);
        let query: Vec<_> = selector
            .iter()
            .map(|text| ("label_selector", &**text))
            .collect();
        let servers = self
            .0
            .all::<Server>("list_instances", &["servers"], &query)
            .await?;
        let mut instances: Vec<Instance> = servers.into_iter().map(convert::instance).collect();
        instances.retain(|instance| filter.matches(&instance.tags));
        Ok(instances)
    }

    /// Also removes the firewall that was [made for it](VpsClient::firewall). Its addresses go with it
    /// but for a Primary IP whose `auto_delete` somebody has switched off, to keep it.
    async fn destroy_instance(&self, id: &InstanceId) -> Result<DestroyOutcome> {
        if let Ok(server) = convert::server_id(id) {
            let destroy = async {
                self.0.delete(server).await?;
                self.0.remove_firewall(server).await
            };
            destroy.await.map_err(|error| error.with_instance(id))?;
        }
        Ok(DestroyOutcome::Gone)
    }

    async fn ensure_ssh_key(&self, name: &str, public_key: &str) -> Result<SshKeyId> {
        self.0.ensure_ssh_key(name, public_key).await
    }

    async fn catalog(&self) -> Result<Catalog> {
        catalog::load(&self.0).await
    }

    async fn set_tags(&self, id: &InstanceId, tags: &Tags) -> Result<()> {
        let update = UpdateServer {
            labels: Some(&convert::labels(tags)?),
            ..UpdateServer::default()
        };
        self.0.update("set_tags", id, &update).await
    }

    async fn rename_instance(&self, id: &InstanceId, name: &str) -> Result<()> {
        let update = UpdateServer {
            name: Some(name),
            ..UpdateServer::default()
        };
        self.0.update("rename_instance", id, &update).await
    }

    /// `Reboot` asks the operating system, and waits until it was asked: that it obeys cannot be seen.
    async fn power(&self, id: &InstanceId, action: PowerAction) -> Result<()> {
        let server = convert::server_id(id)?;
        self.0
            .switch(server, action)
            .await
            .map_err(|error| error.with_instance(id))
    }

    /// The snapshot's name is the description of a Hetzner image. Waits up to an hour.
    async fn create_snapshot(&self, id: &InstanceId, name: &str) -> Result<InstanceSnapshot> {
        let server = convert::server_id(id)?;
        self.0
            .take_snapshot(server, name)
            .await
            .map_err(|error| error.with_instance(id))
    }

    async fn list_snapshots(&self) -> Result<Vec<InstanceSnapshot>> {
        self.0.snapshots().await
    }

    async fn delete_snapshot(&self, id: &SnapshotId) -> Result<()> {
        self.0.delete_snapshot(id).await
    }

    /// One firewall for each server. Firewalls that others have put before it stay, and let in what
    /// they name.
    async fn firewall(&self, id: &InstanceId, rules: &FirewallRules) -> Result<()> {
        let server = convert::server_id(id)?;
        self.0
            .set_firewall(server, rules)
            .await
            .map_err(|error| error.with_instance(id))
    }

    async fn list_ssh_keys(&self) -> Result<Vec<SshKey>> {
        self.0.ssh_keys().await
    }

    async fn delete_ssh_key(&self, id: &SshKeyId) -> Result<()> {
        self.0.delete_ssh_key(id).await
    }
}

/// The project.
#[derive(Debug)]
pub(crate) struct Cloud {
    pub(crate) api: ApiClient,
    /// Its pauses are also those between two looks at something that is awaited.
    pub(crate) retry: RetryPolicy,
}

impl Cloud {
    /// All items of a listing, of every page.
    pub(crate) async fn all<T: Listed + Send>(
        &self,
        operation: &'static str,
        path: &[&str],
        query: &[(&str, &str)],
    ) -> Result<Vec<T>> {
        let page = |number: u64| async move {
            let mut request = self.api.get(operation, path);
            for (name, value) in query {
                request = request.query(name, value);
            }
            let request = request.query("page", number).query("per_page", PAGE);
            let listing: Listing<T> = request.json().await?;
            let next = match listing.pagination {
                Some(pagination) => pagination.next_page,
                // Nothing is told: a full page may have a successor.
                None => (listing.items.len() >= PAGE).then_some(number + 1),
            };
            Ok(Page {
                items: listing.items,
                // One that leads back is refused as its own successor.
                next: next.map(|next| if next < number { number } else { next }),
            })
        };
        collect_pages(1, page).await
    }

    /// `GET /servers/{id}`.
    pub(crate) async fn server(&self, operation: &'static str, id: u64) -> Result<Server> {
        let request = self.api.get(operation, ["servers", &id.to_string()]);
        Ok(request.json::<ServerAnswer>().await?.server)
    }

    /// `POST /servers`.
    async fn create(&self, spec: &InstanceSpec) -> Result<Instance> {
        let labels = convert::labels(&spec.tags)?;
        let user_data = spec.user_data.expose_secret();
        if user_data.len() > USER_DATA_LIMIT {
            return Err(Error::new(
                ErrorKind::Invalid,
                format!(
                    "the cloud-init document has {} bytes, and Hetzner takes {USER_DATA_LIMIT}; make \
                     it shorter",
                    user_data.len()
                ),
            ));
        }
        let order = order(spec, user_data, &labels);
        let request = self.api.post("create_instance", ["servers"]).body(&order);
        let request = request.hiding(&spec.user_data);
        let created: CreatedServer = request.json().await?;
        let mut instance = convert::instance(created.server);
        let mut actions = created.action.iter().chain(&created.next_actions);
        if let Some(failed) = actions.find(|action| action.status == ActionStatus::Error) {
            instance.state = InstanceState::Failed;
            instance.note = Some(error::note_of_action(failed));
        }
        Ok(instance)
    }

    /// `GET /servers/{id}` and, where it does not run, `GET /servers/{id}/actions`.
    async fn look(&self, id: u64) -> Result<Instance> {
        let server = self.server("instance", id).await?;
        let may_have_failed = matches!(
            server.status,
            ServerStatus::Initializing
                | ServerStatus::Starting
                | ServerStatus::Off
                | ServerStatus::Unknown(_)
        );
        let mut instance = convert::instance(server);
        if !may_have_failed {
            return Ok(instance);
        }
        let path = ["servers", &id.to_string(), "actions"];
        match first_start(&self.all::<Action>("instance", &path, &[]).await?) {
            FirstStart::Failed(note) => {
                instance.state = InstanceState::Failed;
                instance.note = Some(note);
            }
            // Between its making and its start it is off for a moment.
            FirstStart::Running => instance.state = InstanceState::Provisioning,
            FirstStart::Done => {}
        }
        Ok(instance)
    }

    /// `PUT /servers/{id}`.
    async fn update(
        &self,
        operation: &'static str,
        id: &InstanceId,
        update: &UpdateServer<'_>,
    ) -> Result<()> {
        let path = ["servers", &convert::server_id(id)?.to_string()];
        let request = self.api.put(operation, path).body(update);
        // Read, for an answer that is none is no success.
        let answer = request.json::<ServerAnswer>().await;
        answer.map(drop).map_err(|error| error.with_instance(id))
    }

    /// `DELETE /servers/{id}`, which ends the bill at once: the answer is not waited for any longer.
    async fn delete(&self, id: u64) -> Result<()> {
        let path = ["servers", &id.to_string()];
        let delete = || self.api.delete("destroy_instance", path).send();
        let mut tries = 1;
        loop {
            let answer = match self.unlocked("the deletion of a server", delete).await {
                Ok(answer) => answer.json::<ActionAnswer>(),
                Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
                Err(error) => return Err(error),
            };
            match answer {
                Ok(ActionAnswer { action }) if action.status == ActionStatus::Error => {
                    return Err(error::of_action(&action).with_operation("destroy_instance"));
                }
                Ok(_) => return Ok(()),
                // Whoever wrote this may not have deleted anything; asked again, Hetzner knows.
                Err(_) if tries < DELETIONS_AT_MOST => tries += 1,
                Err(error) => return Err(error.with_operation("destroy_instance")),
            }
        }
    }
}

pub(crate) fn order<'a>(
    spec: &'a InstanceSpec,
    user_data: &'a str,
    labels: &'a crate::wire::Labels,
) -> CreateServer<'a> {
    CreateServer {
        name: &spec.name,
        location: &spec.region,
        server_type: &spec.plan,
        image: match &spec.image {
            BootImage::Catalog(name) => name,
            BootImage::Snapshot(id) => id.as_str(),
        },
        ssh_keys: spec.ssh_keys.iter().map(SshKeyId::as_str).collect(),
        user_data,
        labels,
    }
}
