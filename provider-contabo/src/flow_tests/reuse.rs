//! A released machine, taken by one create and no other.

use std::time::Duration;

use serde_json::json;
use vps_docker_core::{ErrorKind, VpsClient};

use super::{RELEASED, listed_with, number, spec};
use crate::ContaboProvider;
use crate::fake::{Fake, FaultKind, State};

#[tokio::test]
async fn only_a_fitting_machine_is_reused() {
    let fake = Fake::start().await;
    let stage = |state: &mut State| {
        state.add_machine("V154", "EU", RELEASED, "running");
        state.add_machine("V153", "UK", RELEASED, "running");
        state.add_machine("V153", "EU", "my box", "running");
        state.add_machine("V153", "EU", RELEASED, "error");
        state.add_machine("V153", "EU", RELEASED, "pending_payment");
        let cancelled = state.add_machine("V153", "EU", RELEASED, "stopped");
        state
            .machines
            .get_mut(&cancelled)
            .expect("it")
            .insert("cancelDate".into(), json!("2027-01-01"));
    };
    stage(&mut fake.state());
    let error = fake.thrifty_provider().create_instance(&spec("web1")).await;
    assert_eq!(error.expect_err("none fits").kind(), ErrorKind::Payment);
    let fitting = fake
        .state()
        .add_machine("V153", "EU", "vps-docker-released", "stopped");
    let instance = fake
        .thrifty_provider()
        .create_instance(&spec("web1"))
        .await
        .expect("reused");
    assert_eq!(number(&instance.id), fitting, "by hand, and powered off");
    let config = fake.config().reuse_released(false);
    fake.machine(RELEASED);
    let unwilling = ContaboProvider::new(config).expect("legal");
    let error = unwilling
        .create_instance(&spec("web2"))
        .await
        .expect_err("not wanted");
    assert_eq!(error.kind(), ErrorKind::Payment);
}

#[tokio::test]
async fn a_machine_that_is_being_wiped_is_waited_for() {
    let fake = Fake::start().await;
    let machine = fake.machine("x");
    for (key, value) in [
        ("status", json!("installing")),
        ("displayName", json!(RELEASED)),
    ] {
        fake.state()
            .machines
            .get_mut(&machine)
            .expect("it")
            .insert(key.into(), value);
    }
    let provider = fake.thrifty_provider();
    let spec = spec("web1");
    let create = provider.create_instance(&spec);
    let finish = async {
        while fake.count("GET /v1/compute/instances?") == 0 {
            tokio::task::yield_now().await;
        }
        let done = json!("stopped");
        fake.state()
            .machines
            .get_mut(&machine)
            .expect("it")
            .insert("status".into(), done);
    };
    let (instance, ()) = tokio::join!(create, finish);
    assert_eq!(number(&instance.expect("reused").id), machine);
}

#[tokio::test]
async fn creates_at_once_take_different_machines() {
    let fake = Fake::start().await;
    let machines: Vec<u64> = (0..3).map(|_| fake.machine(RELEASED)).collect();
    let provider = fake.thrifty_provider();
    let names: Vec<String> = (0..3).map(|n| format!("web{n}")).collect();
    let specs: Vec<_> = names.iter().map(|name| spec(name)).collect();
    let creates = specs.iter().map(|spec| provider.create_instance(spec));
    let created = futures_util::future::join_all(creates).await;
    let mut taken: Vec<u64> = created
        .into_iter()
        .map(|instance| number(&instance.expect("reused").id))
        .collect();
    taken.sort_unstable();
    assert_eq!(taken, machines);
    assert_eq!(
        (fake.count("PATCH"), fake.count("PUT")),
        (3, 3),
        "one claim each"
    );
}

#[tokio::test]
async fn of_two_processes_that_want_one_machine_one_gets_it() {
    for _ in 0..5 {
        let fake = Fake::start().await;
        fake.machine(RELEASED);
        // Each has its own locks, as in two processes.
        let (one, other) = (fake.thrifty_provider(), fake.thrifty_provider());
        let (a, b) = (spec("web1"), spec("web2"));
        let created = tokio::join!(one.create_instance(&a), other.create_instance(&b));
        let (won, lost) = match created {
            (Ok(won), Err(lost)) | (Err(lost), Ok(won)) => (won, lost),
            other => panic!("{other:?}"),
        };
        assert_eq!(lost.kind(), ErrorKind::Payment, "{lost}");
        assert_eq!(fake.count("PUT"), 1);
        assert_eq!(listed_with(&one, &won.tags).await.len(), 1);
    }
}

#[tokio::test]
async fn a_claim_that_somebody_overwrites_is_let_go() {
    let fake = Fake::start().await;
    let machine = fake.machine(RELEASED);
    // As late as it can be: the reinstallation has begun already.
    fake.fault("PUT", FaultKind::Overwrite("other -- u-1"), true);
    let error = fake.thrifty_provider().create_instance(&spec("web1")).await;
    assert_eq!(error.expect_err("lost").kind(), ErrorKind::Payment);
    assert_eq!(fake.display_name(machine), "other -- u-1");
}

#[tokio::test]
async fn a_claim_that_is_written_too_slowly_is_not_believed_at_once() {
    let fake = Fake::start().await;
    let machine = fake.machine(RELEASED);
    let slow = FaultKind::Delay(Duration::from_millis(800));
    fake.fault("PATCH", slow, true);
    let provider = fake.thrifty_provider();
    let instance = provider
        .create_instance(&spec("web1"))
        .await
        .expect("at last");
    assert_eq!(number(&instance.id), machine);
    for _ in 0..4 {
        fake.fault("GET /v1/compute/instances/", slow, true);
    }
    fake.machine(RELEASED);
    let error = provider
        .create_instance(&spec("web2"))
        .await
        .expect_err("too slow");
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert!(error.is_unclear() && error.is_retryable());
}

#[tokio::test]
async fn a_refused_reinstallation_gives_the_machine_back() {
    let fake = Fake::start().await;
    let machine = fake.machine(RELEASED);
    fake.fault("PUT", FaultKind::Status(400), false);
    let spec = spec("web1");
    let provider = fake.provider();
    let error = provider.create_instance(&spec).await.expect_err("refused");
    assert_eq!(
        (error.kind(), error.is_unclear()),
        (ErrorKind::Invalid, false)
    );
    assert_eq!(fake.display_name(machine), RELEASED);
    assert_eq!(fake.count("POST"), 0, "an error is no reason to buy");
    assert!(listed_with(&provider, &spec.tags).await.is_empty());
}

#[tokio::test]
async fn a_machine_that_cannot_be_given_back_is_found_by_its_tags() {
    let fake = Fake::start().await;
    fake.machine(RELEASED);
    fake.fault("PUT", FaultKind::Status(400), false);
    let spec = spec("web1");
    let provider = fake.provider();
    let create = provider.create_instance(&spec);
    let break_it = async {
        // The claim passes, what follows does not.
        while fake.count("PATCH") == 0 {
            tokio::task::yield_now().await;
        }
        fake.fault("PATCH", FaultKind::Status(403), false);
    };
    let (created, ()) = tokio::join!(create, break_it);
    let error = created.expect_err("refused");
    assert!(error.is_unclear(), "{error}");
    assert_eq!(listed_with(&provider, &spec.tags).await.len(), 1);
}

#[tokio::test]
async fn an_unclear_reinstallation_is_looked_for_before_it_is_sent_again() {
    for (after_effect, sends) in [(true, 1), (false, 2)] {
        let fake = Fake::start().await;
        fake.state().install_looks = 1000;
        fake.machine(RELEASED);
        fake.fault("PUT", FaultKind::Drop, after_effect);
        let provider = fake.thrifty_provider();
        provider
            .create_instance(&spec("web1"))
            .await
            .expect("reused");
        assert_eq!(fake.count("PUT"), sends);
    }
    let fake = Fake::start().await;
    fake.machine(RELEASED);
    for _ in 0..2 {
        fake.fault("PUT", FaultKind::Drop, false);
    }
    let spec = spec("web1");
    let provider = fake.thrifty_provider();
    let error = provider
        .create_instance(&spec)
        .await
        .expect_err("nobody knows");
    assert!(error.is_unclear());
    assert_eq!(
        listed_with(&provider, &spec.tags).await.len(),
        1,
        "found and removed by its tags"
    );
}
