use std::sync::Arc;

use super::adopt::{Login, Machine, Taking};
use super::engine::Engine;
use super::new_instance::NewInstance;
use super::provision::Provision;
use crate::error::Result;
use crate::keys::PublicKey;
use crate::model::{HostId, HostSpec, HostTags, Instance, InstanceId, Runtime};
use crate::store::OpenEntry;

/// How a host comes by its VPS: one is ordered and boots, or a machine that is there is taken. What
/// comes before and after is the same.
#[derive(Debug)]
pub(super) enum Beginning {
    Order(Box<NewInstance>),
    Take(Box<Taking>),
}

impl Beginning {
    /// Makes every choice that can be made before a name is taken. Nothing is ordered or changed.
    pub(super) async fn plan(
        engine: &Arc<Engine>,
        host_id: &HostId,
        spec: &HostSpec,
        machine: Option<&Machine>,
        runtime: Runtime,
    ) -> Result<Self> {
        Ok(match machine {
            None => Self::Order(Box::new(
                NewInstance::plan(engine, host_id, spec, runtime).await?,
            )),
            Some(machine) => Self::Take(Box::new(
                Taking::plan(engine, host_id, spec, machine, runtime).await?,
            )),
        })
    }

    /// The last look before the intent is written. Nothing is ordered or changed.
    pub(super) async fn check(&self, engine: &Engine) -> Result<()> {
        match self {
            Self::Order(_) => Ok(()),
            Self::Take(taking) => taking.check(engine).await,
        }
    }

    /// Until there is a VPS with our key on it, that is at its bootstrap.
    pub(super) async fn vps(
        &self,
        provision: &Provision,
        place: &mut OpenEntry,
    ) -> Result<Instance> {
        match self {
            Self::Order(new) => new.order_and_boot(provision, place).await,
            Self::Take(taking) => taking.take(provision, place).await,
        }
    }

    /// Waits until nothing of it is under way any more, also when nobody waits for it.
    pub(super) async fn settle(&self, engine: &Engine) -> Result<()> {
        match self {
            Self::Order(new) => new.settle(engine).await,
            Self::Take(taking) => taking.settle(engine).await,
        }
    }

    /// What there is to be removed when the create fails, as far as it is known.
    pub(super) fn instance(&self) -> Option<&InstanceId> {
        match self {
            Self::Order(new) => new.instance(),
            Self::Take(taking) => taking.instance(),
        }
    }

    /// By which the VPS is known.
    pub(super) fn host_key(&self) -> &PublicKey {
        match self {
            Self::Order(new) => new.host_key(),
            Self::Take(taking) => taking.host_key(),
        }
    }

    /// The tags of an instance that is not finished.
    pub(super) fn tags(&self) -> &HostTags {
        match self {
            Self::Order(new) => new.tags(),
            Self::Take(taking) => taking.tags(),
        }
    }

    /// What gets onto a machine where our own key does not, or not yet.
    pub(super) fn login(&self) -> Option<&Login> {
        match self {
            Self::Order(_) => None,
            Self::Take(taking) => Some(taking.login()),
        }
    }
}
