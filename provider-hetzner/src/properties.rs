//! What must hold whatever Hetzner answers: one function each, of any bytes, that panics when it does not.
//! A file of its own because tests and `fuzz/` run the same ones.

use serde::de::DeserializeOwned;
use serde_json::json;
use vps_docker_core::model::{InstanceFilter, Tags};
use vps_docker_core::properties::{refused, tags_of};

use crate::error::{note_of_action, of_action, parse_error};
use crate::listing::{Listed, Listing};
use crate::wire::*;
use crate::{actions, catalog, convert};

/// An answer of any kind is read or refused, and what was read is understood.
pub fn answers(data: &[u8]) {
    let servers = list::<Server>(data).into_iter();
    let server = one::<ServerAnswer>(data).map(|answer| answer.server);
    let created = one::<CreatedServer>(data).map(|answer| answer.server);
    for server in servers.chain(server).chain(created) {
        let meant = server.id.to_string();
        assert_eq!(convert::instance(server).id.as_str(), meant);
    }
    let image = one::<ImageAnswer>(data).map(|answer| answer.image);
    let created = one::<CreatedImage>(data).map(|answer| answer.image);
    for image in list::<Image>(data).into_iter().chain(image).chain(created) {
        convert::snapshot(image);
    }
    let listed = list::<Action>(data);
    let several = one::<ActionsAnswer>(data).map_or_else(Vec::new, |answer| answer.actions);
    let action = one::<ActionAnswer>(data).map(|answer| answer.action);
    let all: Vec<Action> = listed.into_iter().chain(several).chain(action).collect();
    actions::first_start(&all);
    for action in &all {
        let _ = (of_action(action).to_string(), note_of_action(action));
    }
    let pricing = one::<PricingAnswer>(data).map(|answer| answer.pricing);
    let pricing = pricing.unwrap_or_default();
    let catalog = catalog::catalog(list(data), list(data), list(data), &pricing);
    for plan in &catalog.plans {
        assert!(!plan.id.is_empty());
    }
    list::<SshKey>(data);
    one::<SshKeyAnswer>(data);
    list::<Firewall>(data);
    one::<CreatedFirewall>(data);
    refused(data, parse_error);
}

/// Tags are refused or read back as they were, and a selector says no more than it should.
pub fn tags(data: &[u8]) {
    let tags = tags_of(data);
    let read = |labels: &Tags| {
        let server = json!({ "id": 1, "labels": labels });
        convert::instance(serde_json::from_value(server).expect("a server")).tags
    };
    if let Ok(sent) = convert::labels(&tags) {
        let legal = |c: char| c.is_ascii_alphanumeric() || "-_./".contains(c);
        assert!(
            sent.iter()
                .all(|(key, value)| key.chars().chain(value.chars()).all(legal)),
            "{sent:?}"
        );
        assert_eq!(read(&sent), tags);
    }
    // What others have set is read as it is.
    assert_eq!(read(&tags), tags);
    for (key, value) in tags {
        if let Some(selector) = convert::selector(&InstanceFilter::tagged(key, value)) {
            let legal = |c: char| c.is_ascii_alphanumeric() || "-_./=".contains(c);
            assert!(selector.chars().all(legal), "{selector:?}");
        }
    }
}

fn one<T: DeserializeOwned>(data: &[u8]) -> Option<T> {
    serde_json::from_slice(data).ok()
}

fn list<T: Listed>(data: &[u8]) -> Vec<T> {
    one::<Listing<T>>(data).map_or_else(Vec::new, |listing| listing.items)
}
