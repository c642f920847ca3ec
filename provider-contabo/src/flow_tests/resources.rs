//! Names, tags, power, snapshots, keys, firewalls, listings.

use std::error::Error as _;

use serde_json::json;
use vps_docker_core::http::RetryPolicy;
use vps_docker_core::model::{
    Cidr, FirewallRules, HostId, InstanceFilter, InstanceId, InstanceState, OwnerId, PowerAction,
    SnapshotId, SshKeyId, Tags,
};
use vps_docker_core::{Error, ErrorKind, VpsClient};

use super::{RELEASED, listed_with, spec};
use crate::fake::{Fake, FaultKind};

#[tokio::test]
async fn name_and_tags_change_without_touching_each_other() {
    let fake = Fake::start().await;
    let provider = fake.provider();
    let spec = spec("web1");
    let id = provider.create_instance(&spec).await.expect("ordered").id;
    provider
        .rename_instance(&id, "web2")
        .await
        .expect("renamed");
    let seen = provider.instance(&id).await.expect("there");
    assert_eq!(
        (&*seen.name, &seen.tags),
        ("web2", &spec.tags),
        "the tags say web1 still"
    );
    let tags = Tags::from([("colour".to_owned(), "light blue = 1".to_owned())]);
    provider.set_tags(&id, &tags).await.expect("set");
    provider.set_tags(&id, &tags).await.expect("again");
    assert_eq!(
        fake.count("PATCH"),
        2,
        "one write each, and none for nothing"
    );
    let seen = provider.instance(&id).await.expect("there");
    assert_eq!((&*seen.name, &seen.tags), ("web2", &tags));
    provider.set_tags(&id, &Tags::new()).await.expect("cleared");
    provider.destroy_instance(&id).await.expect("still ours");
    let error = provider
        .rename_instance(&id, "-")
        .await
        .expect_err("no name");
    assert_eq!(error.kind(), ErrorKind::Invalid);
}

#[tokio::test]
async fn a_released_machine_is_not_used_by_its_id() {
    let fake = Fake::start().await;
    let machine = fake.machine(RELEASED);
    let id = InstanceId::new(format!("{machine}-1"));
    let provider = fake.provider();
    for error in [
        provider
            .set_tags(&id, &Tags::new())
            .await
            .expect_err("released"),
        provider
            .power(&id, PowerAction::On)
            .await
            .expect_err("released"),
        provider
            .create_snapshot(&id, "x")
            .await
            .expect_err("released"),
    ] {
        assert_eq!(error.kind(), ErrorKind::State, "{error}");
    }
    assert_eq!(fake.display_name(machine), RELEASED);
}

#[tokio::test]
async fn the_switch_is_followed() {
    let fake = Fake::start().await;
    let provider = fake.provider();
    let id = provider
        .create_instance(&spec("web1"))
        .await
        .expect("ordered")
        .id;
    let state = async || provider.instance(&id).await.expect("there").state;
    while state().await != InstanceState::Running {}
    for (action, expected, calls) in [
        (PowerAction::On, InstanceState::Running, 0),
        (PowerAction::Off, InstanceState::Stopped, 1),
        (PowerAction::Off, InstanceState::Stopped, 1),
        (PowerAction::On, InstanceState::Running, 2),
        (PowerAction::Reboot, InstanceState::Running, 3),
    ] {
        provider.power(&id, action).await.expect("followed");
        assert_eq!(state().await, expected, "{action:?}");
        assert_eq!(
            fake.count("POST /v1/compute/instances/1001/actions/"),
            calls
        );
    }
}

#[tokio::test]
async fn snapshots_are_of_our_instances_and_go_with_them() {
    let fake = Fake::start().await;
    let provider = fake.provider();
    let id = provider
        .create_instance(&spec("web1"))
        .await
        .expect("ordered")
        .id;
    let name = format!(
        "vps-docker-{}-{}-before",
        OwnerId::random(),
        HostId::random()
    );
    let taken = provider.create_snapshot(&id, &name).await.expect("taken");
    assert_eq!(
        (&*taken.name, taken.instance_id.as_ref()),
        (&*name, Some(&id))
    );
    let error = provider
        .create_snapshot(&id, "another")
        .await
        .expect_err("one is all");
    assert_eq!(error.kind(), ErrorKind::Quota);
    let foreign = fake.machine("my box");
    fake.state()
        .snapshots
        .insert((foreign, "s".into()), json!({"snapshotId": "s"}));
    let listed = provider.list_snapshots().await.expect("listed");
    assert_eq!(listed.as_slice(), std::slice::from_ref(&taken));
    provider.delete_snapshot(&taken.id).await.expect("deleted");
    for id in [
        taken.id,
        SnapshotId::new("x"),
        SnapshotId::new("x/y"),
        SnapshotId::new("1/y"),
    ] {
        provider
            .delete_snapshot(&id)
            .await
            .expect("gone is a success");
    }
    provider
        .create_snapshot(&id, "again")
        .await
        .expect("there is room");
    provider.destroy_instance(&id).await.expect("destroyed");
    assert_eq!(fake.state().snapshots.len(), 1, "only somebody else's");
}

#[tokio::test]
async fn a_key_is_known_by_its_material_whatever_its_name() {
    let fake = Fake::start().await;
    let provider = fake.provider();
    let key = |n: u8| format!("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA{n} me@example");
    let first = provider
        .ensure_ssh_key("mine", &key(1))
        .await
        .expect("made");
    let again = provider
        .ensure_ssh_key("mine", &key(1))
        .await
        .expect("known");
    let bare = key(1).replace(" me@example", "\n");
    let by_other_name = provider
        .ensure_ssh_key("other", &bare)
        .await
        .expect("known");
    assert_eq!((&first, &first), (&again, &by_other_name));
    let second = provider
        .ensure_ssh_key("second", &key(2))
        .await
        .expect("made");
    assert_ne!(first, second);
    assert_eq!(fake.count("POST /v1/secrets"), 2);
    assert_eq!(fake.body("POST /v1/secrets")["type"], "ssh");
    assert_eq!(provider.list_ssh_keys().await.expect("listed").len(), 2);
    for id in [&first, &first, &SshKeyId::new("no-number")] {
        provider.delete_ssh_key(id).await.expect("gone");
    }
    // Carried out, though nobody heard.
    fake.fault("POST /v1/secrets", FaultKind::Drop, true);
    provider
        .ensure_ssh_key("third", &key(3))
        .await
        .expect("found");
    for unfit in ["", "no key", &format!("ssh-rsa {}", "A".repeat(700))] {
        let error = provider
            .ensure_ssh_key("x", unfit)
            .await
            .expect_err("unfit");
        assert_eq!(error.kind(), ErrorKind::Invalid);
    }
}

#[tokio::test]
async fn a_firewall_is_the_instances_own_and_goes_with_it() {
    let fake = Fake::start().await;
    let provider = fake.provider();
    let id = provider
        .create_instance(&spec("web1"))
        .await
        .expect("ordered")
        .id;
    let theirs =
        json!({"firewallId": "theirs", "name": "theirs", "instances": [{"instanceId": 1001}]});
    let theirs = theirs.as_object().expect("an object").clone();
    fake.state().firewalls.insert("theirs".into(), theirs);
    let office = "203.0.113.0/24".parse().expect("a range");
    provider
        .firewall(&id, &FirewallRules::tcp([22], &[office]))
        .await
        .expect("set");
    let rules = FirewallRules::tcp([22, 2222], &Cidr::WORLD);
    provider.firewall(&id, &rules).await.expect("replaced");
    {
        let state = fake.state();
        assert_eq!(state.firewalls.len(), 2);
        assert_eq!(state.firewalls["theirs"]["instances"], json!([]));
        let own = state
            .firewalls
            .values()
            .find(|one| one["name"] == "vps-docker-1001")
            .expect("own");
        assert_eq!(own["instances"], json!([{"instanceId": 1001}]));
        assert_eq!(own["rules"]["inbound"].as_array().expect("rules").len(), 2);
    }
    provider.destroy_instance(&id).await.expect("destroyed");
    let left: Vec<String> = fake.state().firewalls.keys().cloned().collect();
    assert_eq!(left, ["theirs"]);

    let new = provider
        .create_instance(&spec("web2"))
        .await
        .expect("reused");
    fake.fault("POST /v1/firewalls/", FaultKind::Status(402), false);
    let error = provider
        .firewall(&new.id, &rules)
        .await
        .expect_err("no add-on");
    assert_eq!(error.kind(), ErrorKind::Payment);
    assert_eq!(fake.state().firewalls.len(), 1, "none is left behind");
}

#[tokio::test]
async fn all_pages_are_listed_and_one_that_fails_fails_the_listing() {
    let fake = Fake::start().await;
    fake.state().page_size = Some(10);
    let ours = spec("web1");
    for n in 0..35 {
        fake.machine(&format!("box {n}"));
    }
    let provider = fake.provider();
    provider.create_instance(&ours).await.expect("ordered");
    assert_eq!(
        listed_with(&provider, &ours.tags).await.len(),
        1,
        "on the last page"
    );
    let all = provider
        .list_instances(&InstanceFilter::default())
        .await
        .expect("listed");
    assert_eq!(all.len(), 36);
    fake.fault("GET /v1/compute/instances?page=3", FaultKind::Garbage, true);
    let error = provider.list_instances(&InstanceFilter::default()).await;
    assert_eq!(
        error.expect_err("half a listing").kind(),
        ErrorKind::Provider
    );
}

#[tokio::test]
async fn the_catalogue_is_gathered() {
    let fake = Fake::start().await;
    let catalog = fake.provider().catalog().await.expect("gathered");
    assert_eq!(catalog.region(None).expect("a default").id, "EU");
    assert_eq!(catalog.plan(None).expect("a default").id, "V153");
    assert_eq!(
        catalog.image(None).expect("a default").id,
        "id-of-debian-13"
    );
    assert!(
        catalog.plans.iter().all(|plan| !plan.id.starts_with("V8")),
        "no VDS there"
    );
}

#[tokio::test]
async fn wrong_credentials_are_an_auth_error() {
    let fake = Fake::start().await;
    fake.fault("POST /token", FaultKind::Status(401), false);
    let error = fake.provider().catalog().await.expect_err("refused");
    assert_eq!(error.kind(), ErrorKind::Auth);
}

#[tokio::test]
async fn no_secret_is_in_an_error() {
    let fake = Fake::start().await;
    fn chain(error: &Error) -> String {
        let mut text = format!("{error} {error:?}");
        let mut cause = error.source();
        while let Some(error) = cause {
            text += &format!(" {error} {error:?}");
            cause = error.source();
        }
        text
    }
    for kind in [FaultKind::Status(400), FaultKind::Drop, FaultKind::Garbage] {
        fake.fault("POST /v1/compute/instances", kind, false);
        let error = fake
            .provider()
            .create_instance(&spec("web1"))
            .await
            .expect_err("a fault");
        assert!(!chain(&error).contains("marked"), "{error:?}");
    }
    let mut policy = RetryPolicy::default();
    policy.tries = 1;
    let config = fake.config().retry(policy);
    assert!(!format!("{config:?}").contains("marked"));
}
