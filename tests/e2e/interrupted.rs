//! A create that is cancelled or dropped leaves nothing; one that was ready is kept. Those that are killed
//! are in `crash/`.

use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::process::{Child, Command};
use vps_docker::store::JournalEntry;
use vps_docker::{CreateEvent, ErrorKind, HostSpec, Phase};

use crate::support::{World, example, name, unique, wait_for_phase};

/// Killed when all was done but the closing of the journal: the host is kept.
#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_was_ready_is_adopted() {
    let world = World::new();
    let host_name = unique("ready");
    let create = || world.create(HostSpec::builder(&host_name));
    let host = create().await.expect("created");
    let id = host.info().id.clone();
    host.close().await;
    let leave_open = async || {
        // What a kill between the last two steps leaves.
        let journal = world.provider.data_dir().journal();
        let mut place = journal.open("local", &name(&host_name)).expect("free");
        let mut entry = JournalEntry::intent(id.clone(), name(&host_name), "local");
        entry.instance_id = Some(world.instances().await[0].id.clone());
        entry.ready = true;
        place.write(entry).expect("written");
    };
    leave_open().await;

    // Another host of that name is refused: this one may be in use by now.
    let other = HostSpec::builder(&host_name).label("another", "one");
    let error = world.create(other).await.expect_err("the name is taken");
    assert_eq!(error.kind(), ErrorKind::NameTaken);
    assert_eq!(world.instances().await.len(), 1);

    leave_open().await;
    let host = create().await.expect("adopted");
    assert_eq!(host.info().id, id);
    assert_eq!(
        host.exec("echo alive").await.expect("reached").stdout,
        "alive\n"
    );
    assert_eq!(world.instances().await.len(), 1);
    host.destroy().await.expect("destroyed");
    world.assert_nothing_left().await;
}

/// Ctrl-C in every phase that has something to roll back, and before.
#[tokio::test(flavor = "multi_thread")]
async fn a_create_that_is_cancelled_rolls_back() {
    let world = World::new();
    for phase in [
        Phase::Plan,
        Phase::Order,
        Phase::Boot,
        Phase::Bootstrap,
        Phase::Sshd,
    ] {
        let (cancel, cancelled) = tokio::sync::watch::channel(false);
        let mut cancelled = cancelled.clone();
        let spec = HostSpec::builder(unique("cancelled")).build().expect("fit");
        let error = world
            .provider
            .create_host(spec)
            .on_event(move |event| {
                if matches!(event, CreateEvent::Started(started) if started == phase) {
                    cancel.send_replace(true);
                }
            })
            .cancel_when(async move { drop(cancelled.wait_for(|cancelled| *cancelled).await) })
            .await
            .expect_err("cancelled");
        assert_eq!(error.kind(), ErrorKind::Cancelled, "at {phase}: {error}");
        world.assert_nothing_left().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_create_that_is_dropped_rolls_back() {
    let world = World::new();
    let (booting, mut seen) = tokio::sync::watch::channel(false);
    let spec = HostSpec::builder(unique("dropped")).build().expect("fit");
    let create = world
        .provider
        .create_host(spec)
        .on_event(move |event| {
            if matches!(event, CreateEvent::Started(Phase::Boot)) {
                booting.send_replace(true);
            }
        })
        .into_future();
    tokio::select! {
        result = create => panic!("it was dropped before it could end: {result:?}"),
        seen = seen.wait_for(|booting| *booting) => drop(seen.expect("it boots")),
    }
    world.assert_nothing_left().await;
}

/// Ctrl-C as a user types it: the program cleans up and says so.
#[tokio::test(flavor = "multi_thread")]
async fn the_example_cleans_up_on_ctrl_c() {
    let world = World::new();
    let mut create = start(&world, &unique("ctrl-c"));
    wait_for_phase(&mut create, Phase::Bootstrap).await;
    let id = create.id().expect("it runs").to_string();
    let sent = Command::new("kill").args(["-INT", &id]).status().await;
    assert!(sent.expect("a kill program").success());
    assert_eq!(finish(create).await.code(), Some(1));
    world.assert_nothing_left().await;
}

/// The example as a process of its own, over the world's data directory.
fn start(world: &World, host_name: &str) -> Child {
    Command::new(example("create_host"))
        .args(["--keep", "--json", "--name", host_name, "--data-dir"])
        .arg(world.provider.data_dir().path())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("the example is built with the tests")
}

async fn finish(mut create: Child) -> ExitStatus {
    // Nobody reads its progress any more; it must not wait for that.
    let stderr = create.stderr.take();
    let drain = tokio::spawn(async move {
        if let Some(mut stderr) = stderr {
            let _ = tokio::io::copy(&mut stderr, &mut tokio::io::sink()).await;
        }
    });
    let status = tokio::time::timeout(Duration::from_secs(120), create.wait()).await;
    drain.await.expect("drained");
    status.expect("it ends").expect("waited for")
}
