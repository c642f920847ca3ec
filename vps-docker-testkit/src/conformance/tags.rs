//! Tags that are changed.

use vps_docker_core::model::{HostTags, InstanceFilter, Tags};

use super::expect::ok;
use super::making::{Ordered, owned_by};
use super::subject::Subject;

/// The tags that were set are all there are: none of the old ones is left.
pub async fn setting_tags_replaces_all_of_them(subject: &Subject) {
    let ordered = subject.order().await;
    let mut tags = subject.tags_for(&subject.unique_name(), subject.owner());
    tags.pin = None;
    tags.expires = None;
    set(subject, &ordered, &tags.to_tags()).await;
    assert_has(subject, &ordered, &tags.to_tags()).await;
}

/// Setting tags is idempotent.
pub async fn setting_the_same_tags_again_changes_nothing(subject: &Subject) {
    let ordered = subject.order().await;
    for _ in 0..2 {
        set(subject, &ordered, &ordered.spec.tags).await;
        assert_has(subject, &ordered, &ordered.spec.tags).await;
    }
}

/// What the engine does when a host is ready: the expiry goes, everything else stays.
pub async fn taking_the_expiry_away_leaves_the_rest(subject: &Subject) {
    let ordered = subject.order().await;
    let mut tags = ordered.tags.clone();
    tags.expires = None;
    set(subject, &ordered, &tags.to_tags()).await;
    assert_has(subject, &ordered, &tags.to_tags()).await;
    let seen = subject.look(ordered.id()).await;
    let read = ok("HostTags::from_tags", HostTags::from_tags(&seen.tags));
    assert_eq!(read, tags, "the tags are those of another host");
}

/// A listing goes by the tags that an instance has now.
pub async fn tags_that_were_set_are_listed_by(subject: &Subject) {
    let ordered = subject.order().await;
    let tags = subject.tags_for(&subject.unique_name(), subject.owner());
    set(subject, &ordered, &tags.to_tags()).await;
    let by_host = |tags: &HostTags| InstanceFilter::tagged(HostTags::HOST, tags.host_id.as_str());
    subject.first_listing(ordered.id(), &by_host(&tags)).await;
    // A listing may be late.
    subject
        .eventually("the listing by the old tags to be empty", async || {
            let listed = subject.list(&by_host(&ordered.tags)).await;
            listed.is_empty().then_some(())
        })
        .await;
}

async fn set(subject: &Subject, ordered: &Ordered, tags: &Tags) {
    let answer = subject.client.set_tags(ordered.id(), tags).await;
    ok("set_tags", answer);
}

async fn assert_has(subject: &Subject, ordered: &Ordered, tags: &Tags) {
    let seen = subject.look(ordered.id()).await;
    assert_eq!(&seen.tags, tags, "a look tells other tags than were set");
    assert_eq!(seen.name, ordered.spec.name, "its name has changed");
    let what = format!("a listing to tell the tags that were set, {tags:?}");
    subject
        .eventually(&what, async || {
            let listed = subject.list(&owned_by(subject.owner())).await;
            let mut listed = listed.iter().filter(|listed| listed.id == *ordered.id());
            listed.any(|listed| listed.tags == *tags).then_some(())
        })
        .await;
}
