//! What must hold whatever Contabo answers: one function each, of any bytes, that panics when it does not.
//! A file of its own because tests and `fuzz/` run the same ones.

use serde::de::DeserializeOwned;
use vps_docker_core::model::Timestamp;
use vps_docker_core::properties::{refused, tags_of};

use crate::display_name::{DisplayName, LIMIT, Ours};
use crate::error::parse_error;
use crate::wire::{
    Answer, Cancelled, DataCenter, Firewall, Image, Listing, Machine, Secret, Snapshot,
};
use crate::{catalog, convert, term};

/// An answer of any kind is read or refused, and what was read is understood.
pub fn answers(data: &[u8]) {
    let now = Timestamp::from_unix_seconds(1_800_000_000).expect("a moment");
    for machine in list::<Machine>(data) {
        convert::instance(&machine);
        let _ = (term::is_cancelled(&machine), term::end(&machine, 1, now));
    }
    let images = list::<Image>(data);
    catalog::catalog(&list::<DataCenter>(data), &images);
    let _ = catalog::default_image(&images);
    list::<Cancelled>(data);
    list::<Firewall>(data);
    list::<Secret>(data);
    list::<Snapshot>(data);
    refused(data, parse_error);
}

/// A name of ours reads back as it was; one of others is not taken for one of ours that would be written
/// in another way.
pub fn tags(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    match DisplayName::parse(&text) {
        DisplayName::Ours(ours) => {
            reads_back(&ours);
            let released = DisplayName::Released(ours.released());
            assert_eq!(DisplayName::parse(&ours.released().encode()), released);
        }
        DisplayName::Released(released) => {
            let again = DisplayName::parse(&released.encode());
            assert_eq!(again, DisplayName::Released(released));
        }
        DisplayName::Foreign(_) => {}
    }
    let mut tags = tags_of(data);
    let name = tags.pop_first().map_or_else(String::new, |(name, _)| name);
    let ours = Ours {
        name: name.trim().to_owned(),
        occupancy: u32::from(data.first().copied().unwrap_or(0)),
        period: u32::from(data.last().copied().unwrap_or(0)).max(1),
        tags,
    };
    reads_back(&ours);
}

fn reads_back(ours: &Ours) {
    if let Ok(text) = ours.encode() {
        assert!(text.chars().count() <= LIMIT, "{text:?}");
        assert_eq!(
            DisplayName::parse(&text),
            DisplayName::Ours(ours.clone()),
            "{text:?}"
        );
    }
}

fn list<T: DeserializeOwned>(data: &[u8]) -> Vec<T> {
    let one: Option<Answer<T>> = serde_json::from_slice(data).ok();
    let many: Option<Listing<T>> = serde_json::from_slice(data).ok();
    // What is said of further pages is read in a listing only.
    assert!(one.is_some() || many.is_none());
    many.map_or_else(Vec::new, |listing| listing.data)
}
