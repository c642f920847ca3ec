//! What must hold whatever DigitalOcean answers: one function each, of any bytes, that panics when it does not.
//! A file of its own because tests and `fuzz/` run the same ones.

use serde::de::DeserializeOwned;
use vps_docker_core::properties::{refused, tags_of};

use crate::error::parse_error;
use crate::wire::*;
use crate::{catalog, convert};

/// An answer of any kind is read or refused, and what was read is understood.
pub fn answers(data: &[u8]) {
    let droplets = list::<Droplets>(data).into_iter();
    let droplet = one::<DropletBody>(data).map(|body| body.droplet);
    let ordered = one::<OrderBody>(data).map(|body| body.droplet);
    for droplet in droplets.chain(droplet).chain(ordered) {
        assert_eq!(
            convert::instance(&droplet).id.as_str(),
            droplet.id.to_string()
        );
    }
    for snapshot in list::<Snapshots>(data) {
        convert::snapshot(snapshot, Some(1));
    }
    catalog::catalog(
        list::<Regions>(data),
        list::<Sizes>(data),
        list::<Images>(data),
    );
    list::<Actions>(data);
    one::<ActionBody>(data);
    list::<SshKeys>(data);
    one::<SshKeyBody>(data);
    list::<Firewalls>(data);
    one::<FirewallBody>(data);
    list::<Projects>(data);
    one::<AssignmentBody>(data);
    one::<AccountBody>(data);
    one::<TagBody>(data);
    refused(data, parse_error);
}

/// Tags are refused or legal and read back as they were; texts of others survive being read and written
/// back.
pub fn tags(data: &[u8]) {
    let tags = tags_of(data);
    if let Ok(texts) = convert::encode_tags(&tags) {
        let legal = |c: char| c.is_ascii_alphanumeric() || "_-:".contains(c);
        assert!(
            texts
                .iter()
                .all(|text| (1..=255).contains(&text.len()) && text.chars().all(legal))
        );
        let texts: Vec<String> = texts.into_iter().collect();
        let read = convert::decode_tags(&texts);
        // A key with a colon and no value is another spelling of a key and a value.
        if tags.keys().all(|key| !key.contains(':')) {
            assert_eq!(read, tags);
        }
        assert_eq!(
            convert::encode_tags(&read).expect("as they were"),
            texts.into_iter().collect()
        );
    }
}

fn one<T: DeserializeOwned>(data: &[u8]) -> Option<T> {
    serde_json::from_slice(data).ok()
}

fn list<P: ListPage>(data: &[u8]) -> Vec<P::Item> {
    let Some(page) = one::<P>(data).map(|page| page.into_page(1)) else {
        return Vec::new();
    };
    assert!(page.next.is_none_or(|next| next == 2));
    page.items
}
