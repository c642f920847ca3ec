//! The end of an instance, and what of it must not reach the next one.

use serde_json::json;
use vps_docker_core::model::{
    DestroyOutcome, HostTags, InstanceFilter, InstanceId, InstanceState, PowerAction, Tags,
};
use vps_docker_core::{ErrorKind, VpsClient};

use super::{RELEASED, listed_with, number, spec};
use crate::ContaboProvider;
use crate::fake::{Fake, FaultKind};

#[tokio::test]
async fn a_destroyed_machine_is_wiped_released_and_reused_without_consent() {
    let fake = Fake::start().await;
    let first = spec("web1");
    let provider = fake.provider();
    let old = provider.create_instance(&first).await.expect("ordered");
    let outcome = provider.destroy_instance(&old.id).await.expect("destroyed");
    assert!(matches!(outcome, DestroyOutcome::EndsAt(_)), "{outcome:?}");
    let machine = number(&old.id);
    assert_eq!(
        fake.body("PUT"),
        json!({"imageId": "id-of-debian-13", "defaultUser": "root"})
    );
    let owner = &first.tags[HostTags::OWNER];
    assert_eq!(
        fake.display_name(machine),
        format!("vps-docker-released o-{owner} u-1")
    );
    let all = provider
        .list_instances(&InstanceFilter::default())
        .await
        .expect("listed");
    assert_eq!((all.len(), all[0].tags.len()), (1, 0));
    let gone = provider
        .instance(&old.id)
        .await
        .expect_err("no such instance any more");
    assert_eq!(gone.kind(), ErrorKind::NotFound);
    provider
        .instance(&all[0].id)
        .await
        .expect("what is listed is there");

    let second = spec("web2");
    let thrifty = fake.thrifty_provider();
    let new = thrifty.create_instance(&second).await.expect("reused");
    assert_eq!(
        (number(&new.id), new.state),
        (machine, InstanceState::Provisioning)
    );
    assert_ne!(new.id, old.id);
    assert_eq!((&*new.name, &new.tags), ("web2", &second.tags));
    assert_eq!(
        fake.body("PUT"),
        json!({
            "imageId": "id-of-debian-13", "sshKeys": [123], "defaultUser": "root",
            "userData": "#cloud-config\nmarked-user-data",
        })
    );
    assert_eq!(
        fake.count("POST /v1/compute/instances"),
        1,
        "one order for both"
    );
    assert_eq!(listed_with(&thrifty, &second.tags).await.len(), 1);
    assert!(listed_with(&thrifty, &first.tags).await.is_empty());
}

#[tokio::test]
async fn the_id_of_a_host_that_is_gone_does_not_lead_to_the_next_one() {
    let fake = Fake::start().await;
    let provider = fake.provider();
    let old = provider
        .create_instance(&spec("web1"))
        .await
        .expect("ordered");
    provider.destroy_instance(&old.id).await.expect("destroyed");
    let new = provider
        .create_instance(&spec("web2"))
        .await
        .expect("reused");
    let wipes = fake.count("PUT");
    let outcome = provider
        .destroy_instance(&old.id)
        .await
        .expect("nothing to do");
    assert_eq!(outcome, DestroyOutcome::Gone);
    assert_eq!(fake.count("PUT"), wipes, "the new host is not wiped");
    for error in [
        provider
            .set_tags(&old.id, &Tags::new())
            .await
            .expect_err("gone"),
        provider
            .power(&old.id, PowerAction::Off)
            .await
            .expect_err("gone"),
        provider
            .create_snapshot(&old.id, "x")
            .await
            .expect_err("gone"),
    ] {
        assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
    }
    let seen = provider.instance(&new.id).await.expect("unharmed");
    assert_eq!(seen.tags, new.tags);
}

#[tokio::test]
async fn destroying_again_is_a_success_and_wipes_nothing() {
    let fake = Fake::start().await;
    let provider = fake.provider();
    let instance = provider
        .create_instance(&spec("web1"))
        .await
        .expect("ordered");
    let first = provider
        .destroy_instance(&instance.id)
        .await
        .expect("destroyed");
    let again = provider
        .destroy_instance(&instance.id)
        .await
        .expect("again");
    assert_eq!(again, first);
    assert_eq!((fake.count("PUT"), fake.count("PATCH")), (1, 1));
    fake.state().machines.clear();
    for id in [
        instance.id,
        InstanceId::new("999"),
        InstanceId::new("no-id"),
    ] {
        let outcome = provider.destroy_instance(&id).await.expect("gone");
        assert_eq!(outcome, DestroyOutcome::Gone);
    }
}

#[tokio::test]
async fn a_destroy_that_breaks_off_anywhere_leaves_the_tags_until_the_wipe_is_accepted() {
    let requests = ["PUT", "PATCH", "POST /v1/compute/instances/1001/cancel"];
    for (request, looks) in requests
        .iter()
        .flat_map(|request| [(request, 0), (request, 3)])
    {
        for (kind, after_effect) in [
            (FaultKind::Status(500), false),
            (FaultKind::Status(403), false),
            (FaultKind::Drop, false),
            (FaultKind::Drop, true),
        ] {
            let fake = Fake::start().await;
            fake.state().install_looks = looks;
            let config = fake.config().allow_order(true).cancel_on_destroy(true);
            let provider = ContaboProvider::new(config).expect("legal");
            let spec = spec("web1");
            let instance = provider.create_instance(&spec).await.expect("ordered");
            // Until the retries are used up.
            for _ in 0..2 {
                fake.fault(request, kind, after_effect);
            }
            let first = provider.destroy_instance(&instance.id).await;
            if first.is_err() {
                let is_plain = fake.state().machines[&1001]["userData"] == json!(null);
                let is_released = fake.display_name(1001).starts_with("vps-docker-released");
                assert!(
                    is_plain || !is_released,
                    "{request} {kind:?}: released unwiped"
                );
                assert!(
                    is_released || listed_with(&provider, &spec.tags).await.len() == 1,
                    "{request} {kind:?}: lost"
                );
            }
            fake.no_more_faults();
            let again = ContaboProvider::new(fake.config().cancel_on_destroy(true)).expect("legal");
            let outcome = again
                .destroy_instance(&instance.id)
                .await
                .expect("done at last");
            assert!(
                matches!(outcome, DestroyOutcome::EndsAt(at) if at.to_string().starts_with("2027-02-15"))
            );
            assert!(fake.display_name(1001).starts_with("vps-docker-released"));
            let state = fake.state();
            assert_eq!(
                state.machines[&1001]["userData"],
                json!(null),
                "{request} {kind:?}"
            );
        }
    }
}

#[tokio::test]
async fn cancelling_is_done_only_if_asked_and_what_is_cancelled_is_not_reused() {
    let fake = Fake::start().await;
    let config = fake.config().allow_order(true).cancel_on_destroy(true);
    let provider = ContaboProvider::new(config).expect("legal");
    let instance = provider
        .create_instance(&spec("web1"))
        .await
        .expect("ordered");
    let outcome = provider
        .destroy_instance(&instance.id)
        .await
        .expect("destroyed");
    let DestroyOutcome::EndsAt(end) = outcome else {
        panic!("{outcome:?}");
    };
    assert_eq!(end.to_string(), "2027-02-15T00:00:00Z");
    let error = fake.thrifty_provider().create_instance(&spec("web2")).await;
    assert_eq!(
        error.expect_err("nothing to reuse").kind(),
        ErrorKind::Payment
    );

    // Released long ago, and now to be cancelled.
    let kept = fake.machine(RELEASED);
    let id = InstanceId::new(kept.to_string());
    provider.destroy_instance(&id).await.expect("cancelled");
    assert_eq!(fake.state().machines[&kept]["cancelDate"], "2027-02-15");
    // Cancelled by somebody else.
    let other = fake
        .provider()
        .create_instance(&spec("web3"))
        .await
        .expect("ordered");
    let cancelled = json!("2027-01-01");
    fake.state()
        .machines
        .get_mut(&number(&other.id))
        .expect("it")
        .insert("cancelDate".into(), cancelled);
    let outcome = provider
        .destroy_instance(&other.id)
        .await
        .expect("destroyed");
    assert!(
        matches!(outcome, DestroyOutcome::EndsAt(at) if at.to_string() == "2027-01-01T00:00:00Z")
    );
    assert_eq!(fake.count("POST /v1/compute/instances/1"), 2);
}

#[tokio::test]
async fn a_machine_of_somebody_else_is_not_wiped() {
    let fake = Fake::start().await;
    let theirs = fake.machine("my vps-docker box");
    let id = InstanceId::new(theirs.to_string());
    let provider = fake.provider();
    provider.instance(&id).await.expect("it is shown");
    let error = provider.destroy_instance(&id).await.expect_err("not ours");
    assert_eq!(error.kind(), ErrorKind::State);
    assert!(error.to_string().contains("vps-docker-released"), "{error}");
    assert_eq!(fake.count("PUT") + fake.count("PATCH"), 0);
}

#[tokio::test]
async fn a_machine_that_is_being_installed_is_wiped_when_that_is_over() {
    let fake = Fake::start().await;
    let provider = fake.provider();
    let instance = provider
        .create_instance(&spec("web1"))
        .await
        .expect("ordered");
    {
        let mut state = fake.state();
        state.refuses_while_installing = true;
        let looks = json!(4);
        state
            .machines
            .get_mut(&1001)
            .expect("it")
            .insert("looks".into(), looks);
    }
    provider
        .destroy_instance(&instance.id)
        .await
        .expect("destroyed");
    assert_eq!(fake.count("PUT"), 2);
    assert!(fake.display_name(1001).starts_with("vps-docker-released"));
}

#[tokio::test]
async fn an_image_that_was_withdrawn_does_not_prevent_the_wipe() {
    let fake = Fake::start().await;
    let provider = fake.provider();
    let instance = provider
        .create_instance(&spec("web1"))
        .await
        .expect("ordered");
    let machine = number(&instance.id);
    let running = json!("running");
    fake.state()
        .machines
        .get_mut(&machine)
        .expect("it")
        .insert("status".into(), running);
    fake.fault("PUT", FaultKind::Status(400), false);
    provider
        .destroy_instance(&instance.id)
        .await
        .expect("destroyed");
    assert_eq!(
        fake.body("PUT")["imageId"],
        "id-of-debian-13",
        "the default one"
    );
    assert_eq!(fake.count("GET /v1/compute/images"), 1);
}
