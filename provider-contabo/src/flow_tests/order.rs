//! What is bought, and when nothing is.

use serde_json::json;
use vps_docker_core::model::{BootImage, InstanceState, SnapshotId, SshKeyId};
use vps_docker_core::{ErrorKind, VpsClient};

use super::{listed_with, number, spec};
use crate::ContaboProvider;
use crate::fake::{Fake, FaultKind};

#[tokio::test]
async fn without_consent_nothing_is_ordered_and_the_error_says_how_to_consent() {
    let fake = Fake::start().await;
    let error = fake.thrifty_provider().create_instance(&spec("web1")).await;
    let error = error.expect_err("no consent");
    assert_eq!(error.kind(), ErrorKind::Payment);
    assert!(!error.is_unclear() && !error.is_retryable());
    for part in ["--allow-order", "allow_order=true", "V153", "EU", "1 month"] {
        assert!(error.to_string().contains(part), "{error}");
    }
    assert_eq!(
        fake.count("POST") + fake.count("PUT") + fake.count("PATCH"),
        0
    );
}

#[tokio::test]
async fn an_order_is_one_call_that_carries_everything() {
    let fake = Fake::start().await;
    let spec = spec("web1");
    let config = fake.config().allow_order(true).period(12);
    let provider = ContaboProvider::new(config).expect("legal");
    let instance = provider.create_instance(&spec).await.expect("ordered");
    assert_eq!(instance.state, InstanceState::Provisioning);
    assert_eq!((&*instance.name, &instance.tags), ("web1", &spec.tags));
    let display_name = fake.display_name(number(&instance.id));
    assert_eq!(
        fake.body("POST /v1/compute/instances"),
        json!({
            "productId": "V153", "region": "EU", "period": 12, "displayName": display_name,
            "imageId": "id-of-debian-13", "sshKeys": [123], "defaultUser": "root",
            "userData": "#cloud-config\nmarked-user-data",
        })
    );
    assert!(display_name.starts_with("web1 vps-docker ") && display_name.ends_with(" t-12"));
    assert_eq!(fake.count("POST"), 1);
    let found = listed_with(&provider, &spec.tags).await;
    assert_eq!(found.len(), 1);
    assert_eq!((&found[0].id, &found[0].tags), (&instance.id, &spec.tags));
    let seen = provider.instance(&instance.id).await.expect("there");
    assert!(seen.created_at.is_some() && seen.address.is_some());
}

#[tokio::test]
async fn an_order_is_never_sent_twice_and_says_when_its_outcome_is_unclear() {
    for (kind, after_effect) in [
        (FaultKind::Drop, true),
        (FaultKind::Drop, false),
        (FaultKind::Status(500), true),
        (FaultKind::Garbage, true),
    ] {
        let fake = Fake::start().await;
        fake.fault("POST /v1/compute/instances", kind, after_effect);
        let spec = spec("web1");
        let error = fake
            .provider()
            .create_instance(&spec)
            .await
            .expect_err("a fault");
        assert!(error.is_unclear(), "{kind:?}: {error}");
        assert_eq!(fake.count("POST"), 1);
        let found = listed_with(&fake.provider(), &spec.tags).await;
        assert_eq!(found.len(), usize::from(after_effect), "{kind:?}");
    }
    let fake = Fake::start().await;
    fake.fault("POST /v1/compute/instances", FaultKind::Status(402), false);
    let error = fake
        .provider()
        .create_instance(&spec("web1"))
        .await
        .expect_err("refused");
    assert_eq!(
        (error.kind(), error.is_unclear()),
        (ErrorKind::Payment, false)
    );
}

#[tokio::test]
async fn an_unknown_region_is_refused_with_what_was_probably_meant() {
    let fake = Fake::start().await;
    let mut spec = spec("web1");
    spec.region = "US-eats".into();
    let error = fake.provider().create_instance(&spec).await;
    let error = error.expect_err("no such region");
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(
        error.to_string().contains("did you mean US-east"),
        "{error}"
    );
    assert_eq!(fake.count("POST"), 0);
}

#[tokio::test]
async fn what_cannot_be_is_refused_before_anything_is_sent() {
    let fake = Fake::start().await;
    let provider = fake.provider();
    let mut specs = vec![spec("web1"); 5];
    specs[0].tags.insert("long".into(), "x".repeat(250));
    specs[1].user_data = "x".repeat(40_000).into();
    specs[2].ssh_keys = vec![SshKeyId::new("a-uuid")];
    specs[3].name = "Not A Label".into();
    specs[4].image = BootImage::Snapshot(SnapshotId::new("1/snap"));
    for (n, spec) in specs.iter().enumerate() {
        let error = provider.create_instance(spec).await.expect_err("unfit");
        let expected = if n == 4 {
            ErrorKind::Unsupported
        } else {
            ErrorKind::Invalid
        };
        assert_eq!(error.kind(), expected, "{n}: {error}");
        assert!(!error.to_string().contains("xxxxxxxx"), "{error}");
    }
    assert!(fake.state().log.is_empty());
}
