use std::sync::Arc;

use tokio_util::task::TaskTracker;

use super::Settings;
use crate::client::VpsClient;
use crate::store::DataDir;

/// What every operation needs.
#[derive(Debug)]
pub(super) struct Engine {
    pub(super) client: Arc<dyn VpsClient>,
    pub(super) data_dir: DataDir,
    pub(super) settings: Settings,
    /// Work that goes on when a caller drops its future: rollbacks above all.
    pub(super) background: TaskTracker,
}
