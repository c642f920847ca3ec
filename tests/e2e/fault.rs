//! Providers and machines that fail: nothing is ordered twice, nothing is lost sight of.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use vps_docker::{ErrorKind, HostSpec, HostState, Settings};

use crate::support::{Altered, World, docker, name, unique};

/// An image that no VPS can get: the create fails when the instance is there.
const UNPULLABLE: &str = "registry.invalid/no-such-image:1";

#[tokio::test(flavor = "multi_thread")]
async fn an_order_whose_answer_is_lost_is_found_and_not_sent_twice() {
    let client = Arc::new(Altered::new());
    client.lose_answer.store(true, Relaxed);
    let world = World::over(client, Settings::default());
    let spec = HostSpec::builder(unique("answer"));
    let host = world.create(spec).await.expect("found");
    assert_eq!(world.instances().await.len(), 1);
    host.destroy().await.expect("destroyed");
    world.assert_nothing_left().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_that_fails_names_what_is_left_and_the_journal_keeps_it() {
    let client = Arc::new(Altered::new());
    client.keep_all.store(true, Relaxed);
    let settings = Settings::builder().rollback_timeout(Duration::from_secs(1));
    let world = World::over(client.clone(), settings.build().expect("fit"));
    let host_name = unique("rollback");
    let spec = HostSpec::builder(&host_name).image(UNPULLABLE);
    let error = world
        .create(spec)
        .await
        .expect_err("no such image")
        .to_string();
    let left = world.instances().await;
    assert_eq!(left.len(), 1);
    for told in [
        left[0].id.as_str(),
        "vps-docker-host=",
        "still be billed",
        "not today",
    ] {
        assert!(error.contains(told), "{told:?} in {error}");
    }
    let journal = world.provider.data_dir().journal();
    assert_eq!(journal.entries().expect("readable").len(), 1);

    client.keep_all.store(false, Relaxed);
    let destroyed = world.provider.destroy(&name(&host_name)).await;
    assert_eq!(destroyed.expect("destroyed").outcomes.len(), 1);
    world.assert_nothing_left().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_create_is_kept_where_that_is_asked_for() {
    let settings = Settings::builder().keep_failed(true);
    let world = World::with(settings.build().expect("fit"));
    let host_name = unique("keep");
    let spec = HostSpec::builder(&host_name).image(UNPULLABLE);
    let error = world.create(spec).await.expect_err("no such image");
    assert!(error.to_string().contains("is kept as asked"), "{error}");
    assert_eq!(world.instances().await.len(), 1);
    let kept = world.provider.host(&name(&host_name)).await.expect("there");
    assert_eq!(kept.info().state, HostState::Provisioning);
    kept.close().await;

    // The next create of the name takes its place.
    let spec = HostSpec::builder(&host_name);
    let host = world.create(spec).await.expect("created");
    assert_eq!(world.instances().await.len(), 1);
    host.destroy().await.expect("destroyed");
    world.assert_nothing_left().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_boot_that_takes_too_long_is_a_timeout_by_its_name() {
    let settings = Settings::builder().vps_boot_timeout(Duration::from_millis(1));
    let world = World::with(settings.build().expect("fit"));
    let spec = HostSpec::builder(unique("slow"));
    let error = world
        .create(spec)
        .await
        .expect_err("nothing boots in a millisecond");
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
    assert!(error.to_string().contains("vps_boot_timeout"), "{error}");
    world.assert_nothing_left().await;
}

/// A frozen VPS is unreachable, neither stopped nor gone; its broken connection is made anew when
/// it is back; and it can be destroyed while it does not answer.
#[tokio::test(flavor = "multi_thread")]
async fn a_vps_that_does_not_answer_is_unreachable() {
    let settings = Settings::builder().ssh_connect_timeout(Duration::from_secs(3));
    let world = World::with(settings.build().expect("fit"));
    let host_name = unique("frozen");
    let spec = HostSpec::builder(&host_name);
    let host = world.create(spec).await.expect("created");
    let container = format!("vps-docker-{host_name}");

    let connection = host.container().await.expect("open");
    docker(&["restart", "--time=30", &container]);
    // What was asked of the old connection fails; the host makes a new one.
    while !connection.has_ended() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let mut answer = host.exec("echo back").await;
    let deadline = tokio::time::Instant::now() + Duration::from_secs(60);
    while answer.is_err() && tokio::time::Instant::now() < deadline {
        answer = host.exec("echo back").await;
    }
    assert_eq!(answer.expect("connected anew").stdout, "back\n");
    host.close().await;

    docker(&["pause", &container]);
    let found = world.provider.host(&name(&host_name)).await;
    let found = found.expect("listed all the same");
    assert_eq!(found.info().state, HostState::Unreachable);
    found.destroy().await.expect("destroyed");
    world.assert_nothing_left().await;
}
