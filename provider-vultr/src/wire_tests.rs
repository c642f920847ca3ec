//! The document's own examples, whole and damaged.

use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::{Value, json};

use crate::convert;
use crate::wire::{
    FirewallGroupAnswer, FirewallGroups, FirewallRules, InstanceAnswer, Instances, Listing, OsList,
    Plans, Regions, SnapshotAnswer, Snapshots, SshKeyAnswer, SshKeys,
};

type Read = fn(Value) -> serde_json::Result<()>;

/// An answer that we read: where its examples stand, and how it is read.
const ANSWERS: &[(&str, &str, &str, Read)] = &[
    ("/instances", "get", "200", |value| {
        let (instances, _) = serde_json::from_value::<Instances>(value)?.split();
        instances
            .iter()
            .for_each(|instance| drop(convert::instance(instance)));
        Ok(())
    }),
    ("/instances", "post", "202", instance),
    ("/instances/{instance-id}", "get", "200", instance),
    ("/plans", "get", "200", listing::<Plans>),
    ("/regions", "get", "200", listing::<Regions>),
    ("/os", "get", "200", listing::<OsList>),
    ("/snapshots", "get", "200", |value| {
        let (snapshots, _) = serde_json::from_value::<Snapshots>(value)?.split();
        snapshots
            .iter()
            .for_each(|snapshot| drop(convert::snapshot(snapshot)));
        Ok(())
    }),
    ("/snapshots", "post", "201", one::<SnapshotAnswer>),
    (
        "/snapshots/{snapshot-id}",
        "get",
        "200",
        one::<SnapshotAnswer>,
    ),
    ("/ssh-keys", "get", "200", listing::<SshKeys>),
    ("/ssh-keys", "post", "201", one::<SshKeyAnswer>),
    ("/firewalls", "get", "200", listing::<FirewallGroups>),
    ("/firewalls", "post", "201", one::<FirewallGroupAnswer>),
    (
        "/firewalls/{firewall-group-id}/rules",
        "get",
        "200",
        listing::<FirewallRules>,
    ),
];

fn instance(value: Value) -> serde_json::Result<()> {
    let answer: InstanceAnswer = serde_json::from_value(value)?;
    drop(convert::instance(&answer.instance));
    Ok(())
}

fn one<T: serde::de::DeserializeOwned>(value: Value) -> serde_json::Result<()> {
    serde_json::from_value::<T>(value).map(drop)
}

fn listing<L: Listing>(value: Value) -> serde_json::Result<()> {
    serde_json::from_value::<L>(value).map(|list| drop(list.split()))
}

/// Vultr's OpenAPI document; `None`, said loudly, where it is not at hand.
fn document() -> Option<Value> {
    let dir = std::env::var("VPS_DOCKER_API_SPECS").unwrap_or_else(|_| {
        concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/api-specs").to_owned()
    });
    let path = format!("{dir}/vultr.json");
    let Ok(text) = std::fs::read_to_string(&path) else {
        eprintln!("SKIPPED: {path} is not there; VPS_DOCKER_API_SPECS names the directory");
        return None;
    };
    Some(serde_json::from_str(&text).expect("the document is JSON"))
}

/// All examples of the answers that we read.
fn examples(document: &Value) -> Vec<(Value, Read)> {
    let mut found = Vec::new();
    for (path, method, status, read) in ANSWERS {
        let media =
            &document["paths"][path][method]["responses"][status]["content"]["application/json"];
        let examples = media["examples"].as_object();
        let examples = examples.unwrap_or_else(|| panic!("{method} {path} has examples"));
        assert!(!examples.is_empty(), "{method} {path}");
        found.extend(
            examples
                .values()
                .map(|example| (example["value"].clone(), *read)),
        );
    }
    found
}

/// Every place in a document, as a JSON pointer.
fn places(value: &Value, at: &str, into: &mut Vec<String>) {
    into.push(at.to_owned());
    match value {
        Value::Object(map) => map
            .iter()
            .for_each(|(key, value)| places(value, &format!("{at}/{key}"), into)),
        Value::Array(list) => list
            .iter()
            .enumerate()
            .for_each(|(n, value)| places(value, &format!("{at}/{n}"), into)),
        _ => {}
    }
}

/// Takes the place out of an object, or the value out of a list.
fn remove(document: &mut Value, place: &str) {
    let Some((parent, key)) = place.rsplit_once('/') else {
        *document = Value::Null;
        return;
    };
    match document.pointer_mut(parent) {
        Some(Value::Object(map)) => drop(map.remove(key)),
        Some(Value::Array(list)) => drop(list.remove(key.parse().expect("an index"))),
        _ => unreachable!("a place has a parent"),
    }
}

/// Whether nothing can be done when this is damaged: the answer itself and the things in it, their
/// ids, an instance's tags, and where the next page begins.
fn is_essential(place: &str) -> bool {
    let parts: Vec<&str> = place.split('/').skip(1).collect();
    let is_index = |part: &str| part.parse::<usize>().is_ok();
    match parts.as_slice() {
        [] | [_] | ["meta", "links"] | ["meta", "links", "next"] => true,
        [_, n] if is_index(n) => true,
        [_, "id"] | [_, "tags", ..] => true,
        [_, n, "id"] | [_, n, "tags", ..] if is_index(n) => true,
        _ => false,
    }
}

#[test]
fn all_examples_of_the_document_are_read() {
    let Some(document) = document() else { return };
    let examples = examples(&document);
    assert!(examples.len() >= ANSWERS.len());
    for (example, read) in examples {
        read(example.clone()).unwrap_or_else(|error| panic!("{error}: {example}"));
    }
}

#[test]
fn damage_breaks_only_what_is_essential() {
    let Some(document) = document() else { return };
    let examples = examples(&document);
    let damage = prop_oneof![
        Just(None),
        select(vec![
            json!(null),
            json!("unheard-of"),
            json!(""),
            json!(-1),
            json!(1.5),
            json!(true),
            json!([]),
            json!({}),
            json!([1]),
            json!({"a": null}),
            json!(u64::MAX),
            json!("0.0.0.0"),
            json!("2020-13-40"),
        ])
        .prop_map(Some),
    ];
    let mut runner = proptest::test_runner::TestRunner::default();
    runner
        .run(
            &(
                any::<Index>(),
                proptest::collection::vec((any::<Index>(), damage), 1..4),
            ),
            |(which, damages)| {
                let (example, read) = which.get(&examples);
                let mut damaged = example.clone();
                let mut touched_essential = false;
                for (where_, damage) in damages {
                    let mut all = Vec::new();
                    places(&damaged, "", &mut all);
                    let place = where_.get(&all);
                    touched_essential |= is_essential(place);
                    match damage {
                        None => remove(&mut damaged, place),
                        Some(value) => {
                            *damaged.pointer_mut(place).expect("it is there") = value;
                        }
                    }
                }
                let outcome = read(damaged.clone());
                prop_assert!(
                    outcome.is_ok() || touched_essential,
                    "{:?}: {}",
                    outcome,
                    damaged
                );
                Ok(())
            },
        )
        .unwrap_or_else(|failure| panic!("{failure}"));
}

#[test]
fn what_is_no_listing_is_not_an_empty_one() {
    for garbage in [
        json!({}),
        json!([]),
        json!(null),
        json!({"instances": null}),
        json!("ok"),
    ] {
        listing::<Instances>(garbage.clone()).expect_err(&garbage.to_string());
    }
    listing::<Instances>(json!({"instances": [{}]})).expect_err("an instance without an id");
    instance(json!({"instance": {"id": ""}})).expect_err("an empty id");
    instance(json!({"instance": {"id": "x", "tags": [1]}})).expect_err("tags that are no texts");
    instance(json!({"instance": {"id": "x", "tags": null}})).expect("no tags");
}
