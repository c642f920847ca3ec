use provider_local::{LocalConfig, LocalProvider};
use vps_docker_core::model::{
    BootImage, DestroyOutcome, Instance, InstanceFilter, InstanceId, InstanceSpec, InstanceState,
    SnapshotId, SshKeyId, Tags,
};
use vps_docker_core::{ErrorKind, VpsClient};

use crate::support::{Account, Keys, assert_nothing_left, docker, eventually, spec, wait_for_ssh};

#[tokio::test]
async fn an_instance_is_born_lives_and_is_gone() {
    let Some(account) = Account::open("life", 0).await else {
        return;
    };
    let provider = &account.provider;
    let keys = Keys::new();
    let mut spec = spec("web", &keys);
    spec.user_data = keys
        .user_data(
            ", \"write_files\": [{\"path\": \"/etc/docker/daemon.json\", \
             \"content\": \"{\\\"labels\\\": [\\\"from=cloud-init\\\"]}\"}]",
        )
        .into();

    let made = provider.create_instance(&spec).await.expect("created");
    let address = made.address.expect("an address at once");
    assert_eq!(made.state, InstanceState::Running);
    assert_eq!(made.tags, spec.tags);
    assert_eq!(made.name, "web");

    // The injected host key is the only one that `ask` accepts.
    wait_for_ssh(address).await;
    assert_eq!(keys.ask(address, "hostname"), "web");
    keys.settled(address);
    let labels = keys.ask(address, "docker info --format '{{.Labels}}'");
    assert_eq!(labels, "[from=cloud-init]", "written before Docker started");
    let seed = keys.ask(
        address,
        "stat -c '%a %U' /var/lib/cloud/seed/nocloud /var/lib/cloud/seed/nocloud/user-data",
    );
    assert_eq!(seed, "700 root\n600 root");
    assert_eq!(keys.ask(address, "systemctl --failed --quiet"), "");

    let taken = provider.create_instance(&spec).await.expect_err("taken");
    assert_eq!(taken.kind(), ErrorKind::NameTaken, "{taken}");
    let all = provider
        .list_instances(&InstanceFilter::default())
        .await
        .expect("listed");
    assert_eq!(all.len(), 1, "the refused one left nothing");
    assert_eq!(all[0].id, made.id);

    for _ in 0..2 {
        let outcome = provider.destroy_instance(&made.id).await.expect("gone");
        assert_eq!(outcome, DestroyOutcome::Gone);
    }
    assert_nothing_left(&made.id);
    let error = provider.instance(&made.id).await.expect_err("gone");
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_create_that_is_dropped_leaves_nothing() {
    let Some(account) = Account::open("drop", 1).await else {
        return;
    };
    let keys = Keys::new();
    let everything = "label=vps-docker.account=vps-docker-test-drop";
    // What is seen of the instance when the caller loses interest.
    let moments: [&[&str]; 4] = [
        &["network", "ls", "-q", "--filter", everything],
        &["volume", "ls", "-q", "--filter", everything],
        &["ps", "-a", "-q", "--filter", everything],
        &["ps", "-q", "--filter", everything],
    ];
    for seen in moments {
        let provider = account.provider.clone();
        let spec = spec("web", &keys);
        let create = tokio::spawn(async move { provider.create_instance(&spec).await });
        eventually("the moment", || async {
            let there = !docker(seen).is_empty();
            (there || create.is_finished()).then_some(())
        })
        .await;
        create.abort();
        if let Ok(Ok(made)) = create.await {
            // We came too late: it is ours, whole, to destroy.
            let destroyed = account.provider.destroy_instance(&made.id).await;
            destroyed.expect("destroyed");
        }
        eventually("the clean-up", || async {
            let left = Account::labelled("vps-docker.account=vps-docker-test-drop");
            left.is_empty().then_some(())
        })
        .await;
    }
}

#[tokio::test]
async fn tags_are_set_listed_and_filtered() {
    let Some(account) = Account::open("tags", 2).await else {
        return;
    };
    let provider = &account.provider;
    let keys = Keys::new();
    let made = provider
        .create_instance(&spec("tagged", &keys))
        .await
        .expect("created");
    let tags = Tags::from([
        ("vps-docker-host".to_owned(), "abc".to_owned()),
        ("odd".to_owned(), "ü \"=,{}\n".to_owned()),
    ]);
    for _ in 0..2 {
        provider.set_tags(&made.id, &tags).await.expect("set");
        let seen = provider.instance(&made.id).await.expect("there");
        assert_eq!(seen.tags, tags);
        assert_eq!(seen.name, "tagged");
    }
    for (filter, hits) in [
        (InstanceFilter::default(), 1),
        (InstanceFilter::with_tag("odd"), 1),
        (InstanceFilter::tagged("vps-docker-host", "abc"), 1),
        (InstanceFilter::tagged("vps-docker-host", "abd"), 0),
        (InstanceFilter::with_tag("vps-docker"), 0),
    ] {
        let found = provider.list_instances(&filter).await.expect("listed");
        assert_eq!(found.len(), hits, "{filter:?}");
    }
    // One volume with tags, one with data, one container.
    let parts = Account::labelled(&format!("vps-docker.instance={}", made.id));
    assert_eq!(parts.len(), 3, "{parts:?}");

    let gone = InstanceId::new("0000000000000000");
    let error = provider.set_tags(&gone, &tags).await.expect_err("none");
    assert_eq!(error.kind(), ErrorKind::NotFound);
    provider.destroy_instance(&made.id).await.expect("gone");
    assert_nothing_left(&made.id);
}

#[tokio::test]
async fn two_instances_stand_side_by_side() {
    let Some(account) = Account::open("pair", 3).await else {
        return;
    };
    let provider = &account.provider;
    let (first_keys, second_keys) = (Keys::new(), Keys::new());
    let (first, mut second) = (spec("one", &first_keys), spec("two", &second_keys));
    second.image = BootImage::Catalog("debian-12".into());
    let (first, second) = tokio::join!(
        provider.create_instance(&first),
        provider.create_instance(&second),
    );
    let (first, second) = (first.expect("created"), second.expect("created"));
    let address = |instance: &Instance| instance.address.expect("an address");
    assert_ne!(address(&first), address(&second));
    wait_for_ssh(address(&first)).await;
    wait_for_ssh(address(&second)).await;
    assert_eq!(first_keys.ask(address(&first), "hostname"), "one");
    assert_eq!(second_keys.ask(address(&second), "hostname"), "two");
    let docker = second_keys.ssh(address(&second), "command -v docker");
    assert!(!docker.status.success(), "the bare image has no Docker");
    let crossed = first_keys.ssh(address(&second), "true");
    assert!(!crossed.status.success(), "the wrong host key is refused");

    let all = provider
        .list_instances(&InstanceFilter::default())
        .await
        .expect("listed");
    assert_eq!(all.len(), 2);
    provider.destroy_instance(&first.id).await.expect("gone");
    assert_nothing_left(&first.id);
    assert_eq!(second_keys.ask(address(&second), "hostname"), "two");
}

#[tokio::test]
async fn what_cannot_be_created_is_refused_before_anything_is_made() {
    let Some(account) = Account::open("refuse", 4).await else {
        return;
    };
    let keys = Keys::new();
    type Change = fn(&mut InstanceSpec);
    let changes: [(&str, Change); 6] = [
        ("a-z", |spec| spec.name = "../web".into()),
        ("local", |spec| spec.region = "moon".into()),
        ("plan", |spec| spec.plan = "huge".into()),
        ("debian-12", |spec| {
            spec.image = BootImage::Catalog("debian".into());
        }),
        ("32768", |spec| spec.user_data = "x".repeat(32769).into()),
        (".pub", |spec| spec.ssh_keys = vec![SshKeyId::new("key")]),
    ];
    for (hint, change) in changes {
        let mut spec = spec("web", &keys);
        change(&mut spec);
        let error = account
            .provider
            .create_instance(&spec)
            .await
            .expect_err(hint);
        assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
        assert!(error.to_string().contains(hint), "{error}");
    }
    let mut spec = spec("web", &keys);
    spec.image = BootImage::Snapshot(SnapshotId::new("0000000000000000"));
    let error = account.provider.create_instance(&spec).await;
    assert_eq!(error.expect_err("none").kind(), ErrorKind::NotFound);
    let left = Account::labelled("vps-docker.account=vps-docker-test-refuse");
    assert!(left.is_empty(), "{left:?}");
}

#[tokio::test]
async fn a_missing_engine_is_unreachable() {
    let config = LocalConfig::default().socket("/nonexistent/docker.sock");
    let error = LocalProvider::new(config)
        .list_instances(&InstanceFilter::default())
        .await
        .expect_err("no engine");
    assert_eq!(error.kind(), ErrorKind::Unreachable);
    assert!(error.is_retryable());
}
