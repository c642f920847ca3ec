//! Clients and scripts that are killed, and a disk that is full.

use vps_docker::model::SnapshotName;
use vps_docker::ssh::TransportExt;
use vps_docker::{ErrorKind, Host};

use super::tools::*;
use crate::support::World;

/// Dropping the future kills its `ssh`: to the VPS that is a client that was killed.
pub(super) async fn a_client_that_is_gone_stops_nothing(world: &World, host: &Host) {
    run(host, "head -c 30000000 /dev/urandom > /vps-docker/bulk").await;
    let client = world.provider.host(&host.info().name).await.expect("found");
    let name = SnapshotName::new("abandoned").expect("legal");
    let begun = format!("until ls -d {STATE}/snapshots/*.tmp; do :; done");
    tokio::select! {
        taken = client.snapshot(&name) => panic!("it was to be cut off: {taken:?}"),
        _ = on_vps(host, &begun) => {}
    }
    drop(client);
    wait_for_the_lock(host).await;
    let [snapshot] = &snapshots(host).await[..] else {
        panic!("the VPS goes on with it");
    };
    assert_record_is_reality(host, 1).await;

    let mut client = world.provider.host(&host.info().name).await.expect("found");
    let begun = format!("until [ -e {STATE}/restoring ]; do :; done");
    run(host, "echo late > /vps-docker/late").await;
    tokio::select! {
        restored = client.restore(&snapshot.id) => panic!("it was to be cut off: {restored:?}"),
        _ = on_vps(host, &begun) => {}
    }
    drop(client);
    wait_for_the_lock(host).await;
    let mut host = world.provider.host(&host.info().name).await.expect("found");
    host.start().await.expect("it runs already");
    assert_eq!(run(&host, "ls /vps-docker").await, "bulk\nfile\n");
    host.delete_snapshot(&snapshot.id).await.expect("deleted");
    host.close().await;
}

/// The script on the VPS is killed while the container is paused.
pub(super) async fn a_snapshot_that_is_killed_leaves_nothing_paused_and_nothing_half(host: &Host) {
    // Its commit takes long enough to be seen.
    run(host, "head -c 100000000 /dev/urandom > /root/large").await;
    let kill = format!("until {STATUS} | grep -q paused; do :; done; {KILL}");
    let name = SnapshotName::new("killed").expect("legal");
    let (taken, _) = tokio::join!(host.snapshot(&name), on_vps(host, &kill));
    taken.expect_err("it was killed");
    on_vps(
        host,
        &format!("until {STATUS} | grep -q running; do sleep 0.1; done"),
    )
    .await;
    assert_eq!(snapshots(host).await, []);
    // The next one clears up.
    wait_for_the_lock(host).await;
    run(host, "rm /root/large").await;
    let next = take(host, "next").await;
    assert_record_is_reality(host, 1).await;
    host.delete_snapshot(&next.id).await.expect("deleted");
    assert_record_is_reality(host, 0).await;
}

/// The script on the VPS is killed after each step that can be seen; whatever is done next finds the
/// host whole: data and layer are both old, or both new.
pub(super) async fn a_restore_that_is_killed_leaves_the_old_state_or_the_new_one(host: &mut Host) {
    run(
        host,
        "rm -f /vps-docker/*; echo new | tee /vps-docker/file > /root/layer",
    )
    .await;
    let snapshot = take(host, "new").await;
    let mut kills = 0;
    for seen in [
        format!("[ -e {VOLUME}/restoring ]"),
        format!("[ -e {STATE}/restoring ]"),
        "docker container inspect vps-docker-replaced".to_owned(),
        format!("[ -e {VOLUME}/replaced ]"),
        format!("[ -e {VOLUME}/replaced ] && {STATUS} | grep -q running"),
    ] {
        run(host, "echo old | tee /vps-docker/file > /root/layer").await;
        let kill = format!("until {seen} >/dev/null 2>&1; do :; done; {KILL}");
        let vps = host.vps().await.expect("connected");
        let (restored, killed) = tokio::join!(host.restore(&snapshot.id), vps.run(&kill, b""));
        killed.expect("reached");
        // A machine that is slow to kill may see it end.
        kills += usize::from(restored.is_err());
        host.start().await.expect("it starts");
        let content = run(host, "cat /vps-docker/file /root/layer").await;
        assert!(
            ["old\nold\n", "new\nnew\n"].contains(&content.as_str()),
            "killed when {seen}: {content}"
        );
        // What was begun before there was anything to put back is cleared up by the next of its kind.
        let next = take(host, "next").await;
        assert_record_is_reality(host, 2).await;
        host.delete_snapshot(&next.id).await.expect("deleted");
    }
    assert!(kills > 0, "none of them was killed");
    host.delete_snapshot(&snapshot.id).await.expect("deleted");
}

/// A small file system takes the place of the disk.
pub(super) async fn a_full_disk_is_told_and_the_host_goes_on(host: &Host) {
    let resize = |size: &str| format!("mount -o remount,size={size} {STATE}/snapshots");
    on_vps(
        host,
        &format!("mount -t tmpfs -o size=8M snapshots {STATE}/snapshots"),
    )
    .await;
    let kept = take(host, "kept").await;

    // Told before anything is begun, and found out on the way: names take more room than files.
    let many = "import os\nfor n in range(8000): open(f'/vps-docker/{os.urandom(100).hex()}', 'w')";
    let too_much = [
        "head -c 20000000 /dev/urandom > /vps-docker/bulk".to_owned(),
        format!("rm /vps-docker/bulk; python3 -c \"{many}\""),
    ];
    for (fill, told) in too_much.iter().zip(["MB are missing", "became full"]) {
        let fill = fill.replace("/vps-docker", &format!("{VOLUME}/_data"));
        on_vps(host, &fill).await;
        let name = SnapshotName::new("too-much").expect("legal");
        let error = host.snapshot(&name).await.expect_err("no room");
        assert_eq!(error.kind(), ErrorKind::Capacity, "{error}");
        assert!(error.to_string().contains(told), "{error}");
        assert_eq!(snapshots(host).await, std::slice::from_ref(&kept));
        assert_record_is_reality(host, 1).await;
        assert_eq!(run(host, "echo alive").await, "alive\n");
    }
    on_vps(host, &resize("200M")).await;
    take(host, "after").await;
    assert_record_is_reality(host, 2).await;
    on_vps(host, &format!("umount {STATE}/snapshots")).await;
}
