//! What was ordered just now. A file of its own because Vultr may answer "instance not found" to who asks for
//! what it has just made (<https://github.com/vultr/terraform-provider-vultr/issues/462>): so soon that is no word
//! of an instance that is gone.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use vps_docker_core::model::InstanceId;
use vps_docker_core::{Error, ErrorKind};

/// How long Vultr may take to know an instance that it has made.
const SHY: Duration = Duration::from_secs(60);

/// The instances that this client ordered a short time ago and has not seen since.
#[derive(Debug, Default)]
pub(crate) struct Fresh(Mutex<HashMap<InstanceId, Instant>>);

impl Fresh {
    /// An order was answered with that id.
    pub(crate) fn note(&self, id: &InstanceId) {
        let mut ordered = self.ordered();
        ordered.retain(|_, at| at.elapsed() < SHY);
        ordered.insert(id.clone(), Instant::now());
    }

    /// Vultr has shown it, or it was destroyed: whatever is said of it now is meant.
    pub(crate) fn forget(&self, id: &InstanceId) {
        self.ordered().remove(id);
    }

    pub(crate) fn has(&self, id: &InstanceId) -> bool {
        let ordered = self.ordered();
        ordered.get(id).is_some_and(|at| at.elapsed() < SHY)
    }

    /// The error; not found as it may be for now, of an instance that is fresh.
    pub(crate) fn perhaps(&self, id: &InstanceId, error: Error) -> Error {
        if error.kind() == ErrorKind::NotFound && self.has(id) {
            error.retryable()
        } else {
            error
        }
    }

    fn ordered(&self) -> MutexGuard<'_, HashMap<InstanceId, Instant>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn not_found_is_final_but_for_what_was_ordered_just_now() {
        let fresh = Fresh::default();
        let (new, old) = (InstanceId::new("new"), InstanceId::new("old"));
        let is_final = |id| {
            let error = Error::new(ErrorKind::NotFound, "no such thing");
            !fresh.perhaps(id, error).is_retryable()
        };
        fresh.note(&new);
        assert!(!is_final(&new));
        assert!(is_final(&old));
        let error = fresh.perhaps(&new, Error::new(ErrorKind::Auth, "no"));
        assert!(!error.is_retryable(), "that alone passes");
        tokio::time::advance(SHY).await;
        assert!(is_final(&new), "by now it would be there");
        fresh.note(&new);
        fresh.forget(&new);
        assert!(is_final(&new), "it was seen or destroyed");
    }
}
