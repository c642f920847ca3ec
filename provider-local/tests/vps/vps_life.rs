use vps_docker_core::model::{DestroyOutcome, InstanceFilter, InstanceState};
use vps_docker_core::{ErrorKind, VpsClient};

use crate::support::{Account, Keys, assert_nothing_left, eventually, spec, wait_for_ssh};

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
    assert_eq!(
        keys.ask(address, "cloud-init status --wait"),
        "status: done"
    );
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

#[tokio::test]
async fn a_create_that_is_dropped_leaves_nothing() {
    let Some(account) = Account::open("drop", 1).await else {
        return;
    };
    let provider = &account.provider;
    let keys = Keys::new();
    // Dropped at a different step each time: the future is polled only so often.
    for polls in [1, 2, 4, 6, 8, 10, 12] {
        let spec = spec("web", &keys);
        let mut create = Box::pin(provider.create_instance(&spec));
        for _ in 0..polls {
            let step = std::time::Duration::from_millis(20);
            if tokio::time::timeout(step, &mut create).await.is_ok() {
                break;
            }
        }
        drop(create);
        let label = "vps-docker.account=vps-docker-test-drop";
        if polls < 12 {
            eventually("the clean-up", || async {
                Account::labelled(label).is_empty().then_some(())
            })
            .await;
        }
    }
}
