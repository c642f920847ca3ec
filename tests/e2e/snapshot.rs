//! Snapshots of a host: what is in them, what becomes of them, and that nothing of them is lost, doubled
//! or left paused, whoever is killed on the way.

use std::time::Duration;

use vps_docker::model::{
    AgentName, HostSnapshotId, InstanceSnapshotName, SnapshotId, SnapshotName,
};
use vps_docker::ssh::{TransportExt, join};
use vps_docker::store::{AgentRecord, HostSnapshot};
use vps_docker::{ErrorKind, Host, HostSpec, Settings};

use crate::support::{World, unique};

/// One host for most of it: the boot of a VPS is what costs the time.
#[tokio::test(flavor = "multi_thread")]
async fn a_host_is_snapshotted_restored_and_survives_all_kinds_of_death() {
    let settings = Settings::builder().container_stop_timeout(Duration::from_secs(2));
    let world = World::with(settings.build().expect("fit"));
    let spec = HostSpec::builder(unique("snap")).label("purpose", "snapshots");
    let mut host = world.create(spec).await.expect("created");

    n_snapshots_are_n_records_also_after_a_stop(&world, &mut host).await;
    a_restore_brings_back_data_and_layer_and_nothing_else(&mut host).await;
    a_delete_removes_image_and_record_and_an_unknown_id_is_an_error(&host).await;
    all_that_a_file_system_knows_survives(&mut host).await;
    data_and_layer_are_of_one_moment(&mut host).await;
    a_damaged_snapshot_is_refused_and_nothing_touched(&mut host).await;
    a_snapshot_that_does_not_start_gives_way_to_the_old_state(&mut host).await;
    a_client_that_is_gone_stops_nothing(&world, &host).await;
    a_snapshot_that_is_killed_leaves_nothing_paused_and_nothing_half(&host).await;
    a_restore_that_is_killed_leaves_the_old_state_or_the_new_one(&mut host).await;
    a_full_disk_is_told_and_the_host_goes_on(&host).await;

    host.destroy().await.expect("destroyed");
    world.assert_nothing_left().await;
}

/// Fifty cycles on one host, its move to a second one, and a third one of the second's disk.
#[tokio::test(flavor = "multi_thread")]
async fn a_host_goes_round_fifty_times_and_on_to_other_vpss() {
    let settings = Settings::builder().container_stop_timeout(Duration::from_secs(2));
    let world = World::with(settings.build().expect("fit"));
    let spec = HostSpec::builder(unique("round")).start_arg("--env=KEPT=yes");
    let mut host = world.create(spec).await.expect("created");

    record_and_reality_agree_after_each_of_fifty_cycles(&mut host).await;
    let moved = a_snapshot_becomes_a_host_on_another_vps(&world, &mut host).await;
    an_instance_snapshot_becomes_a_host_of_its_own(&world, &moved).await;

    for host in [host, moved] {
        host.destroy().await.expect("destroyed");
    }
    world.assert_nothing_left().await;
}

async fn record_and_reality_agree_after_each_of_fifty_cycles(host: &mut Host) {
    const KEPT: usize = 3;
    run(host, "echo kept > /vps-docker/file").await;
    let began = std::time::Instant::now();
    for cycle in 1..=50 {
        host.stop().await.expect("stopped");
        host.start().await.expect("started");
        take(host, &format!("cycle-{cycle}")).await;
        let snapshots = snapshots(host).await;
        if snapshots.len() > KEPT {
            let oldest = &snapshots[0].id;
            host.delete_snapshot(oldest).await.expect("deleted");
        }
        assert_record_is_reality(host, KEPT.min(cycle)).await;
    }
    println!("50 cycles took {:.0} s", began.elapsed().as_secs_f64());
    assert_eq!(
        run(host, "cat /vps-docker/file; echo $KEPT").await,
        "kept\nyes\n"
    );
}

async fn a_snapshot_becomes_a_host_on_another_vps(world: &World, host: &mut Host) -> Host {
    python(host, include_str!("snapshot/make_odd_files.py")).await;
    run(host, "echo written > /root/layer").await;
    let agent = AgentName::new("stays").expect("legal");
    let mut agent = AgentRecord::new(agent, serde_json::json!("here"));
    let store = host.store().await.expect("connected");
    store.put_agent(&mut agent).await.expect("put");
    let snapshot = take(host, "to-be-moved").await;
    let described = python(host, include_str!("snapshot/describe_files.py")).await;
    host.stop().await.expect("stopped");
    let source = host.info().name.to_string();

    // What cannot be moved is refused before anything is ordered.
    let error = world
        .create(HostSpec::builder(unique("moved")).from_snapshot(&source, HostSnapshotId::random()))
        .await;
    assert_eq!(error.expect_err("unknown").kind(), ErrorKind::NotFound);
    let file = format!("{STATE}/snapshots/{}/dropped", snapshot.id);
    on_vps(host, &format!("mv {file} {file}.good; echo x > {file}")).await;
    let error = world
        .create(HostSpec::builder(unique("moved")).from_snapshot(&source, snapshot.id.clone()))
        .await;
    assert_eq!(error.expect_err("damaged").kind(), ErrorKind::State);
    on_vps(host, &format!("mv {file}.good {file}")).await;
    assert_eq!(world.instances().await.len(), 1);

    let spec = HostSpec::builder(unique("moved")).from_snapshot(&source, snapshot.id.clone());
    let moved = world.create(spec).await.expect("created");
    assert_eq!(
        run(&moved, "cat /root/layer; echo $KEPT").await,
        "written\nyes\n"
    );
    assert_eq!(
        run(&moved, "hostname").await.trim(),
        moved.info().name.as_str()
    );
    let arrived = python(&moved, include_str!("snapshot/describe_files.py")).await;
    assert_eq!(lines(&arrived), lines(&described));
    assert_ne!(moved.info().id, host.info().id);
    assert_ne!(host_key(&moved), host_key(host));
    assert_eq!(
        moved
            .store()
            .await
            .expect("connected")
            .agents()
            .await
            .expect("none"),
        []
    );
    assert_record_is_reality(&moved, 0).await;
    // It is a host like any other, and the other one is what it was.
    take(&moved, "its-own").await;
    assert_record_is_reality(&moved, 1).await;
    assert_record_is_reality(host, 4).await;
    moved
}

async fn an_instance_snapshot_becomes_a_host_of_its_own(world: &World, host: &Host) {
    let agent = AgentName::new("stays").expect("legal");
    let mut agent = AgentRecord::new(agent, serde_json::json!("here"));
    let store = host.store().await.expect("connected");
    store.put_agent(&mut agent).await.expect("put");
    let name = SnapshotName::new("whole-disk").expect("legal");
    let taken = host.snapshot_instance(&name).await.expect("taken");
    let listed = world.provider.instance_snapshots().await.expect("listed");
    assert_eq!(
        listed.iter().map(|one| &one.id).collect::<Vec<_>>(),
        [&taken.id]
    );
    let named = InstanceSnapshotName::parse(&listed[0].name).expect("ours");
    assert_eq!((&named.host, &named.name), (&host.info().id, &name));

    let unknown = SnapshotId::new("0123456789abcdef");
    let error = world
        .create(HostSpec::builder(unique("copy")).instance_snapshot(unknown))
        .await;
    assert_eq!(error.expect_err("unknown").kind(), ErrorKind::NotFound);

    let copy = unique("copy");
    let spec = HostSpec::builder(&copy).instance_snapshot(taken.id.clone());
    let (made, presented) = {
        let mut presented = Vec::new();
        let create = world.create(spec);
        tokio::pin!(create);
        let made = loop {
            tokio::select! {
                made = &mut create => break made,
                keys = presented_at_port_2222(world, &copy) => presented.extend(keys),
            }
        };
        (made.expect("created"), presented)
    };
    // From the first moment on nobody was let in by the old container.
    let old = host_key(host);
    assert!(!presented.contains(&old), "the old container came up");
    assert_ne!(host_key(&made), old);
    assert_ne!(
        made.info().vps_ssh.known_hosts,
        host.info().vps_ssh.known_hosts
    );
    assert_ne!(made.info().id, host.info().id);
    // The data is there; what is the other host's is not.
    let data = python(host, include_str!("snapshot/describe_files.py")).await;
    let copied = python(&made, include_str!("snapshot/describe_files.py")).await;
    assert_eq!(lines(&copied), lines(&data));
    assert_eq!(
        made.store()
            .await
            .expect("connected")
            .agents()
            .await
            .expect("none"),
        []
    );
    assert_record_is_reality(&made, 0).await;
    assert_eq!(run(&made, "hostname").await.trim(), copy);

    made.destroy().await.expect("destroyed");
    for _ in 0..2 {
        let deleted = world.provider.delete_instance_snapshot(&taken.id).await;
        deleted.expect("idempotent");
    }
    assert!(
        world
            .provider
            .instance_snapshots()
            .await
            .expect("listed")
            .is_empty()
    );
}

/// The host keys that whoever listens there presents just now.
async fn presented_at_port_2222(world: &World, host: &str) -> Vec<String> {
    let instances = world.instances().await;
    let instance = instances.iter().find(|instance| instance.name == host);
    let Some(address) = instance.and_then(|instance| instance.address) else {
        return Vec::new();
    };
    let scan = tokio::process::Command::new("ssh-keyscan")
        .args([
            "-T",
            "1",
            "-t",
            "ed25519",
            "-p",
            "2222",
            &address.to_string(),
        ])
        .output()
        .await
        .expect("OpenSSH's client is there");
    let lines = String::from_utf8(scan.stdout).expect("text");
    lines.lines().filter_map(key_of).collect()
}

fn host_key(host: &Host) -> String {
    key_of(&host.info().container_ssh.known_hosts).expect("pinned")
}

/// The key of a line of `known_hosts`.
fn key_of(line: &str) -> Option<String> {
    line.split_whitespace().nth(2).map(str::to_owned)
}

/// The reference kept one record of three, and lost all at a stop.
async fn n_snapshots_are_n_records_also_after_a_stop(world: &World, host: &mut Host) {
    run(host, "echo one > /vps-docker/file; echo one > /root/layer").await;
    let first = take(host, "same-name").await;
    assert_eq!((&first.host, &first.parent), (&host.info().name, &None));
    run(host, "echo two > /vps-docker/file; echo two > /root/layer").await;
    let second = take(host, "same-name").await;
    host.stop().await.expect("stopped");
    let stopped = take(host, "stopped").await;
    assert_eq!(stopped.paused_ms, 0, "it did not run");
    assert_eq!(snapshots(host).await.len(), 3);
    host.start().await.expect("started");
    run(host, "head -c 1000000 /dev/urandom > /vps-docker/random").await;
    let large = take(host, "large").await;
    assert!(
        large.size_bytes - stopped.size_bytes > 1_000_000,
        "{large:?}"
    );

    let taken = [first, second, stopped, large];
    assert_eq!(snapshots(host).await, taken);
    for pair in taken.windows(2) {
        assert_eq!(pair[1].parent.as_ref(), Some(&pair[0].id));
    }
    assert_record_is_reality(host, 4).await;
    let listed = world.provider.hosts().await.expect("listed").all().await;
    let listed = listed
        .iter()
        .find(|listed| listed.id.as_ref() == Some(&host.info().id));
    assert_eq!(listed.expect("listed").snapshots, taken);
    let json = serde_json::to_value(&taken[0]).expect("plain data");
    for field in ["id", "host", "name", "created_at", "size_bytes"] {
        assert!(!json[field].is_null(), "{field} in {json}");
    }
}

async fn a_restore_brings_back_data_and_layer_and_nothing_else(host: &mut Host) {
    let store = host.store().await.expect("connected");
    let name = AgentName::new("stays").expect("legal");
    let mut agent = AgentRecord::new(name, serde_json::json!("as it is"));
    store.put_agent(&mut agent).await.expect("put");
    let before = host.info().clone();
    let [first, second, ..] = &snapshots(host).await[..] else {
        panic!("there are four");
    };
    run(host, "touch /vps-docker/late /root/late").await;

    host.restore(&first.id).await.expect("restored");
    let content = "cat /vps-docker/file /root/layer; ls /vps-docker /root";
    assert_eq!(
        run(host, content).await,
        "one\none\n/root:\nlayer\n\n/vps-docker:\nfile\n"
    );
    host.stop().await.expect("stopped");
    host.restore(&second.id)
        .await
        .expect("a stopped one as well");
    assert_eq!(
        run(host, "cat /vps-docker/file /root/layer").await,
        "two\ntwo\n"
    );

    assert_eq!(host.info().container_ssh, before.container_ssh);
    assert_eq!(host.info().labels, before.labels);
    assert_eq!(store.agents().await.expect("readable"), [agent]);
    assert_record_is_reality(host, 4).await;
    // What comes after a restore has come from what was restored, and a restart keeps it.
    let after = take(host, "after").await;
    assert_eq!(after.parent.as_ref(), Some(&second.id));
    host.restart().await.expect("restarted");
    assert_eq!(
        run(host, "cat /vps-docker/file /root/layer").await,
        "two\ntwo\n"
    );
}

/// The reference left the record.
async fn a_delete_removes_image_and_record_and_an_unknown_id_is_an_error(host: &Host) {
    let all = snapshots(host).await;
    // The one whose image runs, and whose child there is.
    let (gone, child) = (&all[1], &all[4]);
    host.delete_snapshot(&gone.id).await.expect("deleted");
    assert_record_is_reality(host, 4).await;
    let left = snapshots(host).await;
    assert!(left.iter().all(|snapshot| snapshot.id != gone.id));
    let orphan = left
        .iter()
        .find(|one| one.id == child.id)
        .expect("it stays");
    assert_eq!(orphan.parent, gone.parent, "its parent's parent");
    for unknown in [&gone.id, &HostSnapshotId::random()] {
        let error = host.delete_snapshot(unknown).await.expect_err("unknown");
        assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
    }
    for snapshot in left {
        host.delete_snapshot(&snapshot.id).await.expect("deleted");
    }
    assert_record_is_reality(host, 0).await;
    assert_eq!(
        run(host, "cat /vps-docker/file /root/layer").await,
        "two\ntwo\n"
    );
}

/// Everything but sockets: nobody listens on a stored one.
async fn all_that_a_file_system_knows_survives(host: &mut Host) {
    python(host, include_str!("snapshot/make_odd_files.py")).await;
    let before = python(host, include_str!("snapshot/describe_files.py")).await;
    assert!(before.contains("security.capability"), "{before}");
    let odd = take(host, "odd").await;
    run(host, "cd /vps-docker && rm -rf -- * .[!.]*").await;
    host.restore(&odd.id).await.expect("restored");
    let after = python(host, include_str!("snapshot/describe_files.py")).await;
    let (before, after) = (lines(&before), lines(&after));
    let lost: Vec<_> = before.iter().filter(|line| !after.contains(line)).collect();
    let new: Vec<_> = after.iter().filter(|line| !before.contains(line)).collect();
    assert!(
        lost.is_empty() && new.is_empty(),
        "lost {lost:#?}, new {new:#?}"
    );
    run(host, "cd /vps-docker && rm -rf -- * .[!.]*").await;
    host.delete_snapshot(&odd.id).await.expect("deleted");
}

/// A writer that is never still, in the data and in the layer in turns, moving directories about.
async fn data_and_layer_are_of_one_moment(host: &mut Host) {
    let writer = include_str!("snapshot/restless.sh");
    run(host, "head -c 30000000 /dev/urandom > /vps-docker/bulk").await;
    let start = join(["setsid", "sh", "-c", writer]) + " >/dev/null 2>&1 </dev/null &";
    run(host, &start).await;
    run(host, "until [ -e /vps-docker/last ]; do sleep 0.1; done").await;
    let mut taken = Vec::new();
    for _ in 0..2 {
        taken.push(take(host, "restless").await);
    }
    for snapshot in taken {
        // The writer does not start by itself: it was no process of the container's command.
        host.restore(&snapshot.id).await.expect("restored");
        let checked = run(host, include_str!("snapshot/check_restless.sh")).await;
        assert_eq!(checked, "of one moment\n");
        host.delete_snapshot(&snapshot.id).await.expect("deleted");
    }
    run(host, "rm -rf /vps-docker/* /root/middle").await;
}

async fn a_damaged_snapshot_is_refused_and_nothing_touched(host: &mut Host) {
    run(host, "echo kept > /vps-docker/file").await;
    let snapshot = take(host, "damaged").await;
    let before = container_id(host).await;
    let file = format!("{STATE}/snapshots/{}/rest.tar*", snapshot.id);
    let damage = [
        (
            format!("cp -a {file} /root/good; printf x >>{file}"),
            format!("cp -a /root/good {file}"),
        ),
        (
            format!(
                "docker tag {0} kept; docker tag debian:bookworm-slim {0}",
                image(&snapshot)
            ),
            format!("docker tag kept {}; docker rmi kept", image(&snapshot)),
        ),
        (
            format!("docker tag {0} kept; docker rmi {0}", image(&snapshot)),
            format!("docker tag kept {}; docker rmi kept", image(&snapshot)),
        ),
    ];
    for (damage, mend) in damage {
        on_vps(host, &damage).await;
        let error = host.restore(&snapshot.id).await.expect_err("damaged");
        assert_eq!(error.kind(), ErrorKind::State, "{damage}: {error}");
        assert!(error.to_string().contains("nothing was touched"), "{error}");
        assert_eq!(container_id(host).await, before);
        on_vps(host, &mend).await;
    }
    host.restore(&snapshot.id).await.expect("whole again");
    let error = host.restore(&HostSnapshotId::random()).await;
    assert_eq!(error.expect_err("unknown").kind(), ErrorKind::NotFound);
    host.delete_snapshot(&snapshot.id).await.expect("deleted");
}

async fn a_snapshot_that_does_not_start_gives_way_to_the_old_state(host: &mut Host) {
    const ENTRYPOINT: &str = "/usr/local/lib/vps-docker/entrypoint.sh";
    run(
        host,
        &format!("cp {ENTRYPOINT} /root/; echo old > /vps-docker/file"),
    )
    .await;
    // One that Docker cannot start, one that ends by itself.
    for broken in [
        format!("rm {ENTRYPOINT}"),
        format!("printf '#!/bin/sh\\necho it is broken; exit 3\\n' > {ENTRYPOINT}"),
    ] {
        run(host, &broken).await;
        let snapshot = take(host, "broken").await;
        run(
            host,
            &format!("cp /root/entrypoint.sh {ENTRYPOINT}; echo new > /vps-docker/file"),
        )
        .await;
        let before = container_id(host).await;
        let error = host
            .restore(&snapshot.id)
            .await
            .expect_err("it does not start");
        assert_eq!(error.kind(), ErrorKind::Docker, "{error}");
        assert!(error.to_string().contains("what it was before"), "{error}");
        assert_eq!(container_id(host).await, before);
        host.refresh().await.expect("seen");
        host.start().await.expect("it runs");
        assert_eq!(run(host, "cat /vps-docker/file").await, "new\n");
        host.delete_snapshot(&snapshot.id).await.expect("deleted");
        assert_record_is_reality(host, 0).await;
    }
}

/// Dropping the future kills its `ssh`: to the VPS that is a client that was killed.
async fn a_client_that_is_gone_stops_nothing(world: &World, host: &Host) {
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
async fn a_snapshot_that_is_killed_leaves_nothing_paused_and_nothing_half(host: &Host) {
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
async fn a_restore_that_is_killed_leaves_the_old_state_or_the_new_one(host: &mut Host) {
    run(
        host,
        "rm -f /vps-docker/*; echo new | tee /vps-docker/file > /root/layer",
    )
    .await;
    let snapshot = take(host, "new").await;
    for seen in [
        format!("[ -e {VOLUME}/restoring ]"),
        format!("[ -e {STATE}/restoring ]"),
        "docker container inspect vps-docker-replaced".to_owned(),
        format!("[ -e {VOLUME}/replaced ]"),
        format!("[ -e {VOLUME}/replaced ] && {STATUS} | grep -q running"),
        format!("[ -e {STATE}/restoring ] && {STATUS} | grep -q running && sleep 1"),
    ] {
        run(host, "echo old | tee /vps-docker/file > /root/layer").await;
        let kill = format!("until {seen} >/dev/null 2>&1; do :; done; {KILL}");
        let vps = host.vps().await.expect("connected");
        let (restored, killed) = tokio::join!(host.restore(&snapshot.id), vps.run(&kill, b""));
        killed.expect("reached");
        restored.expect_err(&format!("killed when {seen}"));
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
    host.delete_snapshot(&snapshot.id).await.expect("deleted");
}

/// A small file system takes the place of the disk.
async fn a_full_disk_is_told_and_the_host_goes_on(host: &Host) {
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

const STATE: &str = "/var/lib/docker/volumes/vps-docker-state/_data";
const VOLUME: &str = "/var/lib/docker/volumes/vps-docker-data";
const STATUS: &str = "docker container inspect --format '{{.State.Status}}' vps-docker";
/// Kills the script that holds the host, without a word. The brackets keep it from killing itself.
const KILL: &str = "pkill -KILL -f 'operation[.]lock'";

/// As many records as directories and images, of the same ids; nothing half made, nothing paused.
async fn assert_record_is_reality(host: &Host, expected: usize) {
    let mut records: Vec<String> = snapshots(host)
        .await
        .iter()
        .map(|one| one.id.to_string())
        .collect();
    records.sort();
    assert_eq!(records.len(), expected);
    let reality = format!(
        "mkdir -p {STATE}/snapshots && cd {STATE}/snapshots && ls | grep -v -e '^current$' -e '[.]json$' | sort
         echo -- && docker image ls --format '{{{{.Tag}}}}' vps-docker/snapshot | sort
         echo -- && docker container ls --all --format '{{{{.Names}}}} {{{{.Image}}}}'
         echo -- && ls -A {VOLUME} && ls {STATE} | grep -v -e agents -e lock -e snapshots -e stop.json
         echo -- && docker image ls --format '{{{{.Repository}}}}:{{{{.Tag}}}}' vps-docker/restored
         echo -- && {STATUS}"
    );
    let reality = on_vps(host, &reality).await;
    let parts: Vec<Vec<&str>> = reality
        .split("--\n")
        .map(|part| part.lines().collect())
        .collect();
    let [directories, images, containers, files, restored, status] = &parts[..] else {
        panic!("{reality}");
    };
    assert_eq!(
        (directories, images),
        (&records.iter().map(String::as_str).collect(), directories)
    );
    let record = host.store().await.expect("connected").read().await;
    let runs = record
        .expect("readable")
        .expect("there")
        .derived_image
        .expect("ready");
    assert_eq!(containers, &[format!("vps-docker {runs}")]);
    assert_eq!(files, &["_data", "host.json"]);
    assert!(restored.iter().all(|image| *image == runs), "{restored:?}");
    assert_ne!(status, &["paused"]);
}

async fn take(host: &Host, name: &str) -> HostSnapshot {
    let name = SnapshotName::new(name).expect("legal");
    host.snapshot(&name).await.expect("taken")
}

async fn snapshots(host: &Host) -> Vec<HostSnapshot> {
    host.snapshots().await.expect("listed")
}

async fn wait_for_the_lock(host: &Host) {
    on_vps(host, "flock -w 60 /run/vps-docker/operation.lock true").await;
}

async fn container_id(host: &Host) -> String {
    on_vps(
        host,
        "docker container inspect --format '{{.Id}}' vps-docker",
    )
    .await
}

fn image(snapshot: &HostSnapshot) -> String {
    format!("vps-docker/snapshot:{}", snapshot.id)
}

fn lines(text: &str) -> Vec<&str> {
    text.lines().collect()
}

async fn python(host: &Host, program: &str) -> String {
    on_vps(
        host,
        &join(["python3", "-c", program, &format!("{VOLUME}/_data")]),
    )
    .await
}

async fn run(host: &Host, command: &str) -> String {
    let output = host.exec(command).await.expect("reached");
    assert_eq!(
        output.exit_code(),
        0,
        "{command}: {}{}",
        output.stdout,
        output.stderr
    );
    output.stdout
}

async fn on_vps(host: &Host, command: &str) -> String {
    let vps = host.vps().await.expect("connected");
    let output = vps.run(command, b"").await.expect("reached");
    assert_eq!(
        output.exit_code(),
        0,
        "{command}: {}{}",
        output.stdout,
        output.stderr
    );
    output.stdout
}
