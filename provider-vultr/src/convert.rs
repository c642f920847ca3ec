//! Between Vultr's words and ours.

use std::net::{IpAddr, Ipv4Addr};

use data_encoding::BASE64;
use secrecy::ExposeSecret;
use vps_docker_core::model::{
    BootImage, Instance, InstanceId, InstanceSnapshot, InstanceSpec, InstanceState, SnapshotId,
};
use vps_docker_core::{Error, ErrorKind, Result};

use crate::tags::{decode_tags, encode_tags};
use crate::wire::{self, NewInstance, PowerStatus, SnapshotStatus, Status};

/// Most bytes of user data. Vultr states no limit; this is what the strictest of the clouds takes.
pub(crate) const USER_DATA_LIMIT: usize = 32 << 10;

/// An order, checked as far as can be done here.
pub(crate) fn new_instance(spec: &InstanceSpec) -> Result<NewInstance> {
    for (what, text) in [
        ("name", &spec.name),
        ("region", &spec.region),
        ("plan", &spec.plan),
    ] {
        if text.is_empty() {
            return Err(invalid(format!("an instance needs a {what}")));
        }
    }
    let user_data = spec.user_data.expose_secret();
    if user_data.len() > USER_DATA_LIMIT {
        return Err(invalid(format!(
            "the user data has {} bytes; at most {USER_DATA_LIMIT} are sent to Vultr",
            user_data.len()
        )));
    }
    let (os_id, snapshot_id) = match &spec.image {
        BootImage::Catalog(id) => (Some(os_id(id)?), None),
        BootImage::Snapshot(id) => (None, Some(id.as_str().to_owned())),
    };
    Ok(NewInstance {
        region: spec.region.clone(),
        plan: spec.plan.clone(),
        os_id,
        snapshot_id,
        label: spec.name.clone(),
        hostname: spec.name.clone(),
        sshkey_id: spec.ssh_keys.iter().map(ToString::to_string).collect(),
        user_data: BASE64.encode(user_data.as_bytes()),
        tags: encode_tags(&spec.tags)?,
        activation_email: false,
        backups: "disabled",
        enable_ipv6: is_ipv6_only(&spec.plan).then_some(true),
    })
}

fn os_id(text: &str) -> Result<u64> {
    text.parse().map_err(|_| {
        invalid(format!(
            "the image {text:?} is none of Vultr's, which are numbers such as 2136; the catalogue \
             lists them"
        ))
    })
}

/// Whether instances of a plan have no public IPv4 address. Nothing but the name tells.
pub(crate) fn is_ipv6_only(plan: &str) -> bool {
    plan.ends_with("-v6")
}

/// An instance in our words.
pub(crate) fn instance(wire: &wire::Instance) -> Instance {
    let state = state(&wire.status, &wire.power_status);
    let mut instance = Instance::new(InstanceId::new(wire.id.as_str()), &wire.label, state);
    instance.address = address(wire);
    instance.region.clone_from(&wire.region);
    instance.plan.clone_from(&wire.plan);
    instance.tags = decode_tags(wire.tags.as_deref().unwrap_or_default());
    instance.created_at = wire.date_created.parse().ok();
    instance.note = note(wire).map(str::to_owned);
    instance
}

/// Of Vultr's three words two count. The third, `server_status`, is often never `ok`. Power of an
/// instance that was made of a snapshot may be untold: being active is enough then.
pub(crate) fn state(status: &Status, power: &PowerStatus) -> InstanceState {
    match (status, power) {
        (Status::Pending | Status::Installing | Status::Resizing, _) => InstanceState::Provisioning,
        (Status::Suspended, _) => InstanceState::AwaitsPerson,
        (Status::Active, PowerStatus::Running) => InstanceState::Running,
        (Status::Active, PowerStatus::Stopped) => InstanceState::Stopped,
        (Status::Active, PowerStatus::Unknown(word)) if word.is_empty() => InstanceState::Running,
        (Status::Active, PowerStatus::Unknown(word)) | (Status::Unknown(word), _) => {
            InstanceState::Unknown(word.clone())
        }
    }
}

fn note(wire: &wire::Instance) -> Option<&'static str> {
    match wire.status {
        Status::Suspended => Some(
            "suspended by Vultr; see the notices and the bills at https://my.vultr.com, or ask its \
             support",
        ),
        Status::Resizing => Some("being moved to another plan"),
        _ if wire.server_status == "locked" => Some("locked by work of Vultr's own"),
        _ => None,
    }
}

/// The public address. `0.0.0.0` and nothing mean that there is none yet, and one out of
/// 100.64.0.0/10 is that of an IPv6-only instance behind Vultr's own translation.
fn address(wire: &wire::Instance) -> Option<IpAddr> {
    let v4: Option<Ipv4Addr> = wire.main_ip.parse().ok();
    let is_shared = |v4: Ipv4Addr| v4.octets()[0] == 100 && v4.octets()[1] & 0xc0 == 64;
    if let Some(v4) = v4.filter(|v4| !v4.is_unspecified() && !is_shared(*v4)) {
        return Some(v4.into());
    }
    let texts = [&wire.main_ip, &wire.v6_main_ip];
    let mut v6 = texts
        .into_iter()
        .filter_map(|text| text.parse::<IpAddr>().ok());
    v6.find(|address| address.is_ipv6() && !address.is_unspecified())
}

/// A snapshot in our words; `None` of one that is deleted.
pub(crate) fn snapshot(wire: &wire::Snapshot) -> Option<InstanceSnapshot> {
    if wire.status == SnapshotStatus::Deleted {
        return None;
    }
    let id = SnapshotId::new(wire.id.as_str());
    let mut snapshot = InstanceSnapshot::new(id, &wire.description);
    snapshot.created_at = wire.date_created.parse().ok();
    snapshot.size_bytes = [wire.compressed_size, wire.size]
        .into_iter()
        .find(|size| *size > 0);
    // The size is that of the disk it was made of.
    snapshot.min_disk_gib = (wire.size > 0).then(|| wire.size.div_ceil(1 << 30));
    Some(snapshot)
}

fn invalid(message: String) -> Error {
    Error::new(ErrorKind::Invalid, message)
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use vps_docker_core::model::{SshKeyId, Tags, Timestamp};

    use super::*;

    fn wire(value: serde_json::Value) -> wire::Instance {
        serde_json::from_value(value).expect("an instance")
    }

    fn spec() -> InstanceSpec {
        InstanceSpec {
            name: "web".into(),
            region: "fra".into(),
            plan: "vc2-1c-2gb".into(),
            image: BootImage::Catalog("2136".into()),
            user_data: "#cloud-config\n".into(),
            ssh_keys: vec![SshKeyId::new("cb676a46-66fd-4dfb-b839-443f2e6c0b60")],
            tags: Tags::from([
                ("vps-docker".into(), String::new()),
                ("vps-docker-name".into(), "web".into()),
            ]),
        }
    }

    #[test]
    fn an_order_is_what_the_document_says() {
        let order = serde_json::to_value(new_instance(&spec()).expect("legal")).expect("JSON");
        assert_eq!(
            order,
            json!({
                "region": "fra",
                "plan": "vc2-1c-2gb",
                "os_id": 2136,
                "label": "web",
                "hostname": "web",
                "sshkey_id": ["cb676a46-66fd-4dfb-b839-443f2e6c0b60"],
                "user_data": "I2Nsb3VkLWNvbmZpZwo=",
                "tags": ["vps-docker", "vps-docker-name:web"],
                "activation_email": false,
                "backups": "disabled",
            })
        );
    }

    #[test]
    fn an_order_of_a_snapshot_names_no_operating_system() {
        let mut spec = spec();
        spec.image = BootImage::Snapshot(SnapshotId::new("5359435d-28b9-5e4d-8b06-2a3b4c5d6e7f"));
        spec.plan = "vc2-1c-0.5gb-v6".into();
        let order = serde_json::to_value(new_instance(&spec).expect("legal")).expect("JSON");
        assert_eq!(order["snapshot_id"], "5359435d-28b9-5e4d-8b06-2a3b4c5d6e7f");
        assert_eq!(order.get("os_id"), None);
        assert_eq!(order["enable_ipv6"], true);
    }

    type Change = fn(&mut InstanceSpec);

    #[test]
    fn an_unfit_order_is_refused_before_anything_is_sent() {
        let cases: [(Change, &str); 5] = [
            (|spec| spec.name.clear(), "name"),
            (|spec| spec.plan.clear(), "plan"),
            (
                |spec| spec.image = BootImage::Catalog("debian-12".into()),
                "numbers such as",
            ),
            (
                |spec| spec.user_data = "x".repeat(USER_DATA_LIMIT + 1).into(),
                "32769 bytes",
            ),
            (
                |spec| drop(spec.tags.insert("a:b".into(), "c".into())),
                "key without ':'",
            ),
        ];
        for (change, hint) in cases {
            let mut spec = spec();
            change(&mut spec);
            let error = new_instance(&spec).map(drop).expect_err(hint);
            assert_eq!(error.kind(), ErrorKind::Invalid);
            assert!(error.to_string().contains(hint), "{error}");
        }
        let mut spec = spec();
        spec.user_data = "x".repeat(USER_DATA_LIMIT).into();
        new_instance(&spec)
            .map(drop)
            .expect("the limit itself is legal");
    }

    #[test]
    fn three_words_make_one_state() {
        for (status, power, server, state) in [
            ("pending", "running", "none", InstanceState::Provisioning),
            ("installing", "stopped", "none", InstanceState::Provisioning),
            (
                "active",
                "running",
                "installingbooting",
                InstanceState::Running,
            ),
            ("active", "running", "ok", InstanceState::Running),
            ("active", "", "none", InstanceState::Running),
            ("active", "stopped", "ok", InstanceState::Stopped),
            ("resizing", "stopped", "locked", InstanceState::Provisioning),
            ("suspended", "stopped", "ok", InstanceState::AwaitsPerson),
            (
                "active",
                "paused",
                "ok",
                InstanceState::Unknown("paused".into()),
            ),
            (
                "melting",
                "running",
                "ok",
                InstanceState::Unknown("melting".into()),
            ),
        ] {
            let wire = wire(json!({
                "id": "x", "status": status, "power_status": power, "server_status": server,
            }));
            assert_eq!(instance(&wire).state, state, "{status} {power} {server}");
        }
        let suspended = instance(&wire(json!({"id": "x", "status": "suspended"})));
        assert!(
            suspended
                .note
                .expect("for a person")
                .contains("my.vultr.com")
        );
    }

    #[test]
    fn an_address_that_is_none_yet_is_none() {
        for (v4, v6, address) in [
            ("192.0.2.123", "2001:db8::1", Some("192.0.2.123")),
            ("0.0.0.0", "", None),
            ("", "", None),
            ("soon", "::", None),
            ("100.68.94.239", "2001:db8::1", Some("2001:db8::1")),
            ("100.68.94.239", "", None),
            ("100.128.0.1", "", Some("100.128.0.1")),
            ("2001:db8::2", "", Some("2001:db8::2")),
        ] {
            let wire = wire(json!({"id": "x", "main_ip": v4, "v6_main_ip": v6}));
            let expected = address.map(|text| text.parse().expect("an address"));
            assert_eq!(instance(&wire).address, expected, "{v4} {v6}");
        }
    }

    #[test]
    fn a_snapshot_says_what_disk_it_needs_and_a_deleted_one_is_gone() {
        let read = |value| snapshot(&serde_json::from_value(value).expect("a snapshot"));
        let whole = read(json!({
            "id": "s", "description": "nightly", "status": "complete",
            "size": 42_949_672_960_u64, "compressed_size": 949_678_560,
            "date_created": "2020-10-10T01:56:20+00:00",
        }))
        .expect("there");
        assert_eq!(whole.name, "nightly");
        assert_eq!(whole.min_disk_gib, Some(40));
        assert_eq!(whole.size_bytes, Some(949_678_560));
        assert_eq!(
            whole.created_at.map(Timestamp::unix_seconds),
            Some(1_602_294_980)
        );
        let pending = read(json!({"id": "s", "status": "pending", "size": 0})).expect("there");
        assert_eq!((pending.size_bytes, pending.min_disk_gib), (None, None));
        assert_eq!(read(json!({"id": "s", "status": "deleted"})), None);
    }
}
