//! Another name at the provider.

use vps_docker_core::ErrorKind;
use vps_docker_core::model::InstanceFilter;

use super::expect::{failed, ok};
use super::subject::Subject;

/// The new name shows, nothing else changes, and it may be given twice.
pub async fn a_new_name_shows_and_the_tags_stay(subject: &Subject) {
    let ordered = subject.order().await;
    let name = subject.unique_name();
    for _ in 0..2 {
        let answer = subject.client.rename_instance(ordered.id(), &name).await;
        ok("rename_instance", answer);
        let seen = subject.look(ordered.id()).await;
        assert_eq!(seen.name, name, "a look tells another name");
        assert_eq!(seen.tags, ordered.spec.tags, "the tags have changed");
    }
    let all = InstanceFilter::default();
    subject
        .eventually("a listing to tell the new name", async || {
            let listed = subject.list(&all).await;
            let mut listed = listed.iter().filter(|listed| listed.id == *ordered.id());
            listed.any(|listed| listed.name == name).then_some(())
        })
        .await;
}

/// Where names are unique, one that is in use is refused, and both instances keep theirs.
pub async fn a_name_that_another_one_has_is_refused(subject: &Subject) {
    let first = subject.order().await;
    let second = subject.order().await;
    let taken = &first.spec.name;
    let answer = subject.client.rename_instance(second.id(), taken).await;
    failed(
        "rename_instance to a name in use",
        answer,
        &[ErrorKind::NameTaken],
    );
    for ordered in [first, second] {
        let seen = subject.look(ordered.id()).await;
        assert_eq!(
            seen.name, ordered.spec.name,
            "the refused rename changed a name"
        );
    }
}
