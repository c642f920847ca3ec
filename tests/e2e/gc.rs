//! What interrupted work has left is found, shown and removed; nothing else is.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use vps_docker::model::{
    BootImage, HostId, HostTags, Instance, InstanceSnapshotName, InstanceSpec, OwnerId,
    SnapshotName, SshKeyId, Timestamp,
};
use vps_docker::secrecy::SecretString;
use vps_docker::store::JournalEntry;
use vps_docker::{ErrorKind, GarbageItem, HostSpec, Settings, VpsClient};

use crate::support::{Altered, World, name, unique};

#[tokio::test(flavor = "multi_thread")]
async fn garbage_is_shown_then_removed_and_nothing_else() {
    let client = Arc::new(Altered::new());
    client.keeps_keys.store(true, Relaxed);
    let world = World::over(client.clone(), Settings::default());
    let gc = async || world.provider.gc().await.expect("found").items().to_vec();
    let owner = world.provider.data_dir().owner().clone();
    assert_eq!(gc().await, []);

    // A host that is ready is none, also when its tags still say otherwise.
    let host_name = unique("ready");
    let host = world.create(HostSpec::builder(&host_name)).await;
    let host = host.expect("created");
    let ready = world.instances().await.remove(0);
    let mut tags = ready.tags.clone();
    tags.insert(HostTags::EXPIRES.into(), "1".into());
    client.set_tags(&ready.id, &tags).await.expect("set");
    assert_eq!(gc().await, [], "a ready host is no garbage");

    // Three that never became a host: expired, not yet, and another owner's.
    let hour = Duration::from_secs(3600);
    let past = Timestamp::from_unix_seconds(1_700_000_000).expect("legal");
    let expired = order(&*client, &owner, past).await;
    let pending = order(&*client, &owner, Timestamp::now().plus(hour)).await;
    let stranger = OwnerId::random();
    let foreign = order(&*client, &stranger, past).await;
    let item = GarbageItem::ExpiredInstance {
        host: name(&expired.name),
        instance_id: expired.id.clone(),
        expired_at: past,
    };
    assert_eq!(gc().await, [item]);

    // A create that died, known to the journal alone, and one that is at work.
    let journal = world.provider.data_dir().journal();
    let died = name(&unique("died"));
    let mut place = journal.open("local", &died).expect("free");
    let mut entry = JournalEntry::intent(HostId::random(), died.clone(), "local");
    entry.instance_id = Some(pending.id.clone());
    place.write(entry).expect("written");
    assert_eq!(gc().await.len(), 1, "somebody is at work on it");
    drop(place);
    let found = gc().await;
    let item = GarbageItem::UnfinishedCreate {
        host: died,
        instance_id: Some(pending.id.clone()),
    };
    assert_eq!((found.len(), found.contains(&item)), (2, true), "{found:?}");

    // The search alone has removed nothing; what cannot be removed is told and found again.
    assert_eq!(world.instances().await.len(), 3);
    client.keep_all.store(true, Relaxed);
    let settings = Settings::builder().rollback_timeout(Duration::from_secs(1));
    let stubborn = world.provider_with(settings.build().expect("fit"));
    let collected = stubborn.gc().await.expect("found").collect().await;
    assert!(
        collected.iter().all(|item| item.error.is_some()),
        "{collected:?}"
    );
    client.keep_all.store(false, Relaxed);
    let collected = world.provider.gc().await.expect("found").collect().await;
    assert_eq!(collected.len(), 2);
    assert!(
        collected.iter().all(|item| item.error.is_none()),
        "{collected:?}"
    );
    let left: Vec<_> = world
        .instances()
        .await
        .into_iter()
        .map(|one| one.id)
        .collect();
    assert_eq!(left, std::slice::from_ref(&ready.id));
    client
        .instance(&foreign.id)
        .await
        .expect("another owner's is left alone");
    client
        .destroy_instance(&foreign.id)
        .await
        .expect("destroyed");
    assert_eq!(gc().await, []);

    // A time to live. What the record says counts, not tags that lag behind it.
    let mut host = host;
    let later = Timestamp::now().plus(hour);
    host.set_expiry(Some(later)).await.expect("set");
    let mut tags = client.instance(&ready.id).await.expect("there").tags;
    let seconds = later.unix_seconds().to_string();
    assert_eq!(tags.get(HostTags::EXPIRES), Some(&seconds));
    tags.insert(HostTags::EXPIRES.into(), "1".into());
    client.set_tags(&ready.id, &tags).await.expect("set");
    assert_eq!(gc().await, [], "it was given more time");
    let soon = Timestamp::now().plus(Duration::from_secs(1));
    host.set_expiry(Some(soon)).await.expect("set");
    let over = GarbageItem::ExpiredHost {
        host: name(&host_name),
        instance_id: ready.id.clone(),
        expired_at: soon,
    };
    while gc().await != std::slice::from_ref(&over) {
        assert!(Timestamp::now() < later, "{:?}", gc().await);
    }
    let listed = world.provider.hosts().await.expect("listed").all().await;
    let listed = listed.iter().find(|one| one.instance_id == ready.id);
    assert_eq!(listed.expect("listed").expires_at, Some(soon));
    let error = host.set_expiry(Some(past)).await.expect_err("past");
    assert_eq!(error.kind(), ErrorKind::Invalid);
    host.set_expiry(None).await.expect("set");
    assert_eq!(gc().await, []);
    let tags = client.instance(&ready.id).await.expect("there").tags;
    assert!(!tags.contains_key(HostTags::EXPIRES) && !tags.contains_key(HostTags::READY));
    // One that does not answer any more goes by its tags.
    let silent = order(&*client, &owner, past).await;
    let mut tags = silent.tags.clone();
    tags.insert(HostTags::READY.into(), String::new());
    client.set_tags(&silent.id, &tags).await.expect("set");
    let garbage = world.provider.gc().await.expect("found");
    let collected = garbage.expired_hosts_only().collect().await;
    assert!(
        matches!(&collected[..], [one] if one.error.is_none()
            && matches!(one.item, GarbageItem::ExpiredHost { .. })),
        "{collected:?}"
    );
    assert_eq!(gc().await, []);

    // A snapshot whose host is gone is shown, and goes only when that is asked for.
    let orphan = InstanceSnapshotName {
        owner: owner.clone(),
        host: HostId::random(),
        name: SnapshotName::new("golden").expect("legal"),
    };
    let kept = InstanceSnapshotName {
        host: host.info().id.clone(),
        ..orphan.clone()
    };
    let take = async |name: &InstanceSnapshotName| {
        let taken = client.create_snapshot(&ready.id, &name.to_string()).await;
        taken.expect("taken").id
    };
    let (orphan, kept) = (take(&orphan).await, take(&kept).await);
    let found = gc().await;
    let [GarbageItem::OrphanSnapshot { id, .. }] = &found[..] else {
        panic!("{found:?}");
    };
    assert_eq!(*id, orphan);
    world.provider.gc().await.expect("found").collect().await;
    assert_eq!(gc().await, found, "nobody has asked for that");
    let garbage = world.provider.gc().await.expect("found");
    garbage.snapshots_too().collect().await;
    assert_eq!(gc().await, []);
    client.delete_snapshot(&kept).await.expect("still there");

    // The instance is destroyed behind our back: what is known here leads nowhere, and the key at the
    // provider serves nobody.
    host.close().await;
    client.destroy_instance(&ready.id).await.expect("destroyed");
    let items = gc().await;
    let forgotten = GarbageItem::ForgottenHost {
        host: name(&host_name),
        instance_id: ready.id.clone(),
    };
    let key = GarbageItem::SshKey {
        id: SshKeyId::new(format!("vps-docker-{owner}")),
    };
    assert_eq!(items, [forgotten, key]);
    world.provider.gc().await.expect("found").collect().await;
    assert_eq!(gc().await, []);
    let error = world.provider.host(&name(&host_name)).await;
    assert_eq!(error.expect_err("gone").kind(), ErrorKind::NotFound);
    world.assert_nothing_left().await;
}

/// An instance that bears the tags of an unfinished create.
async fn order(client: &dyn VpsClient, owner: &OwnerId, expires: Timestamp) -> Instance {
    let host_name = name(&unique("unfinished"));
    let mut tags = HostTags::unfinished(
        HostId::random(),
        host_name.clone(),
        owner.clone(),
        Duration::ZERO,
    );
    tags.expires = Some(expires);
    let catalog = client.catalog().await.expect("listed");
    let spec = InstanceSpec {
        name: host_name.to_string(),
        region: catalog.regions[0].id.clone(),
        plan: catalog.plans[0].id.clone(),
        image: BootImage::Catalog(catalog.images[0].id.clone()),
        user_data: SecretString::from("#cloud-config\n{}\n"),
        ssh_keys: Vec::new(),
        tags: tags.to_tags(),
    };
    client.create_instance(&spec).await.expect("ordered")
}
