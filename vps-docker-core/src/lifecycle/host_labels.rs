use std::collections::BTreeMap;

use super::Host;
use crate::error::Result;

impl Host {
    /// Puts other labels in the place of all that the host has. Idempotent. Dropped in the middle, the ones or the others
    /// are there.
    ///
    /// # Errors
    /// `State` when the record cannot be written, and those of [`vps`](Self::vps).
    pub async fn set_labels(&mut self, labels: &BTreeMap<String, String>) -> Result<()> {
        let write = async {
            let store = self.store().await?;
            store
                .update(|record| record.labels.clone_from(labels))
                .await
        };
        let written = write.await;
        let record = written.map_err(|error| {
            error
                .with_host(&self.info.name)
                .with_operation("set_labels")
        })?;
        let known = self.known().with_record(&record);
        self.engine.entry(&self.info.name).pin_vps(&known)?;
        self.info.labels.clone_from(&record.labels);
        self.take_known(known)?;
        self.take_record(record)
    }
}
