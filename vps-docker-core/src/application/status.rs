use serde::Serialize;

use super::Application;
use crate::error::Result;
use crate::lifecycle::{Host, VpsDockerProvider};
use crate::model::{HostState, InstanceCost, Timestamp};

/// How an application fares.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct ApplicationStatus {
    /// Its name.
    pub application: String,
    /// For which environment it runs.
    pub environment: Option<String>,
    /// What its host is doing.
    pub state: HostState,
    /// Where it is reached.
    pub urls: Vec<String>,
    /// Whether one try of its health check went well; absent without a check, or when its host does not run.
    pub healthy: Option<bool>,
    /// Why it is not.
    pub problem: Option<String>,
    /// Since when its host is there.
    pub created_at: Timestamp,
    /// When its time to live ends.
    pub expires_at: Option<Timestamp>,
    /// What its host costs, and has cost so far; see [`costs`](VpsDockerProvider::costs).
    pub cost: Option<InstanceCost>,
}

impl VpsDockerProvider {
    /// How the application fares, and the host that it runs on. Changes nothing.
    ///
    /// # Errors
    /// Those of [`host`](Self::host), such as `NotFound`, and of [`costs`](Self::costs); that it is not healthy is none.
    pub async fn application_status(
        &self,
        application: &Application,
    ) -> Result<(ApplicationStatus, Host)> {
        let name = &application.spec.name;
        let (host, costs) = tokio::try_join!(self.host(name), self.costs())?;
        let info = host.info();
        let mut costs = costs.instances.into_iter();
        let check = application.health.as_ref();
        let health = match check.filter(|_| info.state == HostState::Running) {
            Some(check) => Some(host.check_health(check).await),
            None => None,
        };
        let unhealthy = health.as_ref().and_then(|health| health.as_ref().err());
        let status = ApplicationStatus {
            application: application.name.clone(),
            environment: application.environment.clone(),
            state: info.state,
            urls: application.urls(info),
            healthy: health.as_ref().map(Result::is_ok),
            problem: unhealthy.or(host.problem()).map(ToString::to_string),
            created_at: info.created_at,
            expires_at: host.expires_at(),
            cost: costs.find(|cost| cost.instance_id == info.instance_id),
        };
        Ok((status, host))
    }
}
