//! The wire types against DigitalOcean's own OpenAPI document: every example of an answer that we read
//! parses, whatever is spoilt in one is borne unless it is essential, and what we send is legal.

use std::path::PathBuf;
use std::sync::OnceLock;

use proptest::prelude::*;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use vps_docker_core::model::FirewallRules;

use crate::wire::*;
use crate::{convert, wire};

/// `None` where the document is not at hand, which is said.
fn document() -> Option<&'static Value> {
    static DOCUMENT: OnceLock<Option<Value>> = OnceLock::new();
    let read = || {
        let beside = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/api-specs");
        let directory = std::env::var_os("VPS_DOCKER_API_SPECS").unwrap_or_else(|| beside.into());
        let path = PathBuf::from(directory).join("digitalocean.json");
        let Ok(text) = std::fs::read_to_string(&path) else {
            eprintln!("SKIPPED: no {}; set VPS_DOCKER_API_SPECS", path.display());
            return None;
        };
        Some(serde_json::from_str(&text).expect("the document is JSON"))
    };
    DOCUMENT.get_or_init(read).as_ref()
}

/// An answer that we read.
struct Answer {
    method: &'static str,
    path: &'static str,
    status: &'static str,
    shape: Shape,
    read: fn(Value) -> serde_json::Result<()>,
}

/// What nothing works without.
#[derive(Clone, Copy)]
enum Shape {
    /// An object of that name, with an id.
    One(&'static str, fn(&Value) -> bool),
    /// A list of that name, each entry with an id.
    Many(&'static str, fn(&Value) -> bool),
    /// An object of that name.
    Object(&'static str),
    /// A list of that name, whatever is in it.
    List(&'static str),
}

impl Shape {
    fn name(self) -> &'static str {
        match self {
            Self::One(name, _) | Self::Many(name, _) | Self::Object(name) | Self::List(name) => {
                name
            }
        }
    }

    fn is_intact(self, body: &Value) -> bool {
        let Some(named) = body.get(self.name()) else {
            return false;
        };
        match self {
            Self::One(_, is_id) => named.get("id").is_some_and(is_id),
            Self::Many(_, is_id) => {
                named.is_null()
                    || named.as_array().is_some_and(|entries| {
                        entries
                            .iter()
                            .all(|entry| entry.get("id").is_some_and(is_id))
                    })
            }
            Self::Object(_) => named.is_object(),
            Self::List(_) => named.is_array(),
        }
    }
}

fn number(id: &Value) -> bool {
    id.is_u64()
}

fn text(id: &Value) -> bool {
    id.is_string()
}

fn either(id: &Value) -> bool {
    id.is_u64() || id.as_str().is_some_and(|text| !text.is_empty())
}

fn page<P: ListPage>(body: Value) -> serde_json::Result<Vec<P::Item>> {
    Ok(serde_json::from_value::<P>(body)?.into_page(1).items)
}

fn only<T: DeserializeOwned>(body: Value) -> serde_json::Result<()> {
    serde_json::from_value::<T>(body).map(drop)
}

fn look_at(droplet: &Droplet) {
    let _ = convert::instance(droplet);
}

fn droplets(body: Value) -> serde_json::Result<()> {
    page::<Droplets>(body).map(|droplets| droplets.iter().for_each(look_at))
}

fn snapshots(body: Value) -> serde_json::Result<()> {
    let convert = |snapshot| drop(convert::snapshot(snapshot, None));
    page::<Snapshots>(body).map(|snapshots| snapshots.into_iter().for_each(convert))
}

fn regions(body: Value) -> serde_json::Result<()> {
    let regions = page::<Regions>(body)?;
    let _ = crate::catalog::catalog(regions, Vec::new(), Vec::new());
    Ok(())
}

fn sizes(body: Value) -> serde_json::Result<()> {
    let sizes = page::<Sizes>(body)?;
    let region = json!({"slug": "nyc1"});
    let region: wire::Region = serde_json::from_value(region).expect("a region");
    let _ = crate::catalog::catalog(vec![region], sizes, Vec::new());
    Ok(())
}

fn images(body: Value) -> serde_json::Result<()> {
    let images = page::<Images>(body)?;
    let _ = crate::catalog::catalog(Vec::new(), Vec::new(), images);
    Ok(())
}

#[rustfmt::skip]
const ANSWERS: &[Answer] = &[
    Answer { method: "post", path: "/droplets", status: "202", shape: Shape::One("droplet", number), read: only::<OrderBody> },
    Answer { method: "get", path: "/droplets", status: "200", shape: Shape::Many("droplets", number), read: droplets },
    Answer { method: "get", path: "/droplets/{droplet_id}", status: "200", shape: Shape::One("droplet", number), read: only::<DropletBody> },
    Answer { method: "get", path: "/droplets/{droplet_id}/actions", status: "200", shape: Shape::Many("actions", number), read: |body| page::<Actions>(body).map(drop) },
    Answer { method: "post", path: "/droplets/{droplet_id}/actions", status: "201", shape: Shape::One("action", number), read: only::<ActionBody> },
    Answer { method: "get", path: "/droplets/{droplet_id}/actions/{action_id}", status: "200", shape: Shape::One("action", number), read: only::<ActionBody> },
    Answer { method: "get", path: "/droplets/{droplet_id}/snapshots", status: "200", shape: Shape::Many("snapshots", either), read: snapshots },
    Answer { method: "get", path: "/droplets/{droplet_id}/firewalls", status: "200", shape: Shape::Many("firewalls", text), read: |body| page::<Firewalls>(body).map(drop) },
    Answer { method: "get", path: "/snapshots", status: "200", shape: Shape::Many("snapshots", either), read: snapshots },
    Answer { method: "get", path: "/account/keys", status: "200", shape: Shape::Many("ssh_keys", number), read: |body| page::<SshKeys>(body).map(drop) },
    Answer { method: "post", path: "/account/keys", status: "201", shape: Shape::One("ssh_key", number), read: only::<SshKeyBody> },
    Answer { method: "get", path: "/account", status: "200", shape: Shape::Object("account"), read: only::<AccountBody> },
    Answer { method: "get", path: "/firewalls", status: "200", shape: Shape::Many("firewalls", text), read: |body| page::<Firewalls>(body).map(drop) },
    Answer { method: "post", path: "/firewalls", status: "202", shape: Shape::One("firewall", text), read: only::<FirewallBody> },
    Answer { method: "get", path: "/firewalls/{firewall_id}", status: "200", shape: Shape::One("firewall", text), read: only::<FirewallBody> },
    Answer { method: "put", path: "/firewalls/{firewall_id}", status: "200", shape: Shape::One("firewall", text), read: only::<FirewallBody> },
    Answer { method: "post", path: "/tags", status: "201", shape: Shape::Object("tag"), read: only::<TagBody> },
    Answer { method: "get", path: "/projects", status: "200", shape: Shape::Many("projects", text), read: |body| page::<Projects>(body).map(drop) },
    Answer { method: "post", path: "/projects/{project_id}/resources", status: "200", shape: Shape::List("resources"), read: only::<AssignmentBody> },
    Answer { method: "get", path: "/regions", status: "200", shape: Shape::List("regions"), read: regions },
    Answer { method: "get", path: "/sizes", status: "200", shape: Shape::List("sizes"), read: sizes },
    Answer { method: "get", path: "/images", status: "200", shape: Shape::List("images"), read: images },
];

/// What a `$ref` leads to.
fn resolved<'a>(document: &'a Value, mut value: &'a Value) -> &'a Value {
    while let Some(place) = value.get("$ref").and_then(Value::as_str) {
        value = document
            .pointer(place.trim_start_matches('#'))
            .expect("a reference leads somewhere");
    }
    value
}

/// The examples of an answer that hold what is asked for: a create of several droplets answers otherwise.
fn examples(document: &Value, answer: &Answer) -> Vec<Value> {
    let operation = &document["paths"][format!("/v2{}", answer.path)][answer.method];
    let response = resolved(document, &operation["responses"][answer.status]);
    let content = &response["content"]["application/json"];
    let named = content["examples"].as_object().into_iter().flatten();
    let mut examples: Vec<Value> = named
        .map(|(_, example)| resolved(document, &resolved(document, example)["value"]).clone())
        .collect();
    examples.extend(
        content
            .get("example")
            .map(|example| resolved(document, example).clone()),
    );
    if examples.is_empty() {
        let schema = &content["schema"];
        examples.push(example_of(document, schema));
    }
    examples.retain(|example| example.get(answer.shape.name()).is_some());
    examples
}

/// An example put together of those of a schema's fields, where there is no whole one.
fn example_of(document: &Value, schema: &Value) -> Value {
    let schema = resolved(document, schema);
    if let Some(example) = schema.get("example") {
        return example.clone();
    }
    if let Some(items) = schema.get("items") {
        return json!([example_of(document, items)]);
    }
    let mut object = serde_json::Map::new();
    for part in schema["allOf"].as_array().into_iter().flatten() {
        match example_of(document, part) {
            Value::Object(fields) => object.extend(fields),
            Value::Null => {}
            other => return other,
        }
    }
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        object.insert(name.clone(), example_of(document, field));
    }
    if object.is_empty() {
        Value::Null
    } else {
        object.into()
    }
}

#[test]
fn every_example_of_an_answer_is_read() {
    let Some(document) = document() else { return };
    for answer in ANSWERS {
        let examples = examples(document, answer);
        let Answer { method, path, .. } = answer;
        assert!(!examples.is_empty(), "{method} {path} has no example");
        for example in examples {
            assert!(
                answer.shape.is_intact(&example),
                "{method} {path}: {example}"
            );
            if let Err(error) = (answer.read)(example) {
                panic!("{method} {path}: {error}");
            }
        }
    }
}

#[test]
fn an_example_is_read_as_what_it_says() {
    let Some(document) = document() else { return };
    let body = examples(document, &ANSWERS[2]).remove(0);
    let body: DropletBody = serde_json::from_value(body).expect("a droplet");
    let instance = convert::instance(&body.droplet);
    assert_eq!(instance.id.as_str(), "3164444");
    assert_eq!(instance.region, "nyc3");
    assert!(instance.address.is_some_and(|address| address.is_ipv4()));
    assert!(instance.created_at.is_some());
    let sizes = examples(
        document,
        ANSWERS.iter().find(|a| a.path == "/sizes").expect("named"),
    );
    let sizes = page::<Sizes>(sizes[0].clone()).expect("sizes");
    assert!(
        sizes
            .iter()
            .all(|size| size.price_monthly.is_some() && !size.regions.is_empty())
    );
}

/// What may be wrong with a field.
#[derive(Clone, Debug)]
enum Fault {
    Dropped,
    Becomes(Value),
}

fn faults() -> impl Strategy<Value = Vec<(prop::sample::Index, Fault)>> {
    let fault = prop_oneof![
        Just(Fault::Dropped),
        prop_oneof![
            Just(Value::Null),
            Just(json!(true)),
            Just(json!(-1)),
            Just(json!(1e300)),
            Just(json!(u64::MAX)),
            Just(json!("")),
            Just(json!("a new word")),
            Just(json!([])),
            Just(json!([null, 7, "x", {}])),
            Just(json!({})),
            Just(json!({"id": "x"})),
        ]
        .prop_map(Fault::Becomes),
    ];
    prop::collection::vec((any::<prop::sample::Index>(), fault), 1..6)
}

/// The places of all fields and entries, as JSON pointers.
fn places(value: &Value, here: &str, found: &mut Vec<String>) {
    let children: Vec<(String, &Value)> = match value {
        Value::Object(fields) => fields
            .iter()
            .map(|(name, field)| (name.clone(), field))
            .collect(),
        Value::Array(entries) => entries
            .iter()
            .enumerate()
            .map(|(n, entry)| (n.to_string(), entry))
            .collect(),
        _ => return,
    };
    for (name, child) in children {
        let place = format!("{here}/{}", name.replace('~', "~0").replace('/', "~1"));
        places(child, &place, found);
        found.push(place);
    }
}

fn spoil(body: &mut Value, place: &str, fault: Fault) {
    let (parent, name) = place.rsplit_once('/').expect("a pointer");
    match (fault, body.pointer_mut(parent).expect("it was found")) {
        (Fault::Becomes(value), _) => *body.pointer_mut(place).expect("it was found") = value,
        (Fault::Dropped, Value::Object(fields)) => drop(fields.remove(name)),
        (Fault::Dropped, Value::Array(entries)) => {
            drop(entries.remove(name.parse().expect("an index")));
        }
        (Fault::Dropped, _) => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn a_spoilt_answer_is_read_unless_something_essential_is_missing(
        which in any::<prop::sample::Index>(),
        example in any::<prop::sample::Index>(),
        faults in faults(),
    ) {
        let Some(document) = document() else { return Ok(()) };
        let answer = which.get(ANSWERS);
        let examples = examples(document, answer);
        let mut body = example.get(&examples).clone();
        for (place, fault) in faults {
            let mut all = Vec::new();
            places(&body, "", &mut all);
            if !all.is_empty() {
                spoil(&mut body, place.get(&all[..]).as_str(), fault);
            }
        }
        let is_intact = answer.shape.is_intact(&body);
        let read = (answer.read)(body.clone());
        prop_assert!(
            read.is_ok() || !is_intact,
            "{} {}: {:?} of {body}", answer.method, answer.path, read,
        );
    }
}

#[test]
fn what_we_send_is_legal() {
    let Some(document) = document() else { return };
    let spec = vps_docker_core::model::InstanceSpec {
        name: "web-1".to_owned(),
        region: "fra1".to_owned(),
        plan: "s-1vcpu-2gb".to_owned(),
        image: vps_docker_core::model::BootImage::Catalog("debian-13-x64".to_owned()),
        user_data: "#cloud-config\n".to_owned().into(),
        ssh_keys: vec![vps_docker_core::model::SshKeyId::new("512190")],
        tags: [("vps-docker".to_owned(), String::new())].into(),
    };
    let order = convert::order(&spec).expect("it fits");
    let rules = FirewallRules::tcp([22, 2222], &vps_docker_core::model::Cidr::WORLD);
    let action = |kind, name| json!(DoAction { kind, name });
    let tag_resources = json!(crate::tags::droplet_alone(17));
    let firewall = json!(crate::firewall::firewall(17, &rules));
    let key = CreateSshKey {
        name: "me",
        public_key: "ssh-ed25519 AAAA",
    };
    let join = AssignResources {
        resources: ["do:droplet:17".to_owned()],
    };
    for (method, path, body) in [
        ("post", "/droplets", json!(order)),
        (
            "post",
            "/droplets/{droplet_id}/actions",
            action("shutdown", None),
        ),
        (
            "post",
            "/droplets/{droplet_id}/actions",
            action("power_off", None),
        ),
        (
            "post",
            "/droplets/{droplet_id}/actions",
            action("power_on", None),
        ),
        (
            "post",
            "/droplets/{droplet_id}/actions",
            action("reboot", None),
        ),
        (
            "post",
            "/droplets/{droplet_id}/actions",
            action("power_cycle", None),
        ),
        (
            "post",
            "/droplets/{droplet_id}/actions",
            action("rename", Some("web-2")),
        ),
        (
            "post",
            "/droplets/{droplet_id}/actions",
            action("snapshot", Some("nightly")),
        ),
        (
            "post",
            "/tags",
            json!(CreateTag {
                name: "vps-docker-name:web-1"
            }),
        ),
        ("post", "/tags/{tag_id}/resources", tag_resources.clone()),
        ("delete", "/tags/{tag_id}/resources", tag_resources),
        ("post", "/firewalls", firewall.clone()),
        ("put", "/firewalls/{firewall_id}", firewall),
        ("post", "/account/keys", json!(key)),
        ("post", "/projects/{project_id}/resources", json!(join)),
    ] {
        let operation = &document["paths"][format!("/v2{path}")][method];
        let request = resolved(document, &operation["requestBody"]);
        let mut schema = request["content"]["application/json"]["schema"].clone();
        schema["components"] = document["components"].clone();
        let validator = jsonschema::validator_for(&schema).expect("a schema");
        let faults: Vec<String> = validator
            .iter_errors(&body)
            .map(|e| e.to_string())
            .collect();
        assert!(faults.is_empty(), "{method} {path}: {faults:?}");
    }
}
