//! The end of an instance, and of its bill.

use vps_docker_core::ErrorKind;
use vps_docker_core::model::{
    DestroyOutcome, HostTags, InstanceFilter, InstanceId, InstanceState, Timestamp,
};

use super::expect::ok;
use super::making::Ordered;
use super::subject::Subject;

/// An instance can be destroyed at any time, also while it is being made, and is there no more: neither
/// listed nor to be looked at. Where its machine is
/// [paid for until its term ends](vps_docker_core::Capabilities::term_contract), at least nothing of it is
/// ours any more.
pub async fn an_instance_that_is_destroyed_is_gone(subject: &Subject) {
    let ordered = subject.order().await;
    destroy(subject, ordered.id()).await;
    subject.is_gone(&ordered).await;
}

/// Destroying is idempotent, also right after it was done.
pub async fn destroying_twice_is_a_success(subject: &Subject) {
    let ordered = subject.order().await;
    destroy(subject, ordered.id()).await;
    destroy(subject, ordered.id()).await;
    subject.is_gone(&ordered).await;
    destroy(subject, ordered.id()).await;
}

/// Of something that is to go, being gone is a success.
pub async fn destroying_what_never_was_is_a_success(subject: &Subject) {
    for id in [
        "vps-docker-no-such-instance",
        "0",
        "00000000-0000-0000-0000-000000000000",
        "a/b",
    ] {
        let outcome = destroy(subject, &InstanceId::new(id)).await;
        assert_eq!(
            outcome,
            DestroyOutcome::Gone,
            "destroy_instance({id:?}), an instance that never was"
        );
    }
}

/// The bill stops with the instance, unless the capabilities say that it is a contract; then the outcome
/// tells until when it goes on.
pub async fn a_bill_that_goes_on_is_told_and_no_other(subject: &Subject) {
    let ordered = subject.order().await;
    let outcome = destroy(subject, ordered.id()).await;
    if !subject.capabilities().term_contract {
        assert_eq!(
            outcome,
            DestroyOutcome::Gone,
            "no contract is promised, and yet the bill goes on"
        );
        return;
    }
    match outcome {
        DestroyOutcome::EndsAt(end) => assert!(
            end > Timestamp::now(),
            "the bill of an instance that was just destroyed ended at {end}"
        ),
        DestroyOutcome::Gone => {
            panic!("it is a contract, and yet nothing is told of its end")
        }
    }
}

/// Destroying one instance does nothing to another of the same owner.
pub async fn destroying_one_leaves_the_others(subject: &Subject) {
    let first = subject.order().await;
    let second = subject.order().await;
    destroy(subject, first.id()).await;
    subject.is_gone(&first).await;
    let seen = subject.look(second.id()).await;
    assert_ne!(seen.state, InstanceState::Destroying, "it goes as well");
    assert_eq!(seen.tags, second.spec.tags, "its tags have changed");
}

async fn destroy(subject: &Subject, id: &InstanceId) -> DestroyOutcome {
    let answer = subject.client.destroy_instance(id).await;
    ok(&format!("destroy_instance({:?})", id.as_str()), answer)
}

impl Subject {
    /// Waits until there is no trace of an instance that was destroyed.
    pub(super) async fn is_gone(&self, ordered: &Ordered) {
        let host = ordered.tags.host_id.as_str();
        let by_host = InstanceFilter::tagged(HostTags::HOST, host);
        self.eventually(
            "the destroyed instance to be listed by its tags no more",
            async || self.list(&by_host).await.is_empty().then_some(()),
        )
        .await;
        self.eventually("the destroyed instance to be not found", async || {
            match self.client.instance(ordered.id()).await {
                Err(error) if error.kind() == ErrorKind::NotFound => Some(()),
                Err(error) => panic!("a look at a destroyed instance failed: {error}"),
                // The machine of a contract may be waiting for its next use.
                Ok(instance) => {
                    let released =
                        self.capabilities().term_contract && instance.tag(HostTags::HOST).is_none();
                    released.then_some(())
                }
            }
        })
        .await;
    }
}
