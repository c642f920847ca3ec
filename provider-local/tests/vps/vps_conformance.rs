//! The rules of [`VpsClient`](vps_docker_core::VpsClient), on real machines. What else is to be proved of
//! them stands beside this file.

use std::sync::Arc;

use vps_docker_core::model::Instance;
use vps_docker_testkit::conformance::{Behaviour, Subject};

use crate::support::{Account, PATIENCE, wait_for_ssh};

/// An account for each behaviour, so that they may run side by side and see nobody else's.
async fn subject(behaviour: &Behaviour) -> Option<Subject> {
    let number = u8::try_from(behaviour.number()).expect("there are not so many");
    let account = Account::open(&format!("conformance-{number}"), FIRST_RANGE + number).await?;
    let subject = Subject::builder(Arc::new(account.provider.clone()))
        .deadline(PATIENCE)
        .booted(async |instance: Instance| {
            wait_for_ssh(instance.address.expect("it runs with one")).await;
        })
        .keeping(account)
        .build();
    Some(subject)
}

/// The ranges below are the other tests'.
const FIRST_RANGE: u8 = 100;

vps_docker_testkit::conformance_tests!(behaviour => subject(behaviour).await);
