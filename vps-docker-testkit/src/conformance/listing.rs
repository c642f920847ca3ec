//! Which instances a look or a listing finds.

use futures_util::stream::{self, StreamExt};
use vps_docker_core::ErrorKind;
use vps_docker_core::model::{HostTags, Instance, InstanceFilter, InstanceId};

use super::expect::failed;
use super::making::{Ordered, owned_by};
use super::subject::Subject;

/// Orders that are sent at a time where there are many.
const AT_A_TIME: usize = 10;

/// Ids that no instance has, some of which lead elsewhere when they are pasted into a path.
const NOBODYS: &[&str] = &[
    "vps-docker-no-such-instance",
    "0",
    "18446744073709551616",
    "00000000-0000-0000-0000-000000000000",
    "",
    ".",
    "..",
    "a/b",
    "../account",
    "%2e%2e",
    "?page=1",
    "ü",
];

/// There is an error where there is no instance: no made-up state, and nothing else that happens to be at
/// that address.
pub async fn an_id_that_is_nobodys_is_not_found(subject: &Subject) {
    for id in NOBODYS {
        let answer = subject.client.instance(&InstanceId::new(*id)).await;
        failed(&format!("instance({id:?})"), answer, &[ErrorKind::NotFound]);
    }
}

/// A listing by a tag with a value has the instances with that very value.
pub async fn a_listing_by_value_has_those_and_no_others(subject: &Subject) {
    let ours = subject.order().await;
    let foreign = subject.order_for(&subject.stranger).await;
    for (wanted, other) in [(&ours, &foreign), (&foreign, &ours)] {
        let host = wanted.tags.host_id.as_str();
        for filter in [
            owned_by(&wanted.tags.owner),
            InstanceFilter::tagged(HostTags::HOST, host),
        ] {
            subject.first_listing(wanted.id(), &filter).await;
            let listed = subject.list(&filter).await;
            assert_all_match(&listed, &filter);
            assert!(
                !has(&listed, other),
                "the listing by {filter:?} has an instance with another value"
            );
            assert_eq!(listed.len(), 1, "the listing by {filter:?} has strangers");
        }
    }
}

/// A listing by a key alone has all that carry it, whatever its value.
pub async fn a_listing_by_key_has_every_value(subject: &Subject) {
    let ours = subject.order().await;
    let foreign = subject.order_for(&subject.stranger).await;
    for key in [HostTags::MARKER, HostTags::OWNER] {
        let filter = InstanceFilter::with_tag(key);
        for ordered in [&ours, &foreign] {
            subject.first_listing(ordered.id(), &filter).await;
        }
        assert_all_match(&subject.list(&filter).await, &filter);
    }
}

/// A listing without a filter has all there are.
pub async fn a_listing_without_a_filter_has_all(subject: &Subject) {
    let filter = InstanceFilter::default();
    for owner in [&subject.owner, &subject.stranger] {
        let ordered = subject.order_for(owner).await;
        subject.first_listing(ordered.id(), &filter).await;
    }
}

/// What only begins like a key or a value of an instance's does not find it, and neither does a value in
/// the place of a key.
pub async fn a_part_of_a_key_or_value_matches_nothing(subject: &Subject) {
    let ordered = subject.order().await;
    subject
        .first_listing(ordered.id(), &owned_by(subject.owner()))
        .await;
    let owner = subject.owner().as_str();
    for filter in [
        InstanceFilter::tagged(HostTags::OWNER, &owner[..15]),
        InstanceFilter::tagged(HostTags::OWNER, format!("{owner}2")),
        InstanceFilter::tagged(HostTags::OWNER, ""),
        InstanceFilter::tagged(HostTags::HOST, owner),
        InstanceFilter::with_tag(&HostTags::OWNER[..14]),
        InstanceFilter::with_tag(owner),
    ] {
        let listed = subject.list(&filter).await;
        assert!(
            !has(&listed, &ordered),
            "the listing by {filter:?} has an instance that carries no such tag"
        );
    }
}

/// A listing does not end with the provider's first page, filtered or not.
pub async fn a_listing_has_every_page(subject: &Subject) {
    let many = subject.many.unwrap_or_default();
    let ordered: Vec<Ordered> = stream::iter(0..many)
        .map(|_| subject.order())
        .buffer_unordered(AT_A_TIME)
        .collect()
        .await;
    for filter in [owned_by(subject.owner()), InstanceFilter::default()] {
        let what = format!("a listing by {filter:?} to have all of {many} instances");
        subject
            .eventually(&what, async || {
                let listed = subject.list(&filter).await;
                let all = ordered.iter().all(|ordered| has(&listed, ordered));
                all.then_some(())
            })
            .await;
    }
}

fn has(listed: &[Instance], ordered: &Ordered) -> bool {
    listed.iter().any(|instance| instance.id == *ordered.id())
}

fn assert_all_match(listed: &[Instance], filter: &InstanceFilter) {
    for instance in listed {
        assert!(
            filter.matches(&instance.tags),
            "the listing by {filter:?} has an instance with the tags {:?}",
            instance.tags
        );
    }
}
