use std::sync::Arc;

use vps_docker_core::Capabilities;
use vps_docker_testkit::conformance::{BEHAVIOURS, Outcome, Subject};

use crate::memory_client::{MemoryClient, TOKEN, everything};

/// More than what a wrong client takes for all.
pub(crate) const MANY: usize = 25;

fn subject(change: impl FnOnce(&mut Capabilities)) -> Subject {
    let mut capabilities = everything();
    change(&mut capabilities);
    let client = MemoryClient::new(capabilities);
    Subject::builder(Arc::new(client.clone()))
        .wrong_credentials(Arc::new(client.with_a_wrong_token()))
        .secret(TOKEN)
        .many(MANY)
        .keeping(NothingLeft(client))
        .build()
}

/// Sees at the end of the test that nothing is left: not by what the client tells, but in the map.
struct NothingLeft(MemoryClient);

impl Drop for NothingLeft {
    fn drop(&mut self) {
        let [instances, snapshots, keys] = self.0.counts();
        // Keys need not go where nothing deletes them.
        let keys = if self.0.keeps_keys() { keys } else { 0 };
        let left = [instances, snapshots, keys];
        if !std::thread::panicking() {
            assert_eq!(left, [0; 3], "instances, snapshots, keys are left");
        }
    }
}

/// What is skipped is not proved: the three clients together must be held to everything.
#[tokio::test(start_paused = true)]
async fn only_what_is_not_promised_is_skipped() {
    let held = subject(|_| {});
    let mut skipped = Vec::new();
    for behaviour in BEHAVIOURS {
        if let Outcome::Skipped(why) = behaviour.examine(&held).await {
            assert_ne!(why, "");
            skipped.push(behaviour.name);
        }
    }
    assert_eq!(
        skipped,
        [
            "a_name_that_is_in_use_is_refused",
            "a_name_that_another_one_has_is_refused",
            "a_snapshot_that_cannot_become_an_instance_is_refused"
        ]
    );
}

mod that_can_do_everything {
    vps_docker_testkit::conformance_tests!(super::subject(|_| {}));
}

mod that_can_do_the_least {
    vps_docker_testkit::conformance_tests!(super::subject(|can| {
        *can = vps_docker_core::Capabilities::minimal(can.user_data_limit);
    }));
}

mod with_contracts_unique_names_and_snapshots_that_stay {
    vps_docker_testkit::conformance_tests!(behaviour => {
        assert!(behaviour.number() < vps_docker_testkit::conformance::BEHAVIOURS.len());
        super::subject(|can| {
            can.term_contract = true;
            can.unique_names = true;
            can.create_from_snapshot = false;
        })
    });
}
