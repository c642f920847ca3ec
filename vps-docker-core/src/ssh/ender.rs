use std::fmt;
use std::sync::Arc;

use tokio::runtime::Handle;

use super::quote::quote;
use super::transport::{Transport, TransportExt};

/// Ends a process group at the other end when it is dropped, in a session of its own: closing a
/// session tells a command nothing until it reads or writes.
pub(super) struct Ender {
    /// `None` when there is nothing to end any more.
    armed: Option<(Arc<dyn Transport>, String)>,
    runtime: Handle,
}

impl Ender {
    /// To be made within a runtime. `within` is what runs a shell where the group is.
    pub(super) fn new(transport: Arc<dyn Transport>, within: &str, group: &str) -> Self {
        // An odd group would be a kill of something else.
        let number = group.parse::<u32>().ok().filter(|group| *group > 1);
        let armed = number.map(|group| {
            let kill = format!(
                "kill -TERM -{group} || exit 0; \
                 for _ in 1 2 3 4 5; do sleep 1; kill -0 -{group} || exit 0; done; \
                 kill -KILL -{group}"
            );
            let shell = format!("/bin/sh -c {} 2>/dev/null", quote(&kill));
            (transport, format!("{within} {shell}"))
        });
        Self {
            armed,
            runtime: Handle::current(),
        }
    }

    /// The group has ended by itself.
    pub(super) fn disarm(mut self) {
        self.armed = None;
    }
}

impl Drop for Ender {
    fn drop(&mut self) {
        if let Some((transport, kill)) = self.armed.take() {
            self.runtime.spawn(async move {
                if let Err(error) = transport.run(&kill, b"").await {
                    tracing::debug!(%error, "a command that nobody waits for could not be ended");
                }
            });
        }
    }
}

impl fmt::Debug for Ender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ender").finish_non_exhaustive()
    }
}
