use super::Host;
use crate::docker::ContainerEnv;
use crate::error::Result;
use crate::model::Environment;

impl Host {
    /// Replaces all of the environment that [`env`](crate::model::HostSpecBuilder::env) gave the
    /// container, by the same way, whether it runs or not. What runs is left alone: the new environment is
    /// there from the container's next start on, so call [`restart`](Self::restart) when it suits. It
    /// stays over restarts and reboots, and when the container is made anew.
    ///
    /// Idempotent; atomic, the last one to call it wins. Dropped in the middle, the one or the other is
    /// there.
    ///
    /// # Errors
    /// Those of [`vps`](Self::vps).
    pub async fn set_env(&self, environment: &Environment) -> Result<()> {
        let vps = self.vps().await?;
        let written = ContainerEnv::on(&*vps).write(environment).await;
        written.map_err(|error| error.with_host(&self.info.name).with_operation("set_env"))
    }

    /// Sets some variables of that environment and takes others away, of which a name that is not there is
    /// fine; what is in neither stays as it is. All else is as for [`set_env`](Self::set_env); of several
    /// changes at the same time none is lost.
    ///
    /// # Errors
    /// `Invalid` for what can be no variable's name; `State` when all of it together has more than Linux takes;
    /// those of [`vps`](Self::vps).
    pub async fn change_env(&self, set: &Environment, unset: &[&str]) -> Result<()> {
        for name in unset {
            Environment::check_name(name)?;
        }
        let vps = self.vps().await?;
        let changed = ContainerEnv::on(&*vps).change(set, unset).await;
        changed.map_err(|error| {
            error
                .with_host(&self.info.name)
                .with_operation("change_env")
        })
    }

    /// The names of that environment's variables, sorted. The values stay on the VPS.
    ///
    /// # Errors
    /// Those of [`vps`](Self::vps).
    pub async fn env_names(&self) -> Result<Vec<String>> {
        let vps = self.vps().await?;
        let names = ContainerEnv::on(&*vps).names().await;
        names.map_err(|error| error.with_host(&self.info.name).with_operation("env_names"))
    }

    /// Whether it is just this one.
    pub(super) async fn has_env(&self, environment: &Environment) -> Result<bool> {
        let vps = self.vps().await?;
        ContainerEnv::on(&*vps).is(environment).await
    }
}
