//! Snapshots of instances.

use vps_docker_core::ErrorKind;
use vps_docker_core::model::{BootImage, InstanceId, InstanceSnapshot, SnapshotId};

use super::expect::{failed, ok};
use super::refusals::assert_refused;
use super::subject::Subject;

/// A snapshot is listed with the name it was given, to the letter, for the name says whose it is; and with
/// its instance where the provider tells.
pub async fn a_snapshot_is_listed_with_its_name_and_instance(subject: &Subject) {
    let ordered = subject.order_and_boot().await;
    let name = subject.snapshot_name();
    let made = subject.snapshot(ordered.id(), &name).await;
    let listed = subject
        .eventually("the snapshot to be listed", async || {
            find(subject, &made.id).await
        })
        .await;
    for (which, snapshot) in [("the answer", made), ("the listing", listed)] {
        assert_eq!(snapshot.name, name, "{which} tells another name");
        let of = snapshot.instance_id;
        assert!(
            of.as_ref().is_none_or(|id| id == ordered.id()),
            "{which} says that it was made of {of:?}, not of {:?}",
            ordered.id()
        );
    }
}

/// A deleted snapshot is gone, and may be deleted again.
pub async fn a_snapshot_that_is_deleted_is_gone(subject: &Subject) {
    let ordered = subject.order_and_boot().await;
    let name = subject.snapshot_name();
    let made = subject.snapshot(ordered.id(), &name).await;
    for time in ["first", "second"] {
        let answer = subject.client.delete_snapshot(&made.id).await;
        ok(&format!("delete_snapshot for the {time} time"), answer);
        subject
            .eventually("the snapshot to be listed no more", async || {
                find(subject, &made.id).await.is_none().then_some(())
            })
            .await;
    }
    subject.look(ordered.id()).await;
}

/// Of something that is to go, being gone is a success.
pub async fn deleting_what_is_no_snapshot_is_a_success(subject: &Subject) {
    for id in ["vps-docker-no-such-snapshot", "0"] {
        let answer = subject.client.delete_snapshot(&SnapshotId::new(id)).await;
        ok(&format!("delete_snapshot({id:?})"), answer);
    }
}

/// There is no snapshot of an instance that there is not.
pub async fn a_snapshot_of_nothing_is_not_found(subject: &Subject) {
    let id = InstanceId::new("vps-docker-no-such-instance");
    let name = subject.snapshot_name();
    let answer = subject.client.create_snapshot(&id, &name).await;
    failed(
        "create_snapshot of an unknown instance",
        answer,
        &[ErrorKind::NotFound],
    );
}

/// A snapshot becomes an instance of its own, with the tags that were ordered.
pub async fn an_instance_is_made_of_a_snapshot(subject: &Subject) {
    let original = subject.order_and_boot().await;
    let name = subject.snapshot_name();
    let snapshot = subject.snapshot(original.id(), &name).await;
    let region = &original.spec.region;
    assert!(
        snapshot.regions.is_empty() || snapshot.regions.contains(region),
        "a snapshot that was made in {region:?} says that it can only be used in {:?}",
        snapshot.regions
    );
    let mut spec = subject.spec().await;
    spec.image = BootImage::Snapshot(snapshot.id);
    let copy = ok("create_instance", subject.try_order(&spec).await);
    assert_ne!(&copy.id, original.id(), "it is the instance itself");
    let copy = subject.wait_until_it_runs(&copy.id).await;
    assert_eq!(
        copy.tags, spec.tags,
        "the tags are not those that were ordered"
    );
    assert_eq!(
        copy.name, spec.name,
        "the name is not the one that was ordered"
    );
    let original = subject.look(original.id()).await;
    assert_ne!(
        original.address, copy.address,
        "two instances at one address"
    );
}

/// A snapshot of which instances can be made does not go with the instance it was made of.
pub async fn a_snapshot_outlives_its_instance(subject: &Subject) {
    let ordered = subject.order_and_boot().await;
    let name = subject.snapshot_name();
    let made = subject.snapshot(ordered.id(), &name).await;
    ok(
        "destroy_instance",
        subject.client.destroy_instance(ordered.id()).await,
    );
    subject
        .eventually("the snapshot to be listed", async || {
            find(subject, &made.id).await
        })
        .await;
}

/// Where no instance can be made of a snapshot, an order of one is refused and makes nothing.
pub async fn a_snapshot_that_cannot_become_an_instance_is_refused(subject: &Subject) {
    let original = subject.order_and_boot().await;
    let name = subject.snapshot_name();
    let snapshot = subject.snapshot(original.id(), &name).await;
    ok(
        "destroy_instance",
        subject.client.destroy_instance(original.id()).await,
    );
    subject.is_gone(&original).await;
    let mut spec = subject.spec().await;
    spec.image = BootImage::Snapshot(snapshot.id);
    let kinds = [
        ErrorKind::Unsupported,
        ErrorKind::Invalid,
        ErrorKind::NotFound,
    ];
    assert_refused(subject, &spec, "a snapshot", &kinds).await;
}

async fn find(subject: &Subject, id: &SnapshotId) -> Option<InstanceSnapshot> {
    let listed = ok("list_snapshots", subject.client.list_snapshots().await);
    listed.into_iter().find(|snapshot| snapshot.id == *id)
}
