//! Between the API's words and ours: droplets, tags, snapshots, orders.

use std::collections::BTreeSet;
use std::net::IpAddr;

use secrecy::ExposeSecret as _;
use vps_docker_core::model::{
    BootImage, Instance, InstanceId, InstanceSnapshot, InstanceSpec, InstanceState, SnapshotId,
    Tags,
};
use vps_docker_core::{Error, ErrorKind, Result};

use crate::wire::{CreateDroplet, Droplet, DropletStatus, Networks, NumberOrText, Snapshot};

/// Most bytes of `user_data`.
pub(crate) const USER_DATA_LIMIT: usize = 64 << 10;

/// A droplet as an instance. A droplet of which the tags are not told has none here.
pub(crate) fn instance(droplet: &Droplet) -> Instance {
    let id = InstanceId::new(droplet.id.to_string());
    let state = match &droplet.status {
        DropletStatus::New => InstanceState::Provisioning,
        DropletStatus::Active => InstanceState::Running,
        DropletStatus::Off => InstanceState::Stopped,
        DropletStatus::Unknown(word) => InstanceState::Unknown(word.clone()),
    };
    let mut instance = Instance::new(id, &droplet.name, state);
    instance.address = public_address(&droplet.networks);
    instance.region = droplet
        .region
        .as_ref()
        .map_or_else(String::new, |region| region.slug.clone());
    instance.plan.clone_from(&droplet.size_slug);
    instance.tags = decode_tags(droplet.tags.as_deref().unwrap_or_default());
    instance.created_at = droplet.created_at;
    instance
}

/// By type, for the order is not promised.
fn public_address(networks: &Networks) -> Option<IpAddr> {
    let mut all = networks.v4.iter().chain(&networks.v6);
    all.find(|network| network.kind == "public" && !network.ip_address.is_unspecified())
        .map(|network| network.ip_address)
}

/// A snapshot; `droplet` is the one it was made of, where the answer does not say.
pub(crate) fn snapshot(snapshot: Snapshot, droplet: Option<u64>) -> InstanceSnapshot {
    let id = SnapshotId::new(snapshot.id.as_str());
    let mut converted = InstanceSnapshot::new(id, snapshot.name);
    let told = snapshot.resource_id.map(|id| id.to_string());
    let droplet = told.or(droplet.map(|id| id.to_string()));
    converted.instance_id = droplet.map(InstanceId::new);
    converted.created_at = snapshot.created_at;
    converted.size_bytes = snapshot.size_gigabytes.and_then(bytes);
    converted.regions = snapshot.regions;
    converted.min_disk_gib = snapshot.min_disk_size;
    converted
}

fn bytes(gib: f64) -> Option<u64> {
    let bytes = gib * f64::from(1 << 30);
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    (bytes.is_finite() && bytes >= 0.0).then_some(bytes as u64)
}

/// The order of a droplet. Whatever the API would refuse is refused here, where nothing was sent.
///
/// # Errors
/// [`ErrorKind::Invalid`] for a name, a tag or `user_data` that does not fit; [`ErrorKind::NotFound`]
/// for a snapshot that is none.
pub(crate) fn order(spec: &InstanceSpec) -> Result<CreateDroplet<'_>> {
    check_name(&spec.name)?;
    let user_data = spec.user_data.expose_secret();
    if user_data.len() > USER_DATA_LIMIT {
        return Err(invalid(format!(
            "user_data has {} bytes and DigitalOcean takes {USER_DATA_LIMIT}; make it shorter",
            user_data.len()
        )));
    }
    let image = match &spec.image {
        BootImage::Catalog(id) => NumberOrText::from(id.as_str()),
        BootImage::Snapshot(id) => match NumberOrText::from(id.as_str()) {
            NumberOrText::Text(_) => {
                return Err(Error::new(
                    ErrorKind::NotFound,
                    format!(
                        "there is no snapshot {:?}: the id of one is a number",
                        id.as_str()
                    ),
                ));
            }
            number => number,
        },
    };
    Ok(CreateDroplet {
        name: &spec.name,
        region: &spec.region,
        size: &spec.plan,
        image,
        ssh_keys: spec.ssh_keys.iter().map(|id| id.as_str().into()).collect(),
        tags: encode_tags(&spec.tags)?.into_iter().collect(),
        user_data,
        backups: false,
        monitoring: false,
        ipv6: false,
    })
}

/// The names that the API takes: letters, digits, `-` and `.`, with a letter or digit at the end.
///
/// # Errors
/// [`ErrorKind::Invalid`] for any other.
pub(crate) fn check_name(name: &str) -> Result<()> {
    let legal = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
    let ends_well = name.ends_with(|c: char| c.is_ascii_alphanumeric());
    if ends_well && name.len() <= 255 && name.chars().all(legal) {
        return Ok(());
    }
    Err(invalid(format!(
        "DigitalOcean takes no droplet named {name:?}; use 1 to 255 letters, digits, '-' and '.', with a \
         letter or digit at the end"
    )))
}

/// Most characters of a tag.
const TAG_LIMIT: usize = 255;

/// A tag as the API has it: `key:value`, or the key alone where the value is empty.
///
/// # Errors
/// [`ErrorKind::Invalid`] for characters that the API has not, and for what could not be read back.
pub(crate) fn encode_tag(key: &str, value: &str) -> Result<String> {
    let tag = match value {
        "" => key.to_owned(),
        _ => format!("{key}:{value}"),
    };
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | ':');
    let fits = !key.is_empty() && tag.len() <= TAG_LIMIT && tag.chars().all(legal);
    if fits && (value.is_empty() || !key.contains(':')) {
        return Ok(tag);
    }
    Err(invalid(format!(
        "the tag {key:?} with the value {value:?} does not fit DigitalOcean; use letters, digits, '_' and \
         '-' (in a value also ':'), {TAG_LIMIT} characters in all"
    )))
}

/// All tags as the API has them.
///
/// # Errors
/// Those of [`encode_tag`].
pub(crate) fn encode_tags(tags: &Tags) -> Result<BTreeSet<String>> {
    tags.iter()
        .map(|(key, value)| encode_tag(key, value))
        .collect()
}

/// Reads tags back. Nothing is lost: what would be a key's second value, or is no key with a value, is a
/// plain tag as it stands.
pub(crate) fn decode_tags(tags: &[String]) -> Tags {
    let sorted: BTreeSet<&String> = tags.iter().collect();
    let mut decoded = Tags::new();
    for tag in sorted {
        match tag.split_once(':') {
            Some((key, value))
                if !key.is_empty() && !value.is_empty() && !decoded.contains_key(key) =>
            {
                decoded.insert(key.to_owned(), value.to_owned());
            }
            _ => {
                decoded.insert(tag.clone(), String::new());
            }
        }
    }
    decoded
}

fn invalid(message: String) -> Error {
    Error::new(ErrorKind::Invalid, message)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;
    use serde_json::json;
    use vps_docker_core::model::{HostId, HostName, HostTags, OwnerId, SshKeyId};

    use super::*;

    fn host_tags() -> Tags {
        let name = HostName::new("web-1").expect("legal");
        let lifetime = Duration::from_secs(600);
        let mut tags = HostTags::unfinished(HostId::random(), name, OwnerId::random(), lifetime);
        tags.pin = Some("a".repeat(52));
        tags.to_tags()
    }

    fn spec() -> InstanceSpec {
        InstanceSpec {
            name: "web-1".to_owned(),
            region: "fra1".to_owned(),
            plan: "s-1vcpu-2gb".to_owned(),
            image: BootImage::Catalog("debian-13-x64".to_owned()),
            user_data: "#cloud-config\n".to_owned().into(),
            ssh_keys: vec![SshKeyId::new("512190")],
            tags: Tags::from([
                ("vps-docker".to_owned(), String::new()),
                ("vps-docker-name".to_owned(), "web-1".to_owned()),
            ]),
        }
    }

    #[test]
    fn an_order_is_one_call_with_everything_in_it() {
        let spec = spec();
        let body = serde_json::to_value(order(&spec).expect("it fits")).expect("JSON");
        let expected = json!({
            "name": "web-1",
            "region": "fra1",
            "size": "s-1vcpu-2gb",
            "image": "debian-13-x64",
            "ssh_keys": [512_190],
            "tags": ["vps-docker", "vps-docker-name:web-1"],
            "user_data": "#cloud-config\n",
            "backups": false,
            "monitoring": false,
            "ipv6": false,
        });
        assert_eq!(body, expected);
    }

    #[test]
    fn an_order_of_a_snapshot_names_its_number() {
        let mut spec = spec();
        spec.image = BootImage::Snapshot(SnapshotId::new("6372321"));
        let body = serde_json::to_value(order(&spec).expect("it fits")).expect("JSON");
        assert_eq!(body["image"], json!(6_372_321));
        spec.image = BootImage::Snapshot(SnapshotId::new("fbe805e8-866b-11e6-96bf-000f53315a41"));
        let error = order(&spec).err().expect("a snapshot of a volume");
        assert_eq!(error.kind(), ErrorKind::NotFound);
    }

    #[test]
    fn what_does_not_fit_is_refused_before_anything_is_sent() {
        let cases: [fn(&mut InstanceSpec); 4] = [
            |spec| spec.name = "web_1".to_owned(),
            |spec| spec.name = "web-".to_owned(),
            |spec| drop(spec.tags.insert("team".to_owned(), "a.b".to_owned())),
            |spec| spec.user_data = "x".repeat(USER_DATA_LIMIT + 1).into(),
        ];
        for spoil in cases {
            let mut spec = spec();
            spoil(&mut spec);
            let error = order(&spec).err().expect("it does not fit");
            assert_eq!(error.kind(), ErrorKind::Invalid);
        }
        let mut spec = spec();
        spec.user_data = "x".repeat(USER_DATA_LIMIT).into();
        order(&spec).map(drop).expect("just fits");
    }

    #[test]
    fn all_tags_of_a_host_read_back() {
        let tags = host_tags();
        let encoded: Vec<String> = encode_tags(&tags).expect("legal").into_iter().collect();
        assert_eq!(decode_tags(&encoded), tags);
        assert!(encoded.contains(&HostTags::MARKER.to_owned()));
    }

    #[test]
    fn tags_of_others_pass_through() {
        let tags = ["env:prod", "env:dev", "k8s", "a:", ":b", "a:b:c"].map(str::to_owned);
        let decoded = decode_tags(&tags);
        let expected = [
            ("env", "dev"),
            ("env:prod", ""),
            ("k8s", ""),
            ("a:", ""),
            (":b", ""),
            ("a", "b:c"),
        ];
        let expected = expected.map(|(key, value)| (key.to_owned(), value.to_owned()));
        assert_eq!(decoded, Tags::from(expected));
    }

    proptest! {
        #[test]
        fn whatever_is_encoded_is_legal_and_reads_back(key in ".{0,40}", value in ".{0,300}") {
            match encode_tag(&key, &value) {
                Err(error) => prop_assert_eq!(error.kind(), ErrorKind::Invalid),
                Ok(tag) => {
                    let legal = |c: char| c.is_ascii_alphanumeric() || "_-:".contains(c);
                    prop_assert!(!tag.is_empty() && tag.len() <= 255 && tag.chars().all(legal));
                    if !key.contains(':') {
                        prop_assert_eq!(decode_tags(&[tag]), Tags::from([(key, value)]));
                    }
                }
            }
        }

        #[test]
        fn legal_tags_are_encoded(key in "[a-zA-Z0-9_-]{1,40}", value in "[a-zA-Z0-9_:-]{0,200}") {
            let tag = encode_tag(&key, &value).expect("legal");
            prop_assert_eq!(decode_tags(&[tag]), Tags::from([(key, value)]));
        }

        #[test]
        fn no_tag_of_the_api_is_lost(tags in prop::collection::btree_set("[a-c:]{1,5}", 0..8)) {
            let list: Vec<String> = tags.iter().cloned().collect();
            prop_assert_eq!(encode_tags(&decode_tags(&list)).expect("as they were"), tags);
        }
    }

    fn droplet(more: serde_json::Value) -> Droplet {
        let mut droplet = json!({"id": 1, "name": "web"});
        let fields = more.as_object().expect("an object").clone();
        droplet.as_object_mut().expect("an object").extend(fields);
        serde_json::from_value(droplet).expect("a droplet")
    }

    #[test]
    fn the_address_is_the_public_one_whatever_the_order() {
        let network = |kind: &str, address: &str| json!({"type": kind, "ip_address": address});
        let address = |v4: serde_json::Value| {
            let networks =
                json!({"networks": {"v4": v4, "v6": [network("public", "2001:db8::1")]}});
            instance(&droplet(networks))
                .address
                .map(|address| address.to_string())
        };
        let (private, public) = (
            network("private", "10.0.0.2"),
            network("public", "203.0.113.7"),
        );
        assert_eq!(
            address(json!([private, public])).as_deref(),
            Some("203.0.113.7")
        );
        assert_eq!(
            address(json!([public, private])).as_deref(),
            Some("203.0.113.7")
        );
        assert_eq!(address(json!([private])).as_deref(), Some("2001:db8::1"));
        assert_eq!(
            instance(&droplet(json!({"networks": {"v4": [], "v6": []}}))).address,
            None
        );
    }

    #[test]
    fn states_have_their_words() {
        for (word, state) in [
            ("new", InstanceState::Provisioning),
            ("active", InstanceState::Running),
            ("off", InstanceState::Stopped),
            ("archive", InstanceState::Unknown("archive".to_owned())),
        ] {
            assert_eq!(instance(&droplet(json!({"status": word}))).state, state);
        }
    }
}
