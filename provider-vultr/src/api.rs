use vps_docker_core::http::{ApiClient, Page, RetryPolicy, collect_pages};
use vps_docker_core::model::InstanceId;
use vps_docker_core::{Error, ErrorKind, Result};

use crate::fresh::Fresh;
use crate::watch::{Seen, Shared};
use crate::wire::{
    Instance, InstanceAnswer, InstanceChange, Instances, Listing, Meta, Snapshot, SshKey,
};

/// What every resource needs of the API.
#[derive(Debug)]
pub(crate) struct Api {
    pub(crate) http: ApiClient,
    /// How often is looked while something is awaited.
    pub(crate) retry: RetryPolicy,
    /// What Vultr may not yet know.
    pub(crate) fresh: Fresh,
    /// Looked at by those who wait for a power switch.
    instances: Shared<Instance>,
    /// Looked at by those who wait for a snapshot.
    pub(crate) snapshots: Shared<Snapshot>,
    /// Looked at, and added to, by those who want a key to be known.
    pub(crate) ssh_keys: Shared<SshKey>,
}

/// Most items of a page that Vultr gives.
const PER_PAGE: usize = 500;

impl Api {
    pub(crate) fn new(http: ApiClient, retry: RetryPolicy) -> Self {
        Self {
            http,
            retry,
            fresh: Fresh::default(),
            instances: Shared::default(),
            snapshots: Shared::default(),
            ssh_keys: Shared::default(),
        }
    }

    /// All pages of a listing (*Meta and Pagination*).
    pub(crate) async fn list<L: Listing>(
        &self,
        operation: &'static str,
        path: &[&str],
    ) -> Result<Vec<L::Item>> {
        collect_pages(None, |cursor: Option<String>| {
            let mut request = self.http.get(operation, path).query("per_page", PER_PAGE);
            if let Some(cursor) = &cursor {
                request = request.query("cursor", cursor);
            }
            async move {
                let (items, meta) = request.json::<L>().await?.split();
                page(items, meta).map_err(|error| error.with_operation(operation))
            }
        })
        .await
    }

    /// *Get Instance*. One that was ordered just now and is not found may be in a moment: then a retry may help.
    pub(crate) async fn instance(
        &self,
        operation: &'static str,
        id: &InstanceId,
    ) -> Result<Instance> {
        check_id(id.as_str()).map_err(|error| at(id)(error.with_operation(operation)))?;
        let answer: InstanceAnswer = self
            .http
            .get(operation, ["instances", id.as_str()])
            .json()
            .await
            .map_err(|error| at(id)(self.fresh.perhaps(id, error)))?;
        self.fresh.forget(id);
        Ok(answer.instance)
    }

    /// *Update Instance*: the same when it is done twice.
    pub(crate) async fn change(
        &self,
        operation: &'static str,
        id: &InstanceId,
        change: &InstanceChange,
    ) -> Result<()> {
        check_id(id.as_str()).map_err(|error| at(id)(error.with_operation(operation)))?;
        self.http
            .patch(operation, ["instances", id.as_str()])
            .body(change)
            .repeatable()
            .done()
            .await
            .map_err(at(id))
    }

    /// The instance as a listing shows it that nobody had seen who was `seen` before. A listing may be
    /// late, so one that is missing there is asked for itself.
    pub(crate) async fn look_at(
        &self,
        operation: &'static str,
        id: &InstanceId,
        seen: &Seen,
    ) -> Result<Instance> {
        let list = || self.list::<Instances>(operation, &["instances"]);
        let look = self.instances.since(seen.until(), list).await;
        let look = look.map_err(at(id))?;
        seen.note(&look);
        let listed = look
            .items
            .iter()
            .find(|listed| listed.id.as_str() == id.as_str());
        if let Some(instance) = listed.cloned() {
            return Ok(instance);
        }
        drop(look);
        self.instance(operation, id).await
    }
}

/// Adds the instance concerned to an error.
pub(crate) fn at(id: &InstanceId) -> impl Fn(Error) -> Error {
    move |error| error.with_instance(id)
}

/// What cannot be an id of Vultr's, which are UUIDs, is not asked for: as a part of a path an empty
/// one, or `..`, would mean something else.
///
/// # Errors
/// [`ErrorKind::NotFound`].
pub(crate) fn check_id(id: &str) -> Result<()> {
    let possible = (1..=64).contains(&id.len())
        && id
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if possible {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::NotFound,
        format!("{id:?} is no id of Vultr's, which look like cb676a46-66fd-4dfb-b839-443f2e6c0b60"),
    ))
}

/// A page. One that is full and does not say whether there is another would be half a listing.
fn page<T>(items: Vec<T>, meta: Option<Meta>) -> Result<Page<T, Option<String>>> {
    let next = match meta {
        Some(meta) => meta.next(),
        None if items.len() < PER_PAGE => None,
        None => {
            return Err(Error::new(
                ErrorKind::Provider,
                "Vultr's listing does not say whether there is more of it",
            ));
        }
    };
    Ok(Page {
        items,
        next: next.map(Some),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_an_id_is_not_found() {
        check_id("cb676a46-66fd-4dfb-b839-443f2e6c0b60").expect("an id");
        for bad in ["", "..", ".", "a/b", "a b", "ä", &"a".repeat(65)] {
            let error = check_id(bad).expect_err(bad);
            assert_eq!(error.kind(), ErrorKind::NotFound);
        }
    }

    #[test]
    fn half_a_listing_is_none() {
        let meta = |text| serde_json::from_str(text).expect("read");
        let more = meta(r#"{"links":{"next":"abc"}}"#);
        let next = page(vec![0; 3], more).expect("a page").next;
        assert_eq!(next, Some(Some("abc".to_owned())));
        let last = meta(r#"{"links":{"next":""}}"#);
        assert_eq!(page(vec![0; PER_PAGE], last).expect("a page").next, None);
        assert_eq!(page(vec![0; 3], None).expect("a page").next, None);
        page(vec![0; PER_PAGE], None).expect_err("there may be more");
    }
}
