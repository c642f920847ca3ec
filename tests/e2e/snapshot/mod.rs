//! Snapshots of a host: what is in them, what becomes of them, and that nothing of them is lost, doubled
//! or left paused, whoever is killed on the way.

mod deaths;
mod round;
mod tools;

use std::time::Duration;

use vps_docker::model::{AgentName, HostSnapshotId};
use vps_docker::ssh::join;
use vps_docker::store::AgentRecord;
use vps_docker::{ErrorKind, Host, HostSpec, Settings};

use self::deaths::*;
use self::tools::*;
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
    python(host, include_str!("make_odd_files.py")).await;
    let before = python(host, include_str!("describe_files.py")).await;
    assert!(before.contains("security.capability"), "{before}");
    let odd = take(host, "odd").await;
    run(host, "cd /vps-docker && rm -rf -- * .[!.]*").await;
    host.restore(&odd.id).await.expect("restored");
    let after = python(host, include_str!("describe_files.py")).await;
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
    let writer = include_str!("restless.sh");
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
        let checked = run(host, include_str!("check_restless.sh")).await;
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
