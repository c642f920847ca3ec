//! The power switch.

use vps_docker_core::model::{InstanceId, InstanceState, PowerAction};

use super::expect::ok;
use super::making::{Ordered, owned_by};
use super::subject::Subject;

/// When the call returns, the instance has followed; doing it again does nothing. One that is off is still
/// there, for it costs money.
pub async fn switching_off_and_on_is_followed_and_idempotent(subject: &Subject) {
    let ordered = booted(subject).await;
    for (action, state) in [
        (PowerAction::Off, InstanceState::Stopped),
        (PowerAction::On, InstanceState::Running),
    ] {
        for _ in 0..2 {
            switch(subject, ordered.id(), action).await;
            let seen = subject.look(ordered.id()).await;
            assert_eq!(
                seen.state, state,
                "the instance has not followed when power({action:?}) returns"
            );
            assert_eq!(seen.tags, ordered.spec.tags, "the tags have changed");
            let filter = owned_by(subject.owner());
            subject.first_listing(ordered.id(), &filter).await;
        }
    }
    subject.wait_until_it_runs(ordered.id()).await;
}

/// After a reboot it runs.
pub async fn a_reboot_ends_running(subject: &Subject) {
    let ordered = booted(subject).await;
    switch(subject, ordered.id(), PowerAction::Reboot).await;
    let seen = subject.look(ordered.id()).await;
    assert_eq!(
        seen.state,
        InstanceState::Running,
        "the instance does not run when power(Reboot) returns"
    );
}

async fn booted(subject: &Subject) -> Ordered {
    let ordered = subject.order_and_boot().await;
    if let Some(wait) = &subject.booted {
        wait(ordered.instance.clone()).await;
    }
    ordered
}

async fn switch(subject: &Subject, id: &InstanceId, action: PowerAction) {
    let answer = subject.client.power(id, action).await;
    ok(&format!("power({action:?})"), answer);
}
