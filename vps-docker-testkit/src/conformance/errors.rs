//! What is said when something does not work.

use std::error::Error as _;

use vps_docker_core::model::{FirewallRules, InstanceFilter, InstanceId, PowerAction};
use vps_docker_core::{Error, ErrorKind};

use super::expect::{failed, refused};
use super::subject::Subject;

/// An error says what was being done, or with which instance.
pub async fn an_error_says_where_it_happened(subject: &Subject) {
    for (call, error) in some_errors(subject).await {
        // What an order lacks is seen before anything is done.
        let seen_before = error.kind() == ErrorKind::Invalid;
        assert!(
            seen_before || error.operation().is_some() || error.instance().is_some(),
            "the error of {call} names neither operation nor instance: {error}"
        );
    }
}

/// The text of an error is a line without a full stop, for others append to it; its cause is in `source()`
/// and not in the text.
pub async fn an_error_is_one_line_for_people(subject: &Subject) {
    for (call, error) in some_errors(subject).await {
        let text = error.to_string();
        assert!(
            !text.trim().is_empty(),
            "the error of {call} says nothing at all"
        );
        assert!(
            !text.contains(char::is_control),
            "the error of {call} is more than a line: {text:?}"
        );
        assert!(
            !text.ends_with('.'),
            "the error of {call} ends with a full stop: {text:?}"
        );
        let cause = error.source().map(ToString::to_string).unwrap_or_default();
        assert!(
            cause.is_empty() || !text.contains(&cause),
            "the error of {call} repeats its cause, which is in source(): {text:?}"
        );
    }
}

/// Whatever is done to an instance that there is not: the answer is `NotFound`.
pub async fn an_unknown_instance_is_not_found_whatever_is_done_to_it(subject: &Subject) {
    let (client, can) = (&subject.client, subject.capabilities());
    let id = InstanceId::new("vps-docker-no-such-instance");
    let name = subject.unique_name();
    let mut answers = vec![("instance", client.instance(&id).await.map(drop))];
    if can.set_tags {
        let tags = subject.tags_for(&name, subject.owner()).to_tags();
        answers.push(("set_tags", client.set_tags(&id, &tags).await));
    }
    if can.rename {
        answers.push(("rename_instance", client.rename_instance(&id, &name).await));
    }
    if can.power {
        for action in [PowerAction::On, PowerAction::Off, PowerAction::Reboot] {
            answers.push(("power", client.power(&id, action).await));
        }
    }
    if can.firewall {
        let none = FirewallRules::default();
        answers.push(("firewall", client.firewall(&id, &none).await));
    }
    for (call, answer) in answers {
        let call = format!("{call} of an unknown instance");
        let error = failed(&call, answer, &[ErrorKind::NotFound]);
        assert!(
            !error.is_retryable(),
            "{call} does not become right by a retry: {error}"
        );
    }
}

/// Wrong credentials are `Auth`, which no retry helps: not an empty list, not an instance that is gone.
pub async fn wrong_credentials_are_told_and_taken_for_nothing_else(subject: &Subject) {
    let Some(stranger) = &subject.wrong_credentials else {
        return;
    };
    // One that there is: of another some clients know by themselves that it is nobody's.
    let ordered = subject.order().await;
    let id = ordered.id();
    let all = InstanceFilter::default();
    let spec = subject.spec().await;
    let answers = [
        (
            "list_instances",
            stranger.list_instances(&all).await.map(drop),
        ),
        ("instance", stranger.instance(id).await.map(drop)),
        (
            "destroy_instance",
            stranger.destroy_instance(id).await.map(drop),
        ),
        (
            "create_instance",
            stranger.create_instance(&spec).await.map(drop),
        ),
    ];
    let what = "an order with wrong credentials";
    subject.assert_there_is_none(&spec.name, what).await;
    for (call, answer) in answers {
        let call = format!("{call} with wrong credentials");
        let error = refused(&call, answer, &[ErrorKind::Auth]);
        assert!(
            !error.is_retryable(),
            "{call} does not become right by a retry: {error}"
        );
    }
    subject.look(id).await;
}

/// Errors that are to be had for nothing, with what they were made by.
pub(super) async fn some_errors(subject: &Subject) -> Vec<(&'static str, Error)> {
    let client = &subject.client;
    let nobody = InstanceId::new("vps-docker-no-such-instance");
    let mut errors = Vec::new();
    errors.extend(
        client
            .instance(&nobody)
            .await
            .err()
            .map(|error| ("instance", error)),
    );
    let renamed = client
        .rename_instance(&nobody, &subject.unique_name())
        .await;
    errors.extend(renamed.err().map(|error| ("rename_instance", error)));
    let switched = client.power(&nobody, PowerAction::On).await;
    errors.extend(switched.err().map(|error| ("power", error)));
    let listed = client.list_snapshots().await;
    errors.extend(listed.err().map(|error| ("list_snapshots", error)));
    if !subject.capabilities().machine_stays {
        let mut spec = subject.spec().await;
        spec.plan = "vps-docker-no-such-thing".into();
        let refused = subject.try_order(&spec).await;
        errors.extend(refused.err().map(|error| ("create_instance", error)));
        spec.user_data = "x"
            .repeat(subject.capabilities().user_data_limit + 1)
            .into();
        let refused = subject.try_order(&spec).await;
        errors.extend(refused.err().map(|error| ("create_instance", error)));
    }
    if let Some(stranger) = &subject.wrong_credentials {
        let listed = stranger.list_instances(&InstanceFilter::default()).await;
        errors.extend(listed.err().map(|error| ("list_instances", error)));
    }
    errors
}
