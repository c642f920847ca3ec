//! Many cycles on one host, and snapshots that become other hosts.

use std::time::Duration;

use vps_docker::model::{
    AgentName, Environment, HostSnapshotId, InstanceSnapshotName, SnapshotId, SnapshotName,
};
use vps_docker::store::AgentRecord;
use vps_docker::{ErrorKind, Host, HostSpec, Settings};

use super::tools::*;
use crate::support::{World, is_thorough, unique};

/// Fifteen cycles on one host, or fifty, its move to a second one, and a third one of the second's disk.
#[tokio::test(flavor = "multi_thread")]
async fn a_host_goes_round_many_times_and_on_to_other_vpss() {
    let settings = Settings::builder().container_stop_timeout(Duration::from_secs(2));
    let world = World::with(settings.build().expect("fit"));
    let spec = HostSpec::builder(unique("round")).start_arg("--env=KEPT=yes");
    let mut host = world.create(spec).await.expect("created");

    record_and_reality_agree_after_each_of_many_cycles(&mut host).await;
    let moved = a_snapshot_becomes_a_host_on_another_vps(&world, &mut host).await;
    an_instance_snapshot_becomes_a_host_of_its_own(&world, &moved).await;

    for host in [host, moved] {
        host.destroy().await.expect("destroyed");
    }
    world.assert_nothing_left().await;
}

async fn record_and_reality_agree_after_each_of_many_cycles(host: &mut Host) {
    const KEPT: usize = 3;
    run(host, "echo kept > /vps-docker/file").await;
    let began = std::time::Instant::now();
    let cycles = if is_thorough() { 50 } else { 15 };
    for cycle in 1..=cycles {
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
    println!(
        "{cycles} cycles took {:.0} s",
        began.elapsed().as_secs_f64()
    );
    assert_eq!(
        run(host, "cat /vps-docker/file; echo $KEPT").await,
        "kept\nyes\n"
    );
}

async fn a_snapshot_becomes_a_host_on_another_vps(world: &World, host: &mut Host) -> Host {
    python(host, include_str!("make_odd_files.py")).await;
    run(host, "echo written > /root/layer").await;
    let agent = AgentName::new("stays").expect("legal");
    let mut agent = AgentRecord::new(agent, serde_json::json!("here"));
    let store = host.store().await.expect("connected");
    store.put_agent(&mut agent).await.expect("put");
    let snapshot = take(host, "to-be-moved").await;
    let described = python(host, include_str!("describe_files.py")).await;
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
    let arrived = python(&moved, include_str!("describe_files.py")).await;
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
    let secret = [("SECRET", "stays".into())];
    let secret = Environment::new(secret).expect("fit");
    host.set_env(&secret).await.expect("set");
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
    let data = python(host, include_str!("describe_files.py")).await;
    let copied = python(&made, include_str!("describe_files.py")).await;
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
    assert!(made.env_names().await.expect("asked").is_empty());
    assert_eq!(host.env_names().await.expect("asked"), ["SECRET"]);
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
