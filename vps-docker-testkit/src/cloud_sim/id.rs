use std::fmt;

use serde::{Serialize, Serializer};

/// The identity of anything in a world. One counter serves all kinds, so an id of one kind is never by chance
/// one of another. Clouds with integers show it as it is, those with UUIDs by [`uuid`](Self::uuid).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Id(pub(crate) u64);

impl Id {
    /// The id as a UUID, always the same one.
    pub(crate) fn uuid(self) -> String {
        // The beginning only has to look drawn; the end is the id.
        let noise = mix(self.0);
        format!(
            "{:08x}-{:04x}-4{:03x}-8{:03x}-{:012x}",
            noise >> 32,
            (noise >> 16) & 0xffff,
            noise & 0xfff,
            (noise >> 12) & 0xfff,
            self.0,
        )
    }

    /// Reads a UUID back; `None` for one that is none of ours.
    pub(crate) fn from_uuid(text: &str) -> Option<Self> {
        let id = Self(u64::from_str_radix(text.rsplit('-').next()?, 16).ok()?);
        (id.uuid() == text.to_ascii_lowercase()).then_some(id)
    }

    /// Reads an integer; `None` for anything else.
    pub(crate) fn from_number(text: &str) -> Option<Self> {
        text.parse().ok().map(Self)
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for Id {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(self.0)
    }
}

/// The finaliser of the generator SplitMix64: distinct numbers become distinct noise.
fn mix(number: u64) -> u64 {
    let mut noise = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    noise = (noise ^ (noise >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    noise = (noise ^ (noise >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    noise ^ (noise >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uuid_reads_back_and_no_other_does() {
        let id = Id(42_000_017);
        assert_eq!(Id::from_uuid(&id.uuid()), Some(id));
        assert_eq!(id.uuid().len(), 36);
        assert_eq!(
            Id::from_uuid("00000000-0000-4000-8000-00000280de91"),
            None,
            "the end alone does not do"
        );
        assert_eq!(Id::from_uuid("web"), None);
    }
}
