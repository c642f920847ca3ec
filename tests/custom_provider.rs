//! The provider that the example shows is one: it is found by its name and keeps all rules.

use std::sync::Arc;

use vps_docker::registry::{ProviderOptions, Registry};
use vps_docker::{ErrorKind, VpsClient};
use vps_docker_testkit::conformance::Subject;

#[path = "../examples/custom_provider.rs"]
#[allow(unreachable_pub)]
mod custom_provider;

fn client(token: &str) -> Arc<dyn VpsClient> {
    let options = ProviderOptions::new().set("token", token);
    let registry = Registry::linked().expect("no name is taken twice");
    registry.client("acme", &options).expect("it is registered")
}

fn subject() -> Subject {
    let token = "acme-secret-of-the-test";
    Subject::builder(client(token))
        .wrong_credentials(client("wrong"))
        .secret(token)
        .many(1000)
        .build()
}

mod acme_conformance {
    vps_docker_testkit::conformance_tests!(super::subject());
}

#[test]
fn a_missing_token_is_told_with_where_to_get_one() {
    let registry = Registry::linked().expect("no name is taken twice");
    let error = registry.client("acme", &ProviderOptions::new());
    let error = error.expect_err("no token");
    assert_eq!(error.kind(), ErrorKind::Auth);
    assert!(error.to_string().contains("ACME_TOKEN"), "{error}");
}

#[test]
fn the_example_runs() {
    custom_provider::main().expect("it makes an instance and destroys it");
}
