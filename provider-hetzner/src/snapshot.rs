//! Snapshots, which Hetzner keeps among its images. A file of its own because they are made by an
//! action that has to be followed, and have no name but their description.

use std::time::Duration;

use vps_docker_core::http::{gone_is_success, wait_until};
use vps_docker_core::model::{HostTags, InstanceSnapshot, InstanceSnapshotName, SnapshotId};
use vps_docker_core::{Error, ErrorKind, Result};

use crate::client::Cloud;
use crate::convert;
use crate::wire::{CreateImage, CreatedImage, Image, ImageAnswer, ImageStatus, Labels};

/// How long a snapshot may take: Hetzner copies a disk of a hundred GB in some minutes.
const SNAPSHOT_PATIENCE: Duration = Duration::from_secs(3600);

impl Cloud {
    /// `POST /servers/{id}/actions/create_image`, and waits until the image can be used.
    pub(crate) async fn take_snapshot(&self, id: u64, name: &str) -> Result<InstanceSnapshot> {
        let labels = labels(name);
        let body = CreateImage {
            kind: "snapshot",
            description: name,
            labels: &labels,
        };
        let path = ["servers", &id.to_string(), "actions", "create_image"];
        let call = || {
            let request = self.api.post("create_snapshot", path).body(&body);
            request.json::<CreatedImage>()
        };
        let begun = self.unlocked("a snapshot", call).await?;
        let actions = begun.action.into_iter().collect();
        self.follow("create_snapshot", actions, SNAPSHOT_PATIENCE)
            .await?;
        let image = begun.image.id;
        let look = || async move {
            let image = self.image(image).await?;
            match image.status {
                ImageStatus::Creating => Ok(None),
                ImageStatus::Unavailable => Err(Error::new(
                    ErrorKind::Provider,
                    format!("Hetzner made the snapshot {}, but cannot use it", image.id),
                )
                .with_operation("create_snapshot")),
                ImageStatus::Available | ImageStatus::Unknown(_) => Ok(Some(image)),
            }
        };
        let image = wait_until("a snapshot", SNAPSHOT_PATIENCE, &self.retry, look).await;
        let image = image.map_err(|error| error.with_operation("create_snapshot"))?;
        Ok(convert::snapshot(image))
    }

    /// `GET /images?type=snapshot`.
    pub(crate) async fn snapshots(&self) -> Result<Vec<InstanceSnapshot>> {
        let query = [("type", "snapshot")];
        let mut images = self
            .all::<Image>("list_snapshots", &["images"], &query)
            .await?;
        images.retain(|image| image.deleted.is_none());
        Ok(images.into_iter().map(convert::snapshot).collect())
    }

    /// `DELETE /images/{id}`.
    pub(crate) async fn delete_snapshot(&self, id: &SnapshotId) -> Result<()> {
        // What cannot be an id of Hetzner's is not there.
        let Some(id) = convert::number(id.as_str()) else {
            return Ok(());
        };
        let path = ["images", &id.to_string()];
        let call = || self.api.delete("delete_snapshot", path).done();
        gone_is_success(self.unlocked("the deletion of a snapshot", call).await)
    }

    async fn image(&self, id: u64) -> Result<Image> {
        let request = self.api.get("create_snapshot", ["images", &id.to_string()]);
        Ok(request.json::<ImageAnswer>().await?.image)
    }
}

/// Whose a snapshot is, for whoever looks for labels in Hetzner's console: the name has it all.
fn labels(name: &str) -> Labels {
    let mut labels = Labels::from([(HostTags::MARKER.to_owned(), String::new())]);
    if let Some(ours) = InstanceSnapshotName::parse(name) {
        labels.insert(HostTags::HOST.to_owned(), ours.host.to_string());
        labels.insert(HostTags::OWNER.to_owned(), ours.owner.to_string());
    }
    labels
}

#[cfg(test)]
mod tests {
    use vps_docker_core::model::{HostId, OwnerId, SnapshotName};

    use super::*;

    #[test]
    fn a_snapshot_says_by_its_labels_whose_it_is() {
        let name = InstanceSnapshotName {
            owner: OwnerId::random(),
            host: HostId::random(),
            name: SnapshotName::new("nightly_1").expect("legal"),
        };
        let ours = labels(&name.to_string());
        assert_eq!(ours[HostTags::HOST], name.host.to_string());
        assert_eq!(convert::labels(&ours).expect("legal labels"), ours);
        assert_eq!(labels("by hand, with any text: ä").len(), 1);
    }
}
