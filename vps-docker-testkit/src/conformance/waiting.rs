//! How an instance comes to run.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Mutex;

use tokio::time::Instant;
use vps_docker_core::VpsClientExt;
use vps_docker_core::model::{Instance, InstanceState};

use super::expect::ok;
use super::making::owned_by;
use super::subject::Subject;

/// An instance that was ordered runs and has an address in the end, without anything more being done;
/// an address that is told before is one.
pub async fn an_instance_comes_to_run_with_an_address(subject: &Subject) {
    let ordered = subject.order().await;
    let unfit: Mutex<Option<IpAddr>> = Mutex::new(ordered.instance.address.filter(is_no_address));
    let runs = |instance: &Instance| {
        if let Some(address) = instance.address.filter(is_no_address) {
            *unfit.lock().expect("nobody panics with it") = Some(address);
        }
        instance.state == InstanceState::Running && instance.address.is_some()
    };
    let deadline = Instant::now() + subject.deadline;
    let waited = subject
        .client
        .wait_for_instance(ordered.id(), "it to run with an address", deadline, &runs)
        .await;
    let unfit = *unfit.lock().expect("nobody panics with it");
    assert_eq!(
        unfit, None,
        "this is told for an address; where there is none yet, `None` says so"
    );
    let running = ok("the wait for the instance to run with an address", waited);
    assert_ne!(running.ssh_port, 0, "the port of its sshd is 0");
}

/// What stands where an address will be.
fn is_no_address(address: &IpAddr) -> bool {
    address.is_unspecified()
        || address.is_multicast()
        || *address == IpAddr::V4(Ipv4Addr::BROADCAST)
}

/// A running instance is the same in a listing as when it is looked at.
pub async fn a_look_and_a_listing_tell_the_same(subject: &Subject) {
    let ordered = subject.order_and_boot().await;
    let filter = owned_by(subject.owner());
    let looked = facts(&subject.look(ordered.id()).await);
    // A listing may be late.
    subject
        .eventually(
            &format!("a listing to tell the same as a look: {looked}"),
            async || {
                let listed = subject.list(&filter).await;
                listed
                    .iter()
                    .any(|listed| facts(listed) == looked)
                    .then_some(())
            },
        )
        .await;
}

/// Everything but what is for people.
fn facts(instance: &Instance) -> String {
    let mut instance = instance.clone();
    instance.note = None;
    format!("{instance:?}")
}
