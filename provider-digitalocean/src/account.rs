//! What all calls share: the connection, listings page by page, and the droplets whose create is not
//! settled yet. In a file of its own, as every other one builds upon it.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use vps_docker_core::http::{ApiClient, Auth, RateLimit, Request, RetryPolicy, collect_pages};
use vps_docker_core::model::{Instance, InstanceId};
use vps_docker_core::{Error, ErrorKind, Result};

use crate::config::DigitalOceanConfig;
use crate::error::parse_error;
use crate::keys::KeyRing;
use crate::project::Project;
use crate::wire::{Droplet, DropletBody, Droplets, ListPage, PER_PAGE};

/// An account at DigitalOcean, as far as the token lets in.
#[derive(Debug)]
pub(crate) struct Account {
    pub(crate) api: ApiClient,
    /// Its pauses are also those between two looks at something that is awaited.
    pub(crate) retry: RetryPolicy,
    pub(crate) keys: KeyRing,
    pub(crate) project: Option<Project>,
    pub(crate) orders: Orders,
}

const HOUR: Duration = Duration::from_secs(3600);
const MINUTE: Duration = Duration::from_secs(60);

impl Account {
    pub(crate) fn new(config: DigitalOceanConfig) -> Result<Self> {
        let factor = config.rate_limit_factor;
        let api = ApiClient::builder(crate::NAME, config.endpoint)
            .auth(Auth::bearer(config.token))
            // Its headers speak of the hour, so that one comes first.
            .rate_limit(RateLimit::window(5000, HOUR, 1000))
            .rate_limit(RateLimit::window(250, MINUTE, 50))
            .rate_limit_factor(factor)
            .retry(config.retry.clone())
            .parse_error(parse_error)
            .build()?;
        Ok(Self {
            api,
            retry: config.retry,
            keys: KeyRing::new(RateLimit::window(10, MINUTE, 5).scaled(factor)),
            project: config.project.map(Project::new),
            orders: Orders::default(),
        })
    }

    /// The items of all pages of a listing; `request` makes a new one for each.
    pub(crate) async fn all<P: ListPage>(
        &self,
        request: impl Fn() -> Request,
    ) -> Result<Vec<P::Item>> {
        collect_pages(1, |number: u32| {
            let request = request().query("per_page", PER_PAGE).query("page", number);
            async move { Ok(request.json::<P>().await?.into_page(number)) }
        })
        .await
    }

    /// <https://docs.digitalocean.com/reference/api/reference/droplets/#droplets_get>
    pub(crate) async fn droplet(&self, id: u64) -> Result<Droplet> {
        let path = ["droplets", &id.to_string()];
        let body: DropletBody = self.api.get("instance", path).json().await?;
        Ok(body.droplet)
    }

    /// The droplets that carry a tag, or all. Those with a GPU are not among them.
    ///
    /// <https://docs.digitalocean.com/reference/api/reference/droplets/#droplets_list>
    pub(crate) async fn droplets(&self, tag: Option<&str>) -> Result<Vec<Droplet>> {
        let request = || {
            let request = self.api.get("list_instances", ["droplets"]);
            match tag {
                Some(tag) => request.query("tag_name", tag),
                None => request,
            }
        };
        let mut droplets = self.all::<Droplets>(request).await?;
        // One that is made meanwhile moves others to the next page, where they come a second time.
        droplets.sort_by_key(|droplet| droplet.id);
        droplets.dedup_by_key(|droplet| droplet.id);
        Ok(droplets)
    }
}

/// The droplet's own id; what is none cannot be there.
pub(crate) fn droplet_id(id: &InstanceId) -> Result<u64> {
    let text = id.as_str();
    match text.parse::<u64>() {
        Ok(number) if number > 0 && number.to_string() == text => Ok(number),
        _ => Err(Error::new(
            ErrorKind::NotFound,
            format!("there is no droplet {text:?}: the id of a droplet is a number"),
        )
        .with_instance(id)),
    }
}

/// Droplets that this client ordered and nobody has seen running yet: one whose create fails may vanish
/// without a trace, and only who ordered it can tell that from one that never was.
#[derive(Debug, Default)]
pub(crate) struct Orders(Mutex<HashMap<u64, Order>>);

/// A droplet as it was when it was ordered.
#[derive(Clone, Debug)]
pub(crate) struct Order {
    pub(crate) instance: Instance,
    /// The provider's errand of creating it.
    pub(crate) action: Option<u64>,
}

impl Orders {
    pub(crate) fn remember(&self, id: u64, order: Order) {
        self.map().insert(id, order);
    }

    pub(crate) fn find(&self, id: u64) -> Option<Order> {
        self.map().get(&id).cloned()
    }

    pub(crate) fn forget(&self, id: u64) {
        self.map().remove(&id);
    }

    fn map(&self) -> MutexGuard<'_, HashMap<u64, Order>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_number_is_no_droplet() {
        assert_eq!(
            droplet_id(&InstanceId::new("3164444")).expect("a number"),
            3_164_444
        );
        for text in [
            "",
            "0",
            "-1",
            "+1",
            "007",
            "web",
            "..",
            "1/2",
            "99999999999999999999",
        ] {
            let error = droplet_id(&InstanceId::new(text)).expect_err(text);
            assert_eq!(error.kind(), ErrorKind::NotFound);
        }
    }
}
