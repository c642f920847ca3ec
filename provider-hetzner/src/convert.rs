//! From the API's words to ours and back.

use std::net::{IpAddr, Ipv6Addr};

use vps_docker_core::model::{
    Instance, InstanceFilter, InstanceId, InstanceSnapshot, InstanceState, SnapshotId, Tags,
    Timestamp,
};
use vps_docker_core::{Error, ErrorKind, Result};

use crate::wire::{Image, Labels, PublicNet, Server, ServerStatus};

/// The API's id of an instance.
///
/// # Errors
/// [`ErrorKind::NotFound`] for what cannot be one: there is no such instance.
pub(crate) fn server_id(id: &InstanceId) -> Result<u64> {
    number(id.as_str()).ok_or_else(|| {
        Error::new(
            ErrorKind::NotFound,
            "Hetzner knows no such server: its ids are numbers",
        )
        .with_instance(id)
    })
}

/// An id of the API's, as it writes them.
pub(crate) fn number(text: &str) -> Option<u64> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
    text.parse().ok().filter(|_| is_plain)
}

/// What the API tells of a server.
pub(crate) fn instance(server: Server) -> Instance {
    let (state, note) = state(&server.status);
    let id = InstanceId::new(server.id.to_string());
    let mut instance = Instance::new(id, server.name, state);
    let at_datacenter = server.datacenter.and_then(|datacenter| datacenter.location);
    let named = |named: crate::wire::Named| named.name;
    instance.region = server
        .location
        .or(at_datacenter)
        .map(named)
        .unwrap_or_default();
    instance.plan = server.server_type.map(named).unwrap_or_default();
    instance.address = address(&server.public_net);
    instance.created_at = server.created.and_then(|text| text.parse().ok());
    instance.tags = server.labels;
    instance.note = note
        .map(str::to_owned)
        .or_else(|| blocked(&server.public_net));
    instance
}

fn state(status: &ServerStatus) -> (InstanceState, Option<&'static str>) {
    match status {
        // A server that is stopping is powered on until it is off.
        ServerStatus::Running | ServerStatus::Stopping => (InstanceState::Running, None),
        ServerStatus::Initializing | ServerStatus::Starting => (InstanceState::Provisioning, None),
        ServerStatus::Off => (InstanceState::Stopped, None),
        ServerStatus::Deleting => (InstanceState::Destroying, None),
        ServerStatus::Migrating => (
            InstanceState::Provisioning,
            Some("Hetzner moves it to another machine"),
        ),
        ServerStatus::Rebuilding => (
            InstanceState::Provisioning,
            Some("Hetzner writes its disk anew, as somebody asked for"),
        ),
        ServerStatus::Unknown(word) => (InstanceState::Unknown(word.clone()), None),
    }
}

/// The public IPv4 address; without one, the first address of the IPv6 network, which Hetzner's
/// images give themselves.
fn address(net: &PublicNet) -> Option<IpAddr> {
    let v4 = net.ipv4.as_ref().and_then(|v4| v4.ip.parse().ok());
    let v6 = || {
        let network = net.ipv6.as_ref()?.ip.split('/').next()?;
        let network = u128::from(network.parse::<Ipv6Addr>().ok()?);
        Some(IpAddr::V6(Ipv6Addr::from(network | 1)))
    };
    v4.map(IpAddr::V4).or_else(v6)
}

fn blocked(net: &PublicNet) -> Option<String> {
    let is_blocked = net
        .ipv4
        .iter()
        .chain(&net.ipv6)
        .any(|address| address.blocked);
    is_blocked.then(|| "Hetzner's abuse department has blocked an address of it".to_owned())
}

/// Tags as labels. Ours fit as they are, so nothing is encoded:
/// <https://docs.hetzner.cloud/reference/cloud#labels>.
///
/// # Errors
/// [`ErrorKind::Invalid`] for a tag that is no label.
pub(crate) fn labels(tags: &Tags) -> Result<Labels> {
    for (key, value) in tags {
        if !is_label_key(key) {
            return Err(Error::new(
                ErrorKind::Invalid,
                format!(
                    "the tag {key:?} is no label of Hetzner's; use up to 63 of a-z, A-Z, 0-9, '-', \
                     '_' and '.', with a letter or digit at both ends, after a DNS name and '/' if \
                     one is wanted, which is not hetzner.cloud"
                ),
            ));
        }
        if !is_label_value(value) {
            return Err(Error::new(
                ErrorKind::Invalid,
                format!(
                    "the value {value:?} of the tag {key:?} is none of Hetzner's; use up to 63 of \
                     a-z, A-Z, 0-9, '-', '_' and '.', with a letter or digit at both ends, or nothing"
                ),
            ));
        }
    }
    Ok(tags.clone())
}

/// What makes the API filter, where the filter can be said in its language:
/// <https://docs.hetzner.cloud/reference/cloud#label-selector>. It lets through all that the filter
/// does, and perhaps more.
pub(crate) fn selector(filter: &InstanceFilter) -> Option<String> {
    let (key, value) = filter.tag.as_ref()?;
    if !is_label_key(key) {
        return None;
    }
    match value {
        // How an empty value is written is not told; having the key is the nearest that is.
        Some(value) if !value.is_empty() => {
            is_label_value(value).then(|| format!("{key}=={value}"))
        }
        _ => Some(key.clone()),
    }
}

fn is_label_key(key: &str) -> bool {
    let (prefix, name) = match key.split_once('/') {
        Some((prefix, name)) => (Some(prefix), name),
        None => (None, key),
    };
    let is_prefix = |prefix: &str| {
        prefix.len() <= 253
            && prefix != "hetzner.cloud"
            && prefix.split('.').all(|label| {
                (1..=63).contains(&label.len())
                    && label
                        .bytes()
                        .all(|b| b.is_ascii_alphanumeric() || b == b'-')
                    && !label.starts_with('-')
                    && !label.ends_with('-')
            })
    };
    prefix.is_none_or(is_prefix) && !name.is_empty() && is_label_value(name)
}

fn is_label_value(text: &str) -> bool {
    let at_end = |c: char| c.is_ascii_alphanumeric();
    text.len() <= 63
        && text.chars().all(|c| at_end(c) || "-_.".contains(c))
        && (text.is_empty() || text.starts_with(at_end) && text.ends_with(at_end))
}

/// What the API tells of a snapshot. Its name there is the description.
pub(crate) fn snapshot(image: Image) -> InstanceSnapshot {
    let id = SnapshotId::new(image.id.to_string());
    let mut snapshot = InstanceSnapshot::new(id, image.description);
    snapshot.instance_id = image
        .created_from
        .map(|server| InstanceId::new(server.id.to_string()));
    snapshot.created_at = image
        .created
        .and_then(|text| text.parse::<Timestamp>().ok());
    snapshot.size_bytes = image.image_size.map(|gb| whole(gb * 1e9));
    snapshot.min_disk_gib = image.disk_size.map(|gb| whole(gb.ceil()));
    snapshot
}

/// A size as a whole number; casts of floats saturate, and what is no number is 0.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
pub(crate) fn whole(size: f64) -> u64 {
    size.round() as u64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};
    use vps_docker_core::model::{HostId, HostName, HostTags, OwnerId};

    use super::*;

    fn read(server: Value) -> Instance {
        instance(serde_json::from_value(server).expect("a server"))
    }

    #[test]
    fn a_server_is_an_instance() {
        let instance = read(json!({
            "id": 42, "name": "web", "status": "running", "created": "2026-01-30T23:50:00+00:00",
            "public_net": { "ipv4": { "ip": "192.0.2.1" }, "ipv6": { "ip": "2001:db8::/64" } },
            "server_type": { "name": "cx23" }, "location": { "name": "fsn1" },
            "labels": { "vps-docker": "", "other": "x" }, "what_is_new": {}
        }));
        assert_eq!(instance.id.as_str(), "42");
        assert_eq!(instance.state, InstanceState::Running);
        assert_eq!(instance.address, "192.0.2.1".parse().ok());
        assert_eq!((&*instance.region, &*instance.plan), ("fsn1", "cx23"));
        assert_eq!(instance.tag("vps-docker"), Some(""));
        assert_eq!(instance.tag("other"), Some("x"));
        let created = instance.created_at.expect("told");
        assert_eq!(created.to_string(), "2026-01-30T23:50:00Z");
        assert_eq!(instance.note, None);
    }

    #[test]
    fn the_location_is_read_from_old_answers_too() {
        let old = json!({ "id": 1, "datacenter": { "location": { "name": "hel1" } } });
        assert_eq!(read(old).region, "hel1");
        let without = json!({ "id": 1, "datacenter": null, "location": 3 });
        assert_eq!(read(without).region, "");
    }

    #[test]
    fn without_ipv4_the_first_address_of_the_ipv6_network_is_taken() {
        for (net, address) in [
            (
                json!({ "ipv4": null, "ipv6": { "ip": "2001:db8::/64" } }),
                "2001:db8::1",
            ),
            (
                json!({ "ipv6": { "ip": "2001:db8:1:2::1" } }),
                "2001:db8:1:2::1",
            ),
        ] {
            let instance = read(json!({ "id": 1, "public_net": net }));
            assert_eq!(instance.address, Some(address.parse().expect("an address")));
        }
        for net in [
            json!({}),
            json!(null),
            json!({ "ipv4": { "ip": "" }, "ipv6": { "ip": "x/64" } }),
        ] {
            assert_eq!(read(json!({ "id": 1, "public_net": net })).address, None);
        }
    }

    #[test]
    fn every_status_has_a_state() {
        for (status, state) in [
            ("running", InstanceState::Running),
            ("stopping", InstanceState::Running),
            ("initializing", InstanceState::Provisioning),
            ("starting", InstanceState::Provisioning),
            ("off", InstanceState::Stopped),
            ("deleting", InstanceState::Destroying),
            ("migrating", InstanceState::Provisioning),
            ("rebuilding", InstanceState::Provisioning),
            ("unknown", InstanceState::Unknown("unknown".into())),
            ("hibernating", InstanceState::Unknown("hibernating".into())),
        ] {
            assert_eq!(read(json!({ "id": 1, "status": status })).state, state);
        }
        let none = read(json!({ "id": 1, "status": 7 })).state;
        assert_eq!(none, InstanceState::Unknown(String::new()));
    }

    #[test]
    fn a_blocked_address_is_told() {
        let net = json!({ "ipv4": { "ip": "192.0.2.1", "blocked": true } });
        let note = read(json!({ "id": 1, "public_net": net })).note;
        assert!(note.expect("told").contains("abuse"));
    }

    #[test]
    fn an_id_that_is_none_of_hetzners_is_not_found() {
        assert_eq!(server_id(&InstanceId::new("42")).expect("an id"), 42);
        for id in [
            "",
            "0",
            "042",
            "+1",
            "-1",
            "1.0",
            "web",
            "4 2",
            "99999999999999999999",
        ] {
            let error = server_id(&InstanceId::new(id)).expect_err(id);
            assert_eq!(error.kind(), ErrorKind::NotFound);
        }
    }

    #[test]
    fn labels_that_are_none_are_refused() {
        let long = "x".repeat(64);
        for key in [
            "",
            "a b",
            "-a",
            "a-",
            "a,b",
            "a=b",
            "!a",
            "ä",
            "a/b/c",
            "/a",
            "a/",
            "-x/a",
            &long,
            "hetzner.cloud/a",
        ] {
            let tags = Tags::from([(key.to_owned(), String::new())]);
            let error = labels(&tags).expect_err(key);
            assert_eq!(error.kind(), ErrorKind::Invalid);
        }
        for value in ["a b", "2026-01-01T00:00:00Z", "a_", ".", "ä", &long] {
            let tags = Tags::from([("key".to_owned(), value.to_owned())]);
            let error = labels(&tags).expect_err(value);
            assert!(error.to_string().contains("63"), "{error}");
        }
        let good = [
            ("example.com/my", "label"),
            ("a", ""),
            ("A.b-c_9", "1.2_x-Y"),
        ];
        let good: Tags = good.map(|(k, v)| (k.to_owned(), v.to_owned())).into();
        assert_eq!(labels(&good).expect("legal"), good);
    }

    #[test]
    fn a_filter_is_said_in_the_apis_language_or_not_at_all() {
        let said = |filter: InstanceFilter| selector(&filter);
        assert_eq!(said(InstanceFilter::default()), None);
        assert_eq!(
            said(InstanceFilter::with_tag("vps-docker")),
            Some("vps-docker".into())
        );
        assert_eq!(said(InstanceFilter::tagged("a", "b")), Some("a==b".into()));
        assert_eq!(said(InstanceFilter::tagged("a", "")), Some("a".into()));
        for (key, value) in [("a,!b", "c"), ("a", "b,c"), ("!a", "b"), ("a", "b)")] {
            assert_eq!(said(InstanceFilter::tagged(key, value)), None);
        }
    }

    #[test]
    fn a_snapshot_is_named_by_its_description() {
        let image = json!({
            "id": 7, "description": "vps-docker-x", "image_size": 2.3, "disk_size": 40,
            "created": "2026-01-30T23:50:00Z", "created_from": { "id": 42, "name": "web" }
        });
        let snapshot = snapshot(serde_json::from_value(image).expect("an image"));
        assert_eq!(
            (snapshot.id.as_str(), &*snapshot.name),
            ("7", "vps-docker-x")
        );
        assert_eq!(snapshot.instance_id, Some(InstanceId::new("42")));
        assert_eq!(snapshot.size_bytes, Some(2_300_000_000));
        assert_eq!(snapshot.min_disk_gib, Some(40));
    }

    proptest! {
        #[test]
        fn host_tags_survive_the_way_there_and_back(
            name in "[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", expires in proptest::option::of(0_i64..4e9 as i64),
            ready in proptest::bool::ANY,
            pin in proptest::option::of("[a-z2-7]{52}"),
            next_pin in proptest::option::of("[a-z2-7]{52}"),
        ) {
            let tags = HostTags {
                host_id: HostId::random(),
                name: HostName::new(name).expect("legal"),
                owner: OwnerId::random(),
                expires: expires.and_then(Timestamp::from_unix_seconds),
                ready: ready && expires.is_some(),
                pin,
                next_pin,
            };
            let sent = labels(&tags.to_tags()).expect("ours fit");
            let instance = read(json!({ "id": 1, "labels": sent }));
            prop_assert_eq!(&instance.tags, &tags.to_tags());
            prop_assert_eq!(HostTags::from_tags(&instance.tags).expect("ours"), tags);
        }

        #[test]
        fn hostile_tags_come_through_or_are_refused(
            tags in proptest::collection::btree_map("\\PC{0,4}|[a-zA-Z0-9._/-]{0,9}", "\\PC{0,4}|[a-z0-9._-]{0,9}", 0..3)
        ) {
            if let Ok(sent) = labels(&tags) {
                prop_assert_eq!(&read(json!({ "id": 1, "labels": &sent })).tags, &tags);
                let legal = |c: char| c.is_ascii_alphanumeric() || "-_./".contains(c);
                prop_assert!(sent.iter().all(|(k, v)| k.chars().chain(v.chars()).all(legal)));
            }
            // What others have set is read as it is.
            prop_assert_eq!(&read(json!({ "id": 1, "labels": &tags })).tags, &tags);
        }

        #[test]
        fn a_selector_never_says_more_than_its_filter(
            key in "[a-z,!=()/ -]{0,5}|\\PC{0,9}", value in "[a-z,!=() -]{0,5}|\\PC{0,9}"
        ) {
            if let Some(selector) = selector(&InstanceFilter::tagged(key, value)) {
                let legal = |c: char| c.is_ascii_alphanumeric() || "-_./=".contains(c);
                prop_assert!(selector.chars().all(legal));
            }
        }
    }
}
