//! The wire types against the API's own OpenAPI document: what it says that comes back is read, also
//! when it is damaged, and what we send is what it allows.

use std::path::PathBuf;

use proptest::prelude::*;
use proptest::sample::Index;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use vps_docker_core::model::{BootImage, InstanceSpec, SshKeyId, Tags};

use crate::listing::{Listed, Listing};
use crate::wire::*;
use crate::{client, convert};

/// An operation of the document.
struct Operation(Value);

/// What reads an answer; `false` when it cannot.
type Reader = fn(&Value) -> bool;

/// Every operation that is used, with what reads its answer.
const OPERATIONS: &[(&str, &str, Reader)] = &[
    ("get", "/servers", list::<Server>),
    ("post", "/servers", one::<CreatedServer>),
    ("get", "/servers/{id}", one::<ServerAnswer>),
    ("put", "/servers/{id}", one::<ServerAnswer>),
    ("delete", "/servers/{id}", one::<ActionAnswer>),
    ("get", "/servers/{id}/actions", list::<Action>),
    ("post", "/servers/{id}/actions/poweron", one::<ActionAnswer>),
    (
        "post",
        "/servers/{id}/actions/poweroff",
        one::<ActionAnswer>,
    ),
    (
        "post",
        "/servers/{id}/actions/shutdown",
        one::<ActionAnswer>,
    ),
    ("post", "/servers/{id}/actions/reboot", one::<ActionAnswer>),
    (
        "post",
        "/servers/{id}/actions/create_image",
        one::<CreatedImage>,
    ),
    ("get", "/actions", list::<Action>),
    ("get", "/images", list::<Image>),
    ("get", "/images/{id}", one::<ImageAnswer>),
    ("get", "/ssh_keys", list::<SshKey>),
    ("post", "/ssh_keys", one::<SshKeyAnswer>),
    ("get", "/firewalls", list::<Firewall>),
    ("post", "/firewalls", one::<CreatedFirewall>),
    (
        "post",
        "/firewalls/{id}/actions/set_rules",
        one::<ActionsAnswer>,
    ),
    (
        "post",
        "/firewalls/{id}/actions/apply_to_resources",
        one::<ActionsAnswer>,
    ),
    ("get", "/locations", list::<Location>),
    ("get", "/server_types", list::<ServerType>),
    ("get", "/pricing", one::<PricingAnswer>),
];

/// Places without which an answer may be refused: ids, lists, and what holds them. Numbers of items are
/// left out.
const ESSENTIAL: &[&str] = &[
    "/servers",
    "/servers/id",
    "/servers/labels",
    "/server",
    "/server/id",
    "/server/labels",
    "/action",
    "/action/id",
    "/actions",
    "/actions/id",
    "/image",
    "/image/id",
    "/images",
    "/images/id",
    "/ssh_key",
    "/ssh_key/id",
    "/ssh_keys",
    "/ssh_keys/id",
    "/firewall",
    "/firewall/id",
    "/firewalls",
    "/firewalls/id",
    "/locations",
    "/locations/name",
    "/server_types",
    "/server_types/name",
    "/pricing",
    "/pricing/currency",
];

fn one<T: DeserializeOwned>(answer: &Value) -> bool {
    T::deserialize(answer).is_ok()
}

fn list<T: Listed>(answer: &Value) -> bool {
    one::<Listing<T>>(answer)
}

/// The document; `None`, and loudly, where it is not at hand.
fn document() -> Option<Value> {
    let beside = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/api-specs");
    let dir = std::env::var_os("VPS_DOCKER_API_SPECS").map_or_else(|| beside.into(), PathBuf::from);
    let path = dir.join("hetzner.json");
    let Ok(text) = std::fs::read_to_string(&path) else {
        eprintln!(
            "SKIPPED: no OpenAPI document at {}; name its directory in VPS_DOCKER_API_SPECS",
            path.display()
        );
        return None;
    };
    Some(serde_json::from_str(&text).expect("the document is JSON"))
}

impl Operation {
    fn of(document: &Value, method: &str, path: &str) -> Self {
        let operation = &document["paths"][path][method];
        assert!(operation.is_object(), "the document has no {method} {path}");
        Self(operation.clone())
    }

    /// The examples of answers: those written down, and one put together from those of the fields.
    fn answers(&self) -> Vec<Value> {
        let responses = self.0["responses"].as_object().expect("it answers");
        let (_, good) = responses
            .iter()
            .find(|(status, _)| status.starts_with('2'))
            .expect("a yes");
        let content = &good["content"]["application/json"];
        let named = content["examples"]
            .as_object()
            .into_iter()
            .flat_map(Map::values);
        let mut all: Vec<Value> = named.map(|example| example["value"].clone()).collect();
        all.push(example_of(&content["schema"]));
        all
    }

    /// Whether a body is one the operation takes.
    fn takes(&self, body: &Value) {
        let schema = self.0["requestBody"]["content"]["application/json"]["schema"].clone();
        assert!(schema.is_object(), "it takes a body");
        assert_known(&schema, body);
        let validator = jsonschema::validator_for(&schema).expect("a schema");
        let errors: Vec<String> = validator.iter_errors(body).map(|e| e.to_string()).collect();
        assert!(errors.is_empty(), "{errors:?}");
    }
}

/// A schema lets through what it does not know; we send nothing that it does not.
fn assert_known(schema: &Value, body: &Value) {
    match body {
        Value::Object(fields) if schema["additionalProperties"].is_null() => {
            for (name, value) in fields {
                let field = &schema["properties"][name];
                assert!(field.is_object(), "the document knows no {name}");
                assert_known(field, value);
            }
        }
        Value::Array(items) => {
            let known = |item| assert_known(&schema["items"], item);
            items.iter().for_each(known);
        }
        _ => {}
    }
}

/// Puts an example together from those of a schema's parts.
fn example_of(schema: &Value) -> Value {
    if let Some(example) = schema.get("example") {
        return example.clone();
    }
    if let Some(first) = schema["enum"].get(0) {
        return first.clone();
    }
    match schema["type"].as_str() {
        Some("object") => {
            let properties = schema["properties"].as_object().into_iter().flatten();
            let example = |(name, schema): (&String, &Value)| (name.clone(), example_of(schema));
            Value::Object(properties.map(example).collect())
        }
        Some("array") => json!([example_of(&schema["items"])]),
        Some("integer" | "number") => json!(1),
        Some("boolean") => json!(false),
        Some("string") => json!("text"),
        _ => Value::Null,
    }
}

#[test]
fn every_answer_of_the_document_is_read() {
    let Some(document) = document() else { return };
    for (method, path, reads) in OPERATIONS {
        for answer in Operation::of(&document, method, path).answers() {
            assert!(reads(&answer), "{method} {path}: {answer:#}");
        }
    }
}

#[test]
fn the_documents_server_is_an_instance() {
    let Some(document) = document() else { return };
    let answers = Operation::of(&document, "get", "/servers/{id}").answers();
    let server: ServerAnswer = serde_json::from_value(answers[0].clone()).expect("read");
    let instance = convert::instance(server.server);
    assert_eq!(instance.id.as_str(), "42");
    assert_eq!(instance.address, "1.2.3.4".parse().ok());
    assert_eq!((&*instance.region, &*instance.plan), ("fsn1", "cpx22"));
    assert!(instance.created_at.is_some());
    assert_eq!(instance.tag("environment"), Some("prod"));
}

#[test]
fn what_we_send_is_what_the_document_allows() {
    let Some(document) = document() else { return };
    let labels = Labels::from([("vps-docker".to_owned(), String::new())]);
    let body = |body: &dyn erased::Body| body.json();
    let rules = [Rule {
        direction: "in",
        protocol: "tcp",
        port: "22".to_owned(),
        source_ips: vec!["0.0.0.0/0".to_owned(), "::/0".to_owned()],
    }];
    let resource = Resource {
        kind: "server".to_owned(),
        server: Some(ServerId { id: 42 }),
    };
    let sent = [
        ("post", "/servers", order()),
        (
            "put",
            "/servers/{id}",
            body(&UpdateServer {
                name: Some("web"),
                labels: None,
            }),
        ),
        (
            "put",
            "/servers/{id}",
            body(&UpdateServer {
                name: None,
                labels: Some(&labels),
            }),
        ),
        (
            "post",
            "/servers/{id}/actions/create_image",
            body(&CreateImage {
                kind: "snapshot",
                description: "x",
                labels: &labels,
            }),
        ),
        (
            "post",
            "/ssh_keys",
            body(&CreateSshKey {
                name: "x",
                public_key: "ssh-ed25519 AAAA",
                labels: &labels,
            }),
        ),
        (
            "post",
            "/firewalls",
            body(&CreateFirewall {
                name: "x",
                labels: &labels,
                rules: &rules,
                apply_to: std::slice::from_ref(&resource),
            }),
        ),
        (
            "post",
            "/firewalls/{id}/actions/set_rules",
            body(&SetRules { rules: &rules }),
        ),
        (
            "post",
            "/firewalls/{id}/actions/apply_to_resources",
            body(&ApplyTo {
                apply_to: &[resource],
            }),
        ),
    ];
    for (method, path, body) in sent {
        Operation::of(&document, method, path).takes(&body);
    }
}

#[test]
fn an_order_says_all_in_one_call() {
    assert_eq!(
        order(),
        json!({
            "name": "web", "location": "fsn1", "server_type": "cx23", "image": "123",
            "ssh_keys": ["42"], "user_data": "#cloud-config\n", "labels": { "vps-docker": "" }
        })
    );
}

fn order() -> Value {
    let spec = InstanceSpec {
        name: "web".into(),
        region: "fsn1".into(),
        plan: "cx23".into(),
        image: BootImage::Snapshot(vps_docker_core::model::SnapshotId::new("123")),
        user_data: "not this one".into(),
        ssh_keys: vec![SshKeyId::new("42")],
        tags: Tags::from([("vps-docker".into(), String::new())]),
    };
    let labels = convert::labels(&spec.tags).expect("legal");
    serde_json::to_value(client::order(&spec, "#cloud-config\n", &labels)).expect("JSON")
}

/// `serde_json::to_value` of bodies of several types in one list.
mod erased {
    pub(super) trait Body {
        fn json(&self) -> serde_json::Value;
    }

    impl<T: serde::Serialize> Body for T {
        fn json(&self) -> serde_json::Value {
            serde_json::to_value(self).expect("JSON")
        }
    }
}

/// Every place in an answer, as the way to it.
fn places(value: &Value, here: &str, all: &mut Vec<String>) {
    let mut visit = |name: &str, value: &Value| {
        let place = format!("{here}/{}", name.replace('~', "~0").replace('/', "~1"));
        all.push(place.clone());
        places(value, &place, all);
    };
    match value {
        Value::Object(fields) => fields.iter().for_each(|(name, value)| visit(name, value)),
        Value::Array(items) => {
            let numbered = items.iter().enumerate();
            numbered.for_each(|(n, value)| visit(&n.to_string(), value));
        }
        _ => {}
    }
}

/// Damages an answer at one place.
fn damage(answer: &mut Value, place: &str, with: Option<Value>) {
    let (parent, name) = place.rsplit_once('/').expect("a way");
    let name = name.replace("~1", "/").replace("~0", "~");
    match (answer.pointer_mut(parent), with) {
        (Some(Value::Object(fields)), None) => {
            fields.remove(&name);
        }
        (Some(Value::Object(fields)), Some(with)) => {
            fields.insert(name, with);
        }
        (Some(Value::Array(items)), with) => {
            if let Some(item) = name.parse::<usize>().ok().and_then(|n| items.get_mut(n)) {
                *item = with.unwrap_or_default();
            }
        }
        // An earlier damage took it away.
        _ => {}
    }
}

fn is_essential(place: &str) -> bool {
    let names = place
        .split('/')
        .filter(|name| name.parse::<usize>().is_err());
    ESSENTIAL.contains(&&*names.collect::<Vec<_>>().join("/"))
}

fn damages() -> impl Strategy<Value = Vec<(Index, Option<Value>)>> {
    let with = prop_oneof![
        Just(None),
        Just(Some(Value::Null)),
        any::<i64>().prop_map(|n| Some(json!(n))),
        any::<f64>().prop_map(|n| Some(json!(n))),
        any::<String>().prop_map(|text| Some(json!(text))),
        Just(Some(json!([]))),
        Just(Some(json!([null, "a new word", { "id": "x" }]))),
        Just(Some(json!({}))),
        any::<bool>().prop_map(|yes| Some(json!(yes))),
    ];
    proptest::collection::vec((any::<Index>(), with), 1..6)
}

#[test]
fn a_damaged_answer_is_read_unless_something_essential_is_gone() {
    let Some(document) = document() else { return };
    let all: Vec<(Reader, Value)> = OPERATIONS
        .iter()
        .flat_map(|(method, path, reads)| {
            let answers = Operation::of(&document, method, path).answers();
            answers.into_iter().map(|answer| (*reads, answer))
        })
        .collect();
    let config = ProptestConfig::with_cases(2000);
    proptest!(config, |(which: Index, damages in damages())| {
        let (reads, answer) = which.get(&all);
        let mut all_places = Vec::new();
        places(answer, "", &mut all_places);
        let mut damaged = answer.clone();
        let mut essential = false;
        for (place, with) in damages {
            let place = place.get(&all_places);
            essential |= is_essential(place);
            damage(&mut damaged, place, with);
        }
        prop_assert!(reads(&damaged) || essential, "{damaged:#}");
    });
}
