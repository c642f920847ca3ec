use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{HostId, HostName, OwnerId, Timestamp};
use crate::error::{Error, ErrorKind, Result};

/// Tags of an instance as key and value. Provider crates encode them as their API's alphabet
/// allows; a plain tag has an empty value.
pub type Tags = BTreeMap<String, String>;

/// The tags that make an instance ours. They are set in the very call that creates it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostTags {
    /// The host the instance belongs to.
    pub host_id: HostId,
    /// The host's name.
    pub name: HostName,
    /// Who ordered it.
    pub owner: OwnerId,
    /// Set until the host is ready, and of one that has a time to live: past this moment anybody of the same owner
    /// may remove it.
    pub expires: Option<Timestamp>,
    /// Whether the expiry is that of a host's time to live and not of an unfinished create. Without an
    /// expiry it is not tagged.
    pub ready: bool,
    /// The SHA-256 of the pinned host key in lower-case base32, 52 characters.
    pub pin: Option<String>,
    /// That of the key which the host is about to have, while its key is being changed.
    pub next_pin: Option<String>,
}

impl HostTags {
    /// The marker that every instance of ours carries.
    pub const MARKER: &str = "vps-docker";
    /// Key of the host id.
    pub const HOST: &str = "vps-docker-host";
    /// Key of the host's name.
    pub const NAME: &str = "vps-docker-name";
    /// Key of the owner's id.
    pub const OWNER: &str = "vps-docker-owner";
    /// Key of the expiry, in Unix seconds.
    pub const EXPIRES: &str = "vps-docker-expires";
    /// Key that says of an expiry that the host was ready.
    pub const READY: &str = "vps-docker-ready";
    /// Key of the host key's fingerprint.
    pub const PIN: &str = "vps-docker-pin";
    /// Key of the fingerprint of the host key that is to come.
    pub const NEXT_PIN: &str = "vps-docker-pin-next";

    /// The tags of an instance that is about to be ordered and may live `unfinished_for` without
    /// becoming ready.
    #[must_use]
    pub fn unfinished(
        host_id: HostId,
        name: HostName,
        owner: OwnerId,
        unfinished_for: Duration,
    ) -> Self {
        Self {
            host_id,
            name,
            owner,
            expires: Some(Timestamp::now().plus(unfinished_for)),
            ready: false,
            pin: None,
            next_pin: None,
        }
    }

    /// As keys and values, the marker included.
    #[must_use]
    pub fn to_tags(&self) -> Tags {
        let mut tags = Tags::from([
            (Self::MARKER.to_owned(), String::new()),
            (Self::HOST.to_owned(), self.host_id.to_string()),
            (Self::NAME.to_owned(), self.name.to_string()),
            (Self::OWNER.to_owned(), self.owner.to_string()),
        ]);
        if let Some(expires) = self.expires {
            tags.insert(Self::EXPIRES.to_owned(), expires.unix_seconds().to_string());
            if self.ready {
                tags.insert(Self::READY.to_owned(), String::new());
            }
        }
        if let Some(pin) = &self.pin {
            tags.insert(Self::PIN.to_owned(), pin.clone());
        }
        if let Some(pin) = &self.next_pin {
            tags.insert(Self::NEXT_PIN.to_owned(), pin.clone());
        }
        tags
    }

    /// Reads them back; tags of others are passed over.
    ///
    /// # Errors
    /// [`ErrorKind::State`] when the instance is not ours or its tags are damaged.
    pub fn from_tags(tags: &Tags) -> Result<Self> {
        let value = |key: &str| {
            tags.get(key).map(String::as_str).ok_or_else(|| {
                Error::new(
                    ErrorKind::State,
                    format!("the instance lacks the tag {key:?}"),
                )
            })
        };
        value(Self::MARKER)?;
        let expires = match tags.get(Self::EXPIRES) {
            None => None,
            Some(text) => Some(
                text.parse()
                    .ok()
                    .and_then(Timestamp::from_unix_seconds)
                    .ok_or_else(|| {
                        Error::new(
                            ErrorKind::State,
                            format!(
                                "the tag {:?} holds {text:?}, not Unix seconds",
                                Self::EXPIRES
                            ),
                        )
                    })?,
            ),
        };
        Ok(Self {
            host_id: value(Self::HOST)?.parse()?,
            name: value(Self::NAME)?.parse()?,
            owner: value(Self::OWNER)?.parse()?,
            ready: expires.is_some() && tags.contains_key(Self::READY),
            expires,
            pin: tags.get(Self::PIN).cloned(),
            next_pin: tags.get(Self::NEXT_PIN).cloned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_read_back() {
        let mut tags = HostTags::unfinished(
            HostId::random(),
            HostName::new("web1").expect("legal"),
            OwnerId::random(),
            Duration::from_secs(600),
        );
        tags.pin = Some("a".repeat(52));
        tags.next_pin = Some("b".repeat(52));
        let read = HostTags::from_tags(&tags.to_tags()).expect("own tags");
        assert_eq!(read.to_tags(), tags.to_tags());
    }

    #[test]
    fn a_foreign_instance_is_not_ours() {
        let error = HostTags::from_tags(&Tags::new()).expect_err("no marker");
        assert_eq!(error.kind(), ErrorKind::State);
    }
}
