//! The labels by which we know our own things on the engine.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use vps_docker_core::model::{InstanceId, Tags};
use vps_docker_core::{Error, ErrorKind, Result};

/// On everything of ours, without a value.
pub(crate) const MARKER: &str = "vps-docker";
/// What the thing is: a [`Kind`].
pub(crate) const KIND: &str = "vps-docker.kind";
/// The network, which is the account, that the thing belongs to.
pub(crate) const ACCOUNT: &str = "vps-docker.account";
/// Id of the instance that the thing is part of.
pub(crate) const INSTANCE: &str = "vps-docker.instance";
/// Id of the snapshot that the thing is part of.
pub(crate) const SNAPSHOT: &str = "vps-docker.snapshot";
/// On the container of an instance whose `user_data` is served by the metadata service.
pub(crate) const METADATA: &str = "vps-docker.metadata";
/// A [`Description`] or [`SnapshotDescription`] as JSON. One label for all of it: what `docker commit` copies from a
/// container is replaced as a whole by what the next container says.
pub(crate) const DESCRIPTION: &str = "vps-docker.description";

/// What a labelled thing is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Instance,
    Data,
    Tags,
    Network,
    Snapshot,
    SnapshotData,
    Copy,
    Metadata,
}

impl Kind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Instance => "instance",
            Self::Data => "data",
            Self::Tags => "tags",
            Self::Network => "network",
            Self::Snapshot => "snapshot",
            Self::SnapshotData => "snapshot-data",
            Self::Copy => "copy",
            Self::Metadata => "metadata",
        }
    }
}

/// What an instance is, beside what the engine knows of its container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Description {
    pub(crate) name: String,
    pub(crate) plan: String,
    pub(crate) tags: Tags,
}

impl Description {
    pub(crate) fn to_label(&self) -> String {
        serde_json::to_string(self).expect("text maps to JSON")
    }

    pub(crate) fn from_labels(labels: &HashMap<String, String>) -> Result<Self> {
        let label = labels.get(DESCRIPTION).map_or("", String::as_str);
        serde_json::from_str(label).map_err(|error| {
            Error::new(
                ErrorKind::State,
                format!("the label {DESCRIPTION:?} is damaged: {label:?}"),
            )
            .with_source(error)
        })
    }
}

/// What a snapshot is, beside what the engine knows of its image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SnapshotDescription {
    pub(crate) name: String,
    pub(crate) instance: InstanceId,
    pub(crate) size_bytes: Option<u64>,
}

/// The labels of a thing that belongs to an account.
pub(crate) fn labels(
    kind: Kind,
    account: &str,
    instance: Option<&InstanceId>,
) -> HashMap<String, String> {
    let mut labels = HashMap::from([
        (MARKER.to_owned(), String::new()),
        (KIND.to_owned(), kind.name().to_owned()),
        (ACCOUNT.to_owned(), account.to_owned()),
    ]);
    if let Some(instance) = instance {
        labels.insert(INSTANCE.to_owned(), instance.to_string());
    }
    labels
}

/// The engine's filter for things of a kind, of one instance or of all.
pub(crate) fn filter(
    kind: Option<Kind>,
    account: &str,
    instance: Option<&InstanceId>,
) -> HashMap<&'static str, Vec<String>> {
    let mut wanted = vec![format!("{ACCOUNT}={account}")];
    if let Some(kind) = kind {
        wanted.push(format!("{KIND}={}", kind.name()));
    }
    if let Some(instance) = instance {
        wanted.push(format!("{INSTANCE}={instance}"));
    }
    HashMap::from([("label", wanted)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_description_reads_back_whatever_the_tags_hold() {
        let description = Description {
            name: "web".into(),
            plan: "small".into(),
            tags: Tags::from([
                ("a=\"b\"".into(), "ü\n{}".into()),
                ("plain".into(), String::new()),
            ]),
        };
        let labels = HashMap::from([(DESCRIPTION.to_owned(), description.to_label())]);
        assert_eq!(Description::from_labels(&labels).expect("own"), description);
    }

    #[test]
    fn a_damaged_description_is_an_error_and_no_guess() {
        let error = Description::from_labels(&HashMap::new()).expect_err("none");
        assert_eq!(error.kind(), ErrorKind::State);
    }
}
