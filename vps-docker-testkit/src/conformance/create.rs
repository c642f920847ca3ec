//! What an order makes.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::future::join_all;
use secrecy::ExposeSecret;
use tokio::time::{Instant, timeout};
use vps_docker_core::ErrorKind;
use vps_docker_core::model::{HostTags, Instance, InstanceFilter, InstanceSpec, Timestamp};

use super::expect::{ok, refused};
use super::making::{Ordered, Pauses, owned_by, public_key, random_text};
use super::subject::Subject;

/// The answer to an order has an id by which the instance can be asked for, and the instance has the
/// name, region and plan that were ordered.
pub async fn an_order_is_answered_with_what_was_ordered(subject: &Subject) {
    let ordered = subject.order().await;
    assert_ne!(ordered.id().as_str(), "", "the instance has an empty id");
    let seen = subject.look(ordered.id()).await;
    assert_eq!(&seen.id, ordered.id(), "another instance was looked at");
    for (which, instance) in [("the answer", &ordered.instance), ("a look", &seen)] {
        let told = (&instance.name, &instance.region, &instance.plan);
        let spec = &ordered.spec;
        let asked = (&spec.name, &spec.region, &spec.plan);
        assert_eq!(
            told, asked,
            "{which} tells another (name, region, plan) than was ordered"
        );
        assert_is_from_today(instance, which);
    }
}

fn assert_is_from_today(instance: &Instance, which: &str) {
    const DAY: i64 = 24 * 60 * 60;
    let Some(created_at) = instance.created_at else {
        return;
    };
    let age = Timestamp::now().unix_seconds() - created_at.unix_seconds();
    assert!(
        age.abs() < DAY,
        "{which} says that the instance was created at {created_at}, which is not just now"
    );
}

/// One call makes one instance.
pub async fn a_create_is_one_instance(subject: &Subject) {
    let ordered = subject.order().await;
    let all = InstanceFilter::default();
    subject.first_listing(ordered.id(), &all).await;
    let mut listed = subject.list(&all).await;
    listed.retain(|instance| is_of(instance, &ordered.spec));
    subject
        .made()
        .instances
        .extend(listed.iter().map(|instance| instance.id.clone()));
    assert_eq!(
        listed.len(),
        1,
        "one create_instance made so many instances of the name {:?}",
        ordered.spec.name
    );
}

/// Orders that are sent at the same time do not get in each other's way.
pub async fn creates_side_by_side_are_distinct(subject: &Subject) {
    let ordered = join_all((0..3).map(|_| subject.order())).await;
    let ids: BTreeSet<_> = ordered.iter().map(Ordered::id).collect();
    assert_eq!(ids.len(), 3, "two creates answered with one id: {ids:?}");
    for ordered in &ordered {
        let seen = subject.look(ordered.id()).await;
        assert_eq!(seen.name, ordered.spec.name, "names went astray");
        assert_eq!(seen.tags, ordered.spec.tags, "tags went astray");
    }
}

/// An instance never exists without its tags: not even while the order is not answered yet.
pub async fn tags_are_there_from_the_very_first_listing(subject: &Subject) {
    let spec = subject.spec().await;
    let answer = {
        let order = subject.try_order(&spec);
        tokio::pin!(order);
        loop {
            tokio::select! {
                biased;
                answer = &mut order => break answer,
                () = see_none_without_tags(subject, &spec) => {}
            }
        }
    };
    let instance = ok("create_instance", answer);
    assert_eq!(instance.tags, spec.tags, "the answer tells other tags");
    let filter = InstanceFilter::default();
    let listed = subject.first_listing(&instance.id, &filter).await;
    assert_eq!(
        listed.tags, spec.tags,
        "the first listing that has the instance tells other tags than were ordered"
    );
}

async fn see_none_without_tags(subject: &Subject, spec: &InstanceSpec) {
    for instance in subject.list(&InstanceFilter::default()).await {
        if is_of(&instance, spec) {
            assert_eq!(
                instance.tags, spec.tags,
                "an instance is listed before it has its tags"
            );
        }
    }
    Pauses::until(Instant::now() + Duration::from_secs(1))
        .next()
        .await;
}

/// All tags of a host, the marker with its empty value among them, come back as they were, and can be
/// read as [`HostTags`].
pub async fn tags_of_a_host_come_back_to_the_letter(subject: &Subject) {
    let ordered = subject.order().await;
    let seen = subject.look(ordered.id()).await;
    let filter = owned_by(subject.owner());
    let listed = subject.first_listing(ordered.id(), &filter).await;
    for (which, instance) in [("a look", seen), ("a listing", listed)] {
        assert_eq!(
            instance.tags, ordered.spec.tags,
            "{which} tells other tags than were ordered"
        );
        let read = ok("HostTags::from_tags", HostTags::from_tags(&instance.tags));
        assert_eq!(read, ordered.tags, "{which} tells the tags of another host");
    }
}

/// The name of an instance is the host's, whatever legal form it has.
pub async fn hostile_but_legal_names_are_taken_as_they_are(subject: &Subject) {
    let long = format!("{:x<63}", subject.unique_name());
    let digit_first = format!("9lives-{}", random_text());
    let hyphens = format!("a--b-{}", random_text());
    let names = [long, digit_first, hyphens];
    let orders = names
        .iter()
        .map(|name| subject.order_named(name, subject.owner()));
    for ordered in join_all(orders).await {
        let seen = subject.look(ordered.id()).await;
        assert_eq!(seen.name, ordered.spec.name, "the name was changed");
        assert_eq!(seen.tags, ordered.spec.tags, "the tags were changed");
    }
}

/// Where names are unique, a second instance of a name is refused, and the first one stays what it was.
pub async fn a_name_that_is_in_use_is_refused(subject: &Subject) {
    let ordered = subject.order().await;
    let name = &ordered.spec.name;
    let tags = subject.tags_for(name, subject.owner());
    let second = subject.spec_named(name, &tags).await;
    let answer = subject.try_order(&second).await;
    refused(
        "create_instance of a name in use",
        answer,
        &[ErrorKind::NameTaken],
    );
    let all = InstanceFilter::default();
    subject.first_listing(ordered.id(), &all).await;
    let mut listed = subject.list(&all).await;
    listed.retain(|instance| is_of(instance, &second));
    assert_eq!(listed.len(), 1, "the refused order made an instance");
    assert_eq!(
        listed[0].tags, ordered.spec.tags,
        "the refused order changed the tags of the instance that has the name"
    );
}

/// Where names need not be unique, a second instance of a name is another instance.
pub async fn a_name_may_be_used_twice(subject: &Subject) {
    let name = subject.unique_name();
    let first = subject.order_named(&name, subject.owner()).await;
    let second = subject.order_named(&name, subject.owner()).await;
    assert_ne!(first.id(), second.id(), "the second order made nothing");
    for ordered in [first, second] {
        let seen = subject.look(ordered.id()).await;
        assert_eq!(seen.tags, ordered.spec.tags, "tags went astray");
    }
}

/// `user_data` of as many bytes as
/// [`user_data_limit`](vps_docker_core::Capabilities::user_data_limit) says fits in.
pub async fn as_much_user_data_as_promised_is_accepted(subject: &Subject) {
    let mut spec = subject.spec().await;
    let limit = subject.capabilities().user_data_limit;
    spec.user_data = padded(&spec, limit).into();
    let answer = subject.try_order(&spec).await;
    ok(
        "create_instance with all the user_data that fits in",
        answer,
    );
}

/// The order's document, lengthened by a comment to so many bytes.
pub(super) fn padded(spec: &InstanceSpec, bytes: usize) -> String {
    let document = spec.user_data.expose_secret();
    assert!(
        document.len() + 2 < bytes,
        "the user_data of the suite does not fit into {bytes} bytes"
    );
    let end = "x".repeat(bytes - document.len() - 2);
    format!("{document}# {end}")
}

/// The id that a key was given is what an order takes.
pub async fn an_instance_is_made_with_a_key_that_was_made_known(subject: &Subject) {
    let name = subject.unique_name();
    let mut spec = subject.spec().await;
    spec.ssh_keys = vec![subject.key(&name, &public_key("conformance")).await];
    ok("create_instance with a key", subject.try_order(&spec).await);
}

/// Whatever moment an order is dropped at, there is nothing, or one instance with all its tags.
pub async fn a_create_that_is_dropped_leaves_nothing_unmarked(subject: &Subject) {
    let began = Instant::now();
    subject.order().await;
    let whole = began.elapsed();
    for percent in [0, 25, 50, 75, 95] {
        let spec = subject.spec().await;
        let patience = whole * percent / 100;
        let _ = timeout(patience, subject.try_order(&spec)).await;
        let mut looks = Pauses::until(Instant::now() + subject.settling);
        loop {
            let mut listed = subject.list(&InstanceFilter::default()).await;
            listed.retain(|instance| is_of(instance, &spec));
            subject
                .made()
                .instances
                .extend(listed.iter().map(|instance| instance.id.clone()));
            assert!(listed.len() < 2, "a dropped create made two instances");
            for instance in &listed {
                assert_eq!(
                    instance.tags, spec.tags,
                    "a create that was dropped after {percent} % of its time left an instance \
                     without its tags"
                );
            }
            if !listed.is_empty() || !looks.next().await {
                break;
            }
        }
    }
}

fn is_of(instance: &Instance, spec: &InstanceSpec) -> bool {
    instance.name == spec.name
}
