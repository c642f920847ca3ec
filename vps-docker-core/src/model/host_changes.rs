use serde::Serialize;

/// What of a specification is not so on a host, by what it takes to make it so; see
/// [`Host::changes`](crate::Host::changes).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct HostChanges {
    /// For these the container is replaced: of `image`, `build context`, `command`, `start args`, `env`, `resources`,
    /// `security`.
    pub container: Vec<String>,
    /// These are changed on the live host, and what runs goes on: of `exposure`, `idle policy`, `labels`.
    pub settings: Vec<String>,
    /// For these it takes a new VPS: of `plan`, `region`, `os`. No replace does that.
    pub vps: Vec<String>,
}

impl HostChanges {
    /// Whether all is as the specification says.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.container.is_empty() && self.settings.is_empty() && self.vps.is_empty()
    }
}
