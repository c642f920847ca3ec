use serde::Serialize;

use super::Application;
use crate::error::{ErrorKind, Result};
use crate::lifecycle::VpsDockerProvider;
use crate::model::{HostChanges, HostInfo, HostPlan};

/// What an [`up`](VpsDockerProvider::up) would do.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "action", rename_all = "snake_case")]
#[non_exhaustive]
pub enum ApplicationPlan {
    /// Its host would be made.
    Create {
        /// Where, and for how much.
        plan: Box<HostPlan>,
    },
    /// Its host is there and would be changed.
    Change {
        /// The host.
        host: Box<HostInfo>,
        /// What of it.
        changes: HostChanges,
    },
    /// All is as it should be.
    Nothing {
        /// The host.
        host: Box<HostInfo>,
    },
}

impl VpsDockerProvider {
    /// What an [`up`](Self::up) of the application would do now, and what it would cost. Makes no call that
    /// writes, at the provider, on the VPS or here.
    ///
    /// # Errors
    /// Those of [`plan_host`](Self::plan_host), and of [`host`](Self::host) but `NotFound`.
    pub async fn plan_application(&self, application: &Application) -> Result<ApplicationPlan> {
        let spec = &application.spec;
        let host = match self.host(&spec.name).await {
            Ok(host) => host,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let plan = Box::new(self.plan_host(spec).await?);
                return Ok(ApplicationPlan::Create { plan });
            }
            Err(error) => return Err(error),
        };
        let spec = super::token::with_token(self, application)?.0;
        let changes = host.changes(&spec).await;
        let info = Box::new(host.info().clone());
        host.close().await;
        Ok(match changes? {
            changes if changes.is_empty() => ApplicationPlan::Nothing { host: info },
            changes => ApplicationPlan::Change {
                host: info,
                changes,
            },
        })
    }
}
