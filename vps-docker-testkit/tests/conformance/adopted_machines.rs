//! The core's own provider without an API is held to what it promises.

use std::sync::Arc;

use vps_docker_core::adopted::AdoptedMachines;
use vps_docker_testkit::conformance::Subject;

fn subject() -> Subject {
    let data_dir = tempfile::tempdir().expect("a directory");
    Subject::builder(Arc::new(AdoptedMachines::new(data_dir.path())))
        .keeping(data_dir)
        .build()
}

vps_docker_testkit::conformance_tests!(subject());
