//! What a provider says it can do is what it does: no more, no less.

use vps_docker_core::model::{
    FirewallRules, HostTags, InstanceId, MachineSpec, PowerAction, SnapshotId, SshKeyId,
};
use vps_docker_core::{ErrorKind, Result};

use super::expect::ok;
use super::subject::Subject;

/// What a bootstrap document with its host key needs, and a user's own additions.
const LEAST_USER_DATA: usize = 16 * 1024;

/// Capabilities do not change from one call to the next, nor contradict each other; the provider's name is
/// one that can be typed.
pub async fn what_it_can_do_fits_together(subject: &Subject) {
    let can = subject.capabilities();
    assert_eq!(can, subject.capabilities(), "the capabilities change");
    assert!(
        can.snapshots || !can.create_from_snapshot,
        "instances cannot be made of snapshots that there are not"
    );
    assert!(
        can.machine_stays || can.user_data_limit >= LEAST_USER_DATA,
        "a bootstrap does not fit into {} bytes of user_data",
        can.user_data_limit
    );
    let name = subject.client.provider_name();
    let legal = |c: char| matches!(c, 'a'..='z' | '0'..='9' | '-');
    assert!(
        !name.is_empty() && name.chars().all(legal),
        "the provider is called {name:?}; use a-z, 0-9 and '-'"
    );
}

/// [`set_tags`](vps_docker_core::VpsClient::set_tags)
pub async fn tags_are_set_exactly_where_that_is_promised(subject: &Subject) {
    let tags = subject.tags_for(&subject.unique_name(), subject.owner());
    let answer = subject.client.set_tags(&nobody(), &tags.to_tags()).await;
    assert_as_promised(subject.capabilities().set_tags, "set_tags", answer);
}

/// [`rename_instance`](vps_docker_core::VpsClient::rename_instance)
pub async fn instances_are_renamed_exactly_where_that_is_promised(subject: &Subject) {
    let name = subject.unique_name();
    let answer = subject.client.rename_instance(&nobody(), &name).await;
    assert_as_promised(subject.capabilities().rename, "rename_instance", answer);
}

/// [`power`](vps_docker_core::VpsClient::power)
pub async fn power_is_switched_exactly_where_that_is_promised(subject: &Subject) {
    for action in [PowerAction::On, PowerAction::Off, PowerAction::Reboot] {
        let answer = subject.client.power(&nobody(), action).await;
        assert_as_promised(subject.capabilities().power, "power", answer);
    }
}

/// The three calls for snapshots.
pub async fn snapshots_are_there_exactly_where_they_are_promised(subject: &Subject) {
    let (client, can) = (&subject.client, subject.capabilities().snapshots);
    let name = subject.snapshot_name();
    let answer = client.create_snapshot(&nobody(), &name).await;
    assert_as_promised(can, "create_snapshot", answer);
    assert_as_promised(can, "list_snapshots", client.list_snapshots().await);
    let nobodys = SnapshotId::new("vps-docker-no-such-snapshot");
    let answer = client.delete_snapshot(&nobodys).await;
    assert_as_promised(can, "delete_snapshot", answer);
}

/// [`firewall`](vps_docker_core::VpsClient::firewall)
pub async fn a_firewall_is_there_exactly_where_it_is_promised(subject: &Subject) {
    let none = FirewallRules::default();
    let answer = subject.client.firewall(&nobody(), &none).await;
    assert_as_promised(subject.capabilities().firewall, "firewall", answer);
}

/// [`limits`](vps_docker_core::VpsClient::limits), which are more than nothing.
pub async fn limits_are_told_exactly_where_that_is_promised(subject: &Subject) {
    let promised = subject.capabilities().limits;
    let answer = subject.client.limits().await;
    if promised {
        let limits = ok("limits", answer);
        assert_ne!(limits.instances, Some(0), "the account may have nothing");
    } else {
        assert_as_promised(promised, "limits", answer);
    }
}

/// The two calls for kept keys.
pub async fn keys_are_kept_exactly_where_that_is_promised(subject: &Subject) {
    let (client, can) = (&subject.client, subject.capabilities().ssh_key_store);
    assert_as_promised(can, "list_ssh_keys", client.list_ssh_keys().await);
    let nobodys = SshKeyId::new("vps-docker-no-such-key");
    let answer = client.delete_ssh_key(&nobodys).await;
    assert_as_promised(can, "delete_ssh_key", answer);
}

/// [`adopt_machine`](vps_docker_core::VpsClient::adopt_machine); the machine is not asked.
pub async fn machines_are_adopted_exactly_where_that_is_promised(subject: &Subject) {
    let name = subject.unique_name();
    let machine = MachineSpec {
        // An address that is nobody's, by RFC 5737.
        address: [192, 0, 2, 1].into(),
        ssh_port: 22,
        tags: subject.tags_for(&name, subject.owner()).to_tags(),
        name,
    };
    subject.made().tried_instances = true;
    let answer = subject.client.adopt_machine(&machine).await;
    if let Ok(adopted) = &answer {
        subject.made().instances.push(adopted.id.clone());
        let marked = adopted.tags.contains_key(HostTags::MARKER);
        assert!(marked, "an adopted machine has lost its marker");
    }
    assert_as_promised(
        subject.capabilities().machine_stays,
        "adopt_machine",
        answer,
    );
}

/// Nobody's id: what works says that there is no such thing, or that it is gone; what does not work says
/// so of whatever id.
fn nobody() -> InstanceId {
    InstanceId::new("vps-docker-no-such-instance")
}

#[track_caller]
fn assert_as_promised<T>(promised: bool, call: &str, answer: Result<T>) {
    let error = answer.err();
    let unsupported = error
        .as_ref()
        .is_some_and(|error| error.kind() == ErrorKind::Unsupported);
    if promised {
        assert!(!unsupported, "{call} is promised and is not there");
        return;
    }
    let what = error.map_or_else(
        || "it succeeded".to_owned(),
        |error| format!("it failed as {:?}: {error}", error.kind()),
    );
    assert!(
        unsupported,
        "{call} is not promised, so it must answer Unsupported; {what}"
    );
}
