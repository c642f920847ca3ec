//! That answers are read, whatever is missing in them. By hand, as the examples of the document do not
//! keep its own types.

use proptest::prelude::*;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::wire::{
    Answer, Cancelled, DataCenter, Firewall, Image, Listing, Machine, Secret, Snapshot, Status,
};
use crate::{catalog, convert};

/// With all that the document requires of an instance, in its types.
fn whole_machine() -> Value {
    json!({
        "tenantId": "DE", "customerId": "54321", "additionalIps": [],
        "name": "vmd12345", "displayName": "web1 --", "instanceId": 100,
        "dataCenter": "European Union 1", "region": "EU", "regionName": "European Union",
        "productId": "V153", "imageId": "9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d",
        "ipConfig": {
            "v4": {"ip": "203.0.113.7", "netmaskCidr": 19, "gateway": "203.0.113.1"},
            "v6": {"ip": "2001:db8::1", "netmaskCidr": 64, "gateway": "fe80::1"},
        },
        "macAddress": "F2:65:50:F3:63:A1", "ramMb": 8192, "cpuCores": 4, "osType": "Linux",
        "diskMb": 102_400, "sshKeys": [123, 125], "createdDate": "2026-06-03T06:27:12Z",
        "cancelDate": "2026-12-03", "status": "running", "vHostId": 73395, "vHostNumber": 1001,
        "vHostName": "m1000", "addOns": [{"id": 1431, "quantity": 4}], "errorMessage": "",
        "productType": "ssd", "productName": "Cloud VPS 4", "defaultUser": "root",
        "applicationId": "3f184ab8-a600-4e7c-8c9b-3413e21a3752",
    })
}

/// As real answers are.
fn bare_machine() -> Value {
    json!({
        "instanceId": 100, "name": "vmd12345", "displayName": null, "ipConfig": null, "cancelDate": null,
        "applicationId": null, "vHostId": null, "imageId": null, "status": "provisioning",
    })
}

fn answers() -> Vec<(&'static str, Value)> {
    let pagination = json!({"size": 100, "totalElements": 1, "totalPages": 1, "page": 1});
    let listing = |one: Value| json!({"data": [one], "_pagination": pagination, "_links": {}});
    vec![
        ("machine", listing(whole_machine())),
        ("machine", listing(bare_machine())),
        (
            "image",
            listing(json!({
                "imageId": "9b1deb4d", "name": "debian-12", "description": "Debian 12 (Bookworm)",
                "osType": "Linux", "version": "12", "format": "qcow2", "status": "downloaded",
                "errorMessage": "", "standardImage": true, "sizeMb": 400, "tags": [],
            })),
        ),
        (
            "center",
            listing(json!({
                "name": "European Union 1", "slug": "EU1", "capabilities": ["VPS", "Object-Storage"],
                "s3Url": "", "regionName": "European Union", "regionSlug": "EU",
            })),
        ),
        (
            "secret",
            listing(json!({"secretId": 12345.0, "name": "me", "type": "ssh", "createdAt": ""})),
        ),
        (
            "snapshot",
            listing(json!({
                "snapshotId": "snap1628603855", "name": "before", "description": "", "instanceId": 1234,
                "createdDate": "2026-06-02T12:32:03.363Z", "autoDeleteDate": null,
            })),
        ),
        (
            "firewall",
            listing(json!({
                "firewallId": "b943b25a", "name": "My Firewall", "status": "active",
                "instanceStatus": [{"instanceId": 100, "status": "ok"}],
                "instances": [{"instanceId": 100, "displayName": "VPS"}],
                "rules": {"inbound": []},
            })),
        ),
        (
            "cancelled",
            json!({"data": [{"instanceId": 1, "cancelDate": "2026-12-03"}]}),
        ),
    ]
}

/// Reads an answer and does with it what the crate does. Says whether it could be read.
fn read(kind: &str, answer: &Value) -> bool {
    fn listing<T: DeserializeOwned>(answer: &Value) -> Option<Vec<T>> {
        let one: Option<Answer<T>> = serde_json::from_value(answer.clone()).ok();
        let many: Option<Listing<T>> = serde_json::from_value(answer.clone()).ok();
        assert_eq!(one.is_some(), many.is_some());
        many.map(|listing| listing.data)
    }
    match kind {
        "machine" => listing::<Machine>(answer)
            .map(|machines| machines.iter().map(convert::instance).count())
            .is_some(),
        "image" => listing::<Image>(answer)
            .map(|images| catalog::catalog(&[], &images))
            .is_some(),
        "center" => listing::<DataCenter>(answer)
            .map(|centers| catalog::catalog(&centers, &[]))
            .is_some(),
        "secret" => listing::<Secret>(answer).is_some(),
        "snapshot" => listing::<Snapshot>(answer).is_some(),
        "firewall" => listing::<Firewall>(answer).is_some(),
        _ => listing::<Cancelled>(answer).is_some(),
    }
}

/// Nothing works without these. A display name that is no text would hide whose the machine is.
const ESSENTIAL: [&str; 7] = [
    "data",
    "instanceId",
    "displayName",
    "imageId",
    "secretId",
    "snapshotId",
    "firewallId",
];

#[test]
fn whole_and_bare_answers_are_read() {
    for (kind, answer) in answers() {
        assert!(read(kind, &answer), "{kind}");
    }
    let machine: Machine = serde_json::from_value(whole_machine()).expect("a machine");
    let instance = convert::instance(&machine);
    assert_eq!(instance.address.expect("one").to_string(), "203.0.113.7");
    assert_eq!((&*instance.region, &*instance.plan), ("EU", "V153"));
}

#[test]
fn the_document_has_all_fields_and_words_that_are_read() {
    let Some(document) = crate::fake::api_document() else {
        return;
    };
    let schemas = &document["components"]["schemas"];
    for (schema, fields) in [
        (
            "ListInstancesResponseData",
            vec![
                "instanceId",
                "name",
                "displayName",
                "status",
                "errorMessage",
                "productId",
                "region",
                "imageId",
                "ipConfig",
                "createdDate",
                "cancelDate",
            ],
        ),
        ("CancelInstanceResponseData", vec!["cancelDate"]),
        (
            "ListImageResponseData",
            vec!["imageId", "name", "description", "osType", "errorMessage"],
        ),
        (
            "DataCenterResponse",
            vec!["regionSlug", "regionName", "capabilities"],
        ),
        ("SecretResponse", vec!["secretId", "name", "value"]),
        (
            "SnapshotResponse",
            vec!["snapshotId", "name", "description", "createdDate"],
        ),
        (
            "ListFirewallResponseData",
            vec!["firewallId", "name", "instances", "instanceStatus"],
        ),
        (
            "InstanceStatusRepresentation",
            vec!["instanceId", "status", "errorMessage"],
        ),
        ("PaginationMeta", vec!["totalElements", "totalPages"]),
    ] {
        for field in fields {
            let known = schemas[schema]["properties"].get(field);
            assert!(known.is_some(), "{schema} has no {field}");
        }
    }
    let regions = &schemas["CreateInstanceRequest"]["properties"]["region"]["enum"];
    assert_eq!(*regions, json!(crate::create::REGIONS));
    for word in schemas["instanceStatus"]["enum"]
        .as_array()
        .expect("an enum")
    {
        let status: Status = serde_json::from_value(word.clone()).expect("a word");
        let is_vague = word == "unknown" || word == "other";
        assert_eq!(matches!(status, Status::Unknown(_)), is_vague, "{word}");
    }
}

#[test]
fn an_address_may_be_late_empty_or_of_one_family() {
    for (config, expected) in [
        (json!(null), None),
        (json!(""), None),
        (json!([]), None),
        (json!({}), None),
        (json!({"v4": null, "v6": null}), None),
        (json!({"v4": {"ip": ""}}), None),
        (json!({"v4": {"ip": "0.0.0.0"}}), None),
        (
            json!({"v4": [], "v6": {"ip": "2001:db8::1"}}),
            Some("2001:db8::1"),
        ),
        (
            json!({"v4": {"ip": " 203.0.113.7"}, "v6": {"ip": "2001:db8::1"}}),
            Some("203.0.113.7"),
        ),
    ] {
        let mut fields = whole_machine();
        fields["ipConfig"] = config.clone();
        let machine: Machine = serde_json::from_value(fields).expect("a machine");
        assert_eq!(
            machine.address.map(|ip| ip.to_string()).as_deref(),
            expected,
            "{config}"
        );
    }
}

/// Changes one field, somewhere.
fn mutate(value: &mut Value, path: &[prop::sample::Index], change: &Value) -> Option<String> {
    let (index, rest) = path.split_first()?;
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            let key = fields.keys().nth(index.index(fields.len()))?.clone();
            let inner = fields.get_mut(&key)?;
            if rest.is_empty() || !(inner.is_object() || inner.is_array()) {
                match change {
                    Value::Bool(false) => drop(fields.remove(&key)),
                    change => *inner = change.clone(),
                }
                return Some(key);
            }
            mutate(inner, rest, change).or(Some(key))
        }
        Value::Array(items) if !items.is_empty() => {
            let at = index.index(items.len());
            mutate(&mut items[at], rest, change)
        }
        _ => None,
    }
}

proptest! {
    #[test]
    fn a_mutated_answer_breaks_only_what_is_essential(
        which in any::<prop::sample::Index>(),
        path in proptest::collection::vec(any::<prop::sample::Index>(), 1..6),
        change in prop_oneof![
            Just(json!(false)), Just(json!(null)), Just(json!("")), Just(json!("never seen")),
            Just(json!(-1)), Just(json!(1.5)), Just(json!([])), Just(json!({})), Just(json!([{}])),
            Just(json!(u64::MAX)),
        ],
    ) {
        let answers = answers();
        let (kind, mut answer) = answers[which.index(answers.len())].clone();
        let changed = mutate(&mut answer, &path, &change);
        if !read(kind, &answer) {
            let key = changed.expect("something was changed");
            prop_assert!(ESSENTIAL.contains(&key.as_str()), "{key}: {answer}");
        }
    }

    #[test]
    fn no_json_breaks_the_reading(text in r#"\{"data":\[\{"(instanceId|ipConfig|status)":[\[\]\{\}"0-9a-z:,.-]{0,20}\}\]\}"#) {
        if let Ok(answer) = serde_json::from_str::<Value>(&text) {
            for kind in ["machine", "image", "center", "secret", "snapshot", "firewall", "cancelled"] {
                read(kind, &answer);
            }
        }
    }
}
