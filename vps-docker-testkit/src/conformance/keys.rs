//! SSH public keys at the provider.

use vps_docker_core::ErrorKind;
use vps_docker_core::model::SshKeyId;

use super::expect::{failed, ok};
use super::making::public_key;
use super::subject::Subject;

/// Making a key known is idempotent.
pub async fn a_key_that_is_made_known_twice_is_one(subject: &Subject) {
    let (name, line) = (subject.unique_name(), public_key("conformance"));
    let first = subject.key(&name, &line).await;
    let second = subject.key(&name, &line).await;
    assert_eq!(first, second, "one key has two ids");
    assert_ne!(first.as_str(), "", "a key has an empty id");
}

/// A key is known by what it is, not by its name.
pub async fn a_key_that_is_known_by_another_name_is_the_same(subject: &Subject) {
    let line = public_key("conformance");
    let first = subject.key(&subject.unique_name(), &line).await;
    let second = subject.key(&subject.unique_name(), &line).await;
    assert_eq!(first, second, "one key has two ids, by two names");
}

/// Another key is another one.
pub async fn different_keys_have_different_ids(subject: &Subject) {
    let first = public_key("conformance");
    let second = public_key("conformance");
    let first = subject.key(&subject.unique_name(), &first).await;
    let second = subject.key(&subject.unique_name(), &second).await;
    assert_ne!(first, second, "two keys have one id");
}

/// A name that is in use does not let another key in: it is made known as well, or the name is refused.
pub async fn another_key_of_the_same_name_is_not_taken_for_the_first(subject: &Subject) {
    let name = subject.unique_name();
    let first = subject.key(&name, &public_key("conformance")).await;
    let other = public_key("conformance");
    match subject.client.ensure_ssh_key(&name, &other).await {
        Ok(second) => {
            subject.made().keys.push(second.clone());
            assert_ne!(first, second, "another key was taken for the first one");
        }
        Err(error) => assert_eq!(
            error.kind(),
            ErrorKind::NameTaken,
            "another key of a name in use failed otherwise: {error}"
        ),
    }
}

/// What is no public key is refused.
pub async fn a_line_that_is_no_key_is_refused(subject: &Subject) {
    for line in ["", "no key", "ssh-ed25519 AAAA"] {
        let name = subject.unique_name();
        let answer = subject.client.ensure_ssh_key(&name, line).await;
        if let Ok(id) = &answer {
            subject.made().keys.push(id.clone());
        }
        let call = format!("ensure_ssh_key of {line:?}");
        failed(&call, answer, &[ErrorKind::Invalid]);
    }
}

/// The comment at the end of the line is no part of the key.
pub async fn a_comment_makes_no_other_key(subject: &Subject) {
    let line = public_key("one comment");
    let words: Vec<&str> = line.split(' ').collect();
    let bare = words[..2].join(" ");
    let first = subject.key(&subject.unique_name(), &line).await;
    for other in [bare.clone(), format!("{bare} another comment\n")] {
        let second = subject.key(&subject.unique_name(), &other).await;
        assert_eq!(first, second, "another comment made another key");
    }
}

/// A key that was made known is listed, once.
pub async fn a_key_is_listed_by_its_name(subject: &Subject) {
    let name = subject.unique_name();
    let id = subject.key(&name, &public_key("conformance")).await;
    let listed = ok("list_ssh_keys", subject.client.list_ssh_keys().await);
    let mut found = listed.iter().filter(|key| key.id == id);
    let key = found
        .next()
        .expect("a key that was made known is not listed");
    assert_eq!(key.name, name, "the key is listed by another name");
    assert_eq!(found.next(), None, "the key is listed twice");
}

/// A deleted key is gone and may be deleted again; the same key can be made known anew.
pub async fn a_key_that_is_deleted_is_gone(subject: &Subject) {
    let (name, line) = (subject.unique_name(), public_key("conformance"));
    let id = subject.key(&name, &line).await;
    for time in ["first", "second"] {
        let answer = subject.client.delete_ssh_key(&id).await;
        ok(&format!("delete_ssh_key for the {time} time"), answer);
        let listed = ok("list_ssh_keys", subject.client.list_ssh_keys().await);
        assert!(
            listed.iter().all(|key| key.id != id),
            "a deleted key is listed"
        );
    }
    let nobodys = SshKeyId::new("vps-docker-no-such-key");
    let answer = subject.client.delete_ssh_key(&nobodys).await;
    ok("delete_ssh_key of an unknown key", answer);
    subject.key(&name, &line).await;
}
