use super::adopt::{Login, clear};
use super::engine::Engine;
use crate::client::VpsClientExt;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{DestroyOutcome, HostId, HostName, HostTags, Instance, InstanceId};

/// What a destroy found and did.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Destroyed {
    /// What became of each instance's bill; empty when there was nothing (any more).
    pub outcomes: Vec<DestroyOutcome>,
}

/// Destroys every instance that belongs to the name: by the name's tag, and by what this side and
/// an unfinished create in the journal know, whether the provider lists it or not. Every step is
/// tried, whatever became of those before it.
#[tracing::instrument(name = "destroy", skip_all, fields(host = %name))]
pub(super) async fn by_name(engine: &Engine, name: &HostName) -> Result<Destroyed> {
    let provider = engine.client.provider_name();
    let place = engine.data_dir.journal().open(provider, name)?;
    let entry = engine.entry(name);
    let mut known = Vec::new();
    if let Some(host) = entry.read()? {
        known.push((host.id, Some(host.instance_id)));
    }
    if let Some(left) = place.entry() {
        known.push((left.host_id.clone(), left.instance_id.clone()));
    }
    let mut errors = Errors::default();
    let outcomes = destroy_known(engine, name, &known, &mut errors).await;
    // What is known here is forgotten last, and only when nothing is left that it leads to.
    errors
        .into_result(&way_out(engine))
        .map_err(|error| error.with_host(name).with_operation("destroy"))?;
    entry.remove()?;
    place.close()?;
    Ok(Destroyed { outcomes })
}

async fn destroy_known(
    engine: &Engine,
    name: &HostName,
    known: &[(HostId, Option<InstanceId>)],
    errors: &mut Errors,
) -> Vec<DestroyOutcome> {
    let owner = engine.data_dir.owner().as_str();
    let ours = |instance: &Instance| {
        let host_id = instance.tag(HostTags::HOST);
        known.iter().any(|(id, _)| host_id == Some(id.as_str()))
            || (instance.tag(HostTags::NAME) == Some(name.as_str())
                && instance.tag(HostTags::OWNER) == Some(owner))
    };
    let mut listed = match engine.client.marked_instances().await {
        Ok(listed) => listed,
        Err(error) => {
            errors.add("looking for its instances", error);
            Vec::new()
        }
    };
    listed.retain(ours);
    let mut outcomes = Vec::new();
    for instance in &listed {
        outcomes.extend(destroy_instance(engine, &instance.id, None, errors).await);
    }
    let unlisted = known
        .iter()
        .filter_map(|(_, instance)| instance.as_ref())
        .filter(|id| listed.iter().all(|instance| instance.id != **id));
    for id in unlisted {
        // A listing may be late. Gone is what it is as a rule, and no news.
        let outcome = destroy_instance(engine, id, None, errors).await;
        outcomes.extend(outcome.filter(|outcome| *outcome != DestroyOutcome::Gone));
    }
    outcomes
}

async fn destroy_instance(
    engine: &Engine,
    id: &InstanceId,
    login: Option<&Login>,
    errors: &mut Errors,
) -> Option<DestroyOutcome> {
    remove_instance(engine, id, login)
        .await
        .map_err(|error| errors.add(&format!("destroying the instance {id}"), error))
        .ok()
}

/// Removes one instance; from a machine that stays first what is ours, for once it is forgotten
/// nobody knows of that any more. Idempotent.
pub(super) async fn remove_instance(
    engine: &Engine,
    id: &InstanceId,
    login: Option<&Login>,
) -> Result<DestroyOutcome> {
    if engine.client.capabilities().machine_stays {
        clear(engine, id, login).await?;
    }
    engine.client.destroy_instance(id).await
}

/// What is left when something could not be removed, and what to do about it.
pub(super) fn way_out(engine: &Engine) -> String {
    if engine.client.capabilities().machine_stays {
        return "what is ours may still be on the machine (the container vps-docker, the volumes \
                vps-docker-state and vps-docker-data, images vps-docker/derived and \
                vps-docker/built, units vps-docker-*, /etc/vps-docker, /var/lib/vps-docker, and our \
                key in root's authorized_keys): destroy the host again when the machine answers; if \
                it never will, forget the host"
            .into();
    }
    format!(
        "what is left may still be billed: destroy the host again, or remove it in the console of \
         the provider {:?}",
        engine.client.provider_name()
    )
}

/// Forgets the machine of a host without asking it, and what this side knows of the host.
pub(super) async fn forget(engine: &Engine, name: &HostName) -> Result<()> {
    let provider = engine.client.provider_name();
    if !engine.client.capabilities().machine_stays {
        return Err(Error::new(
            ErrorKind::Unsupported,
            format!(
                "an instance of the provider {provider:?} that is forgotten would go on and be \
                 billed; destroy the host instead"
            ),
        )
        .with_host(name));
    }
    let place = engine.data_dir.journal().open(provider, name)?;
    let entry = engine.entry(name);
    for machine in engine.client.marked_instances().await? {
        if machine.tag(HostTags::NAME) == Some(name.as_str()) {
            engine.client.destroy_instance(&machine.id).await?;
        }
    }
    entry.remove()?;
    place.close()
}

/// What went wrong on the way, all of it.
#[derive(Debug, Default)]
struct Errors(Vec<(String, Error)>);

impl Errors {
    fn add(&mut self, step: &str, error: Error) {
        self.0.push((step.to_owned(), error));
    }

    /// One error of the kind of the first, with the words of all.
    fn into_result(self, way_out: &str) -> Result<()> {
        let Some((_, first)) = self.0.first() else {
            return Ok(());
        };
        let (kind, retryable) = (first.kind(), self.0.iter().all(|(_, e)| e.is_retryable()));
        let steps: Vec<String> = self
            .0
            .iter()
            .map(|(step, error)| format!("{step} failed: {error}"))
            .collect();
        let error = Error::new(kind, format!("{}; {way_out}", steps.join("; ")));
        Err(if retryable { error.retryable() } else { error })
    }
}

/// Destroys instances one after another, all of them.
///
/// # Errors
/// When one or more could not be destroyed, naming each.
pub(super) async fn destroy_all(
    engine: &Engine,
    instances: &[Instance],
    login: Option<&Login>,
) -> Result<()> {
    let mut errors = Errors::default();
    for instance in instances {
        destroy_instance(engine, &instance.id, login, &mut errors).await;
    }
    errors.into_result(&way_out(engine))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_went_wrong_is_told_with_the_way_out() {
        let mut errors = Errors::default();
        let busy = Error::new(ErrorKind::Locked, "it is busy").retryable();
        errors.add("destroying the instance 17", busy);
        errors.add(
            "destroying the instance 18",
            Error::new(ErrorKind::Auth, "no"),
        );
        let error = errors.into_result("look there").expect_err("two errors");
        assert_eq!(
            (error.kind(), error.is_retryable()),
            (ErrorKind::Locked, false)
        );
        for part in ["17 failed: it is busy", "18 failed: no", "; look there"] {
            assert!(error.to_string().contains(part), "{error}");
        }
    }
}
