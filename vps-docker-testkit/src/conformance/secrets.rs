//! Credentials and `user_data` are sent to the provider and seen nowhere else.

use std::error::Error as _;
use std::fmt::Write as _;

use secrecy::ExposeSecret;
use vps_docker_core::Error;
use vps_docker_core::model::InstanceFilter;

use super::errors::some_errors;
use super::log::heard;
use super::making::owned_by;
use super::subject::Subject;

/// Neither the client's Debug output nor that of what it returns shows one.
pub async fn no_secret_shows_in_debug(subject: &Subject) {
    let ordered = subject.order().await;
    let client = &subject.client;
    assert_hidden(subject, "Debug of the client", &format!("{client:?}"));
    assert_hidden(subject, "Debug of the client", &format!("{client:#?}"));
    let seen = subject.look(ordered.id()).await;
    let listed = subject.list(&InstanceFilter::default()).await;
    let instances = format!("{:?} {seen:?} {listed:?}", ordered.instance);
    assert_hidden(subject, "Debug of the instance", &instances);
}

/// No error shows one: not in its text, not in its causes, not in Debug output.
pub async fn no_secret_shows_in_errors(subject: &Subject) {
    for (call, error) in some_errors(subject).await {
        let place = format!("the error of {call}");
        assert_hidden(subject, &place, &everything_in(&error));
    }
}

/// No event or span says one, of whatever level.
pub async fn no_secret_is_logged(subject: &Subject) {
    let log = heard(async {
        let ordered = subject.order().await;
        subject.look(ordered.id()).await;
        subject.list(&owned_by(subject.owner())).await;
        some_errors(subject).await;
        let destroyed = subject.client.destroy_instance(ordered.id()).await;
        super::expect::ok("destroy_instance", destroyed);
    });
    assert_hidden(subject, "what is logged", &log.await);
}

fn everything_in(error: &Error) -> String {
    let mut text = format!("{error} {error:?}");
    let mut cause = error.source();
    while let Some(error) = cause {
        let _ = write!(text, " {error} {error:?}");
        cause = error.source();
    }
    text
}

#[track_caller]
fn assert_hidden(subject: &Subject, place: &str, text: &str) {
    assert!(
        !text.contains(&subject.mark),
        "{place} shows the user_data of an order"
    );
    for (number, secret) in (1..).zip(&subject.secrets) {
        // The text itself must not show it either, so it is not repeated here.
        assert!(
            !text.contains(secret.expose_secret()),
            "{place} shows a secret that the client was given: the subject's number {number}"
        );
    }
}
