use vps_docker_core::model::{BootImage, InstanceState, PowerAction};
use vps_docker_core::{ErrorKind, VpsClient};

use crate::support::{Account, Keys, assert_nothing_left, docker, eventually, spec, wait_for_ssh};

#[tokio::test]
async fn a_power_cycle_keeps_address_and_data() {
    let Some(account) = Account::open("power", 5).await else {
        return;
    };
    let provider = &account.provider;
    let keys = Keys::new();
    let made = provider
        .create_instance(&spec("cycled", &keys))
        .await
        .expect("created");
    let address = made.address.expect("an address");
    wait_for_ssh(address).await;
    keys.settled(address);
    keys.ask(
        address,
        "echo kept > /root/file; docker volume create inner; sync",
    );

    for _ in 0..2 {
        let off = provider.power(&made.id, PowerAction::Off).await;
        off.expect("off");
        let seen = provider.instance(&made.id).await.expect("there");
        assert_eq!(seen.state, InstanceState::Stopped);
        assert_eq!(seen.address, Some(address));
    }
    for _ in 0..2 {
        let on = provider.power(&made.id, PowerAction::On).await;
        on.expect("on");
        let seen = provider.instance(&made.id).await.expect("there");
        assert_eq!(seen.state, InstanceState::Running);
        assert_eq!(seen.address, Some(address));
    }
    wait_for_ssh(address).await;
    assert_eq!(keys.ask(address, "cat /root/file"), "kept");
    let boot = keys.ask(address, "stat -c %Y /proc/1");

    let reboot = provider.power(&made.id, PowerAction::Reboot).await;
    reboot.expect("reboot");
    wait_for_ssh(address).await;
    assert_ne!(keys.ask(address, "stat -c %Y /proc/1"), boot, "a new boot");
    keys.settled(address);
    assert_eq!(keys.ask(address, "docker volume ls -q"), "inner");
    assert_eq!(keys.ask(address, "systemctl --failed --quiet"), "");

    provider.destroy_instance(&made.id).await.expect("gone");
    assert_nothing_left(&made.id);
    let error = provider.power(&made.id, PowerAction::On).await;
    assert_eq!(error.expect_err("gone").kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn an_instance_made_of_a_snapshot_has_its_disk_and_another_identity() {
    let Some(account) = Account::open("snapshot", 6).await else {
        return;
    };
    let provider = &account.provider;
    let keys = Keys::new();
    let original = provider
        .create_instance(&spec("original", &keys))
        .await
        .expect("created");
    let address = original.address.expect("an address");
    wait_for_ssh(address).await;
    keys.settled(address);
    keys.ask(
        address,
        "echo kept > /root/file; docker volume create inner",
    );
    let machine_id = keys.ask(address, "cat /etc/machine-id");

    let snapshot = provider
        .create_snapshot(&original.id, "before the change")
        .await
        .expect("taken");
    assert_eq!(keys.ask(address, "hostname"), "original", "it runs on");
    let listed = provider.list_snapshots().await.expect("listed");
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].id, snapshot.id);
    assert_eq!(listed[0].name, "before the change");
    assert_eq!(listed[0].instance_id.as_ref(), Some(&original.id));
    assert!(listed[0].size_bytes > Some(0));
    provider.destroy_instance(&original.id).await.expect("gone");
    assert_nothing_left(&original.id);

    let new_keys = Keys::new();
    let mut spec = spec("copy", &new_keys);
    spec.image = BootImage::Snapshot(snapshot.id.clone());
    let copy = provider.create_instance(&spec).await.expect("created");
    assert_eq!(copy.tags, spec.tags, "not the original's");
    let address = copy.address.expect("an address");
    wait_for_ssh(address).await;
    // cloud-init ran again: it is the new host key and the new name.
    assert_eq!(new_keys.ask(address, "hostname"), "copy");
    assert_eq!(new_keys.ask(address, "cat /root/file"), "kept");
    assert_ne!(new_keys.ask(address, "cat /etc/machine-id"), machine_id);
    new_keys.settled(address);
    assert_eq!(new_keys.ask(address, "docker volume ls -q"), "inner");
    assert!(!keys.ssh(address, "true").status.success(), "the old keys");

    provider.destroy_instance(&copy.id).await.expect("gone");
    assert_nothing_left(&copy.id);
    for _ in 0..2 {
        provider.delete_snapshot(&snapshot.id).await.expect("gone");
    }
    assert!(provider.list_snapshots().await.expect("listed").is_empty());
    let left = Account::labelled(&format!("vps-docker.snapshot={}", snapshot.id));
    assert!(left.is_empty(), "{left:?}");
    let images = docker(&[
        "images",
        "-q",
        "vps-docker/snapshot",
        "--filter",
        "dangling=false",
    ]);
    assert!(!images.contains(snapshot.id.as_str()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dropped_snapshot_leaves_nothing_and_lets_the_instance_run_on() {
    let Some(account) = Account::open("unsnap", 7).await else {
        return;
    };
    let keys = Keys::new();
    let made = account
        .provider
        .create_instance(&spec("frozen", &keys))
        .await
        .expect("created");
    let paused = ["ps", "-q", "--filter", "status=paused", "--filter"];
    let label = format!("label=vps-docker.instance={}", made.id);
    let copying = "label=vps-docker.kind=copy";
    for seen in [
        [&paused[..], &[&label]].concat(),
        vec!["ps", "-a", "-q", "--filter", &label, "--filter", copying],
    ] {
        let (provider, id) = (account.provider.clone(), made.id.clone());
        let snapshot = tokio::spawn(async move { provider.create_snapshot(&id, "dropped").await });
        eventually("the moment", || async {
            let there = !docker(&seen).is_empty();
            (there || snapshot.is_finished()).then_some(())
        })
        .await;
        snapshot.abort();
        if let Ok(Ok(taken)) = snapshot.await {
            // We came too late: it is there, whole.
            let deleted = account.provider.delete_snapshot(&taken.id).await;
            deleted.expect("deleted");
        }
        eventually("the clean-up", || async {
            let frozen = docker(&[&paused[..], &[&label]].concat());
            let parts = Account::labelled("vps-docker.account=vps-docker-test-unsnap");
            // The instance is a container, its data and its tags.
            (frozen.is_empty() && parts.len() == 3).then_some(())
        })
        .await;
        let left = account.provider.list_snapshots().await.expect("listed");
        assert!(left.is_empty(), "{left:?}");
    }
    wait_for_ssh(made.address.expect("an address")).await;
}
