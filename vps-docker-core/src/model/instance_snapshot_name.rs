use std::fmt;

use super::{HostId, OwnerId, SnapshotName};

/// What an instance snapshot of ours is called at the provider: `vps-docker-OWNER-HOST-NAME`. A
/// provider keeps nothing else with it, so the name tells whose it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstanceSnapshotName {
    /// Who took it.
    pub owner: OwnerId,
    /// The host whose instance it was.
    pub host: HostId,
    /// What the user calls it.
    pub name: SnapshotName,
}

impl InstanceSnapshotName {
    const MARKER: &str = "vps-docker-";

    /// Reads one back; `None` for a name that is not ours.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.strip_prefix(Self::MARKER)?.splitn(3, '-');
        Some(Self {
            owner: parts.next()?.parse().ok()?,
            host: parts.next()?.parse().ok()?,
            name: parts.next()?.parse().ok()?,
        })
    }
}

impl fmt::Display for InstanceSnapshotName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { owner, host, name } = self;
        write!(f, "{}{owner}-{host}-{name}", Self::MARKER)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_tells_whose_it_is() {
        let ours = InstanceSnapshotName {
            owner: OwnerId::random(),
            host: HostId::random(),
            name: SnapshotName::new("before-the-upgrade").expect("legal"),
        };
        assert_eq!(InstanceSnapshotName::parse(&ours.to_string()), Some(ours));
        for foreign in ["", "vps-docker", "vps-docker-a-b-c", "nightly"] {
            assert_eq!(InstanceSnapshotName::parse(foreign), None, "{foreign}");
        }
    }
}
