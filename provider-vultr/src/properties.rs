//! What must hold whatever Vultr answers: one function each, of any bytes, that panics when it does not.
//! A file of its own because tests and `fuzz/` run the same ones.

use serde::de::DeserializeOwned;
use vps_docker_core::properties::{refused, tags_of};

use crate::error::parse_error;
use crate::tags::{decode_tags, encode_tags};
use crate::wire::{
    FirewallGroupAnswer, FirewallGroups, FirewallRules, InstanceAnswer, Instances, Listing, OsList,
    Plans, Regions, SnapshotAnswer, Snapshots, SshKeyAnswer, SshKeys,
};
use crate::{catalog, convert};

/// An answer of any kind is read or refused, and what was read is understood.
pub fn answers(data: &[u8]) {
    let instances = list::<Instances>(data).into_iter();
    let instance = one::<InstanceAnswer>(data).map(|answer| answer.instance);
    for instance in instances.chain(instance) {
        assert!(!convert::instance(&instance).id.as_str().is_empty());
    }
    let snapshots = list::<Snapshots>(data).into_iter();
    let snapshot = one::<SnapshotAnswer>(data).map(|answer| answer.snapshot);
    for snapshot in snapshots.chain(snapshot) {
        convert::snapshot(&snapshot);
    }
    let (plans, regions) = (list::<Plans>(data), list::<Regions>(data));
    let catalog = catalog::offer(&plans, &regions, &list::<OsList>(data));
    assert!(catalog.regions.iter().all(|region| !region.id.is_empty()));
    list::<SshKeys>(data);
    one::<SshKeyAnswer>(data);
    list::<FirewallGroups>(data);
    one::<FirewallGroupAnswer>(data);
    list::<FirewallRules>(data);
    refused(data, parse_error);
}

/// Tags are refused or read back as they were; texts of others survive being read and written back.
pub fn tags(data: &[u8]) {
    let tags = tags_of(data);
    if let Ok(texts) = encode_tags(&tags) {
        assert!(
            texts
                .iter()
                .all(|text| !text.is_empty() && !text.contains(char::is_control))
        );
        assert_eq!(decode_tags(&texts), tags);
    }
    let mut texts: Vec<String> = tags.into_keys().collect();
    let read = decode_tags(&texts);
    if let Ok(mut again) = encode_tags(&read) {
        again.sort();
        texts.sort();
        assert_eq!(again, texts);
    }
}

fn one<T: DeserializeOwned>(data: &[u8]) -> Option<T> {
    serde_json::from_slice(data).ok()
}

fn list<L: Listing>(data: &[u8]) -> Vec<L::Item> {
    let Some((items, meta)) = one::<L>(data).map(L::split) else {
        return Vec::new();
    };
    assert_ne!(meta.and_then(crate::wire::Meta::next).as_deref(), Some(""));
    items
}
