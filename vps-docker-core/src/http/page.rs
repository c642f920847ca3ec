use futures_util::stream::{Stream, TryStreamExt, try_unfold};

use crate::error::{Error, ErrorKind, Result};

/// Some items of a listing, and how the next ones are asked for.
#[derive(Debug)]
pub struct Page<T, C> {
    /// What is on this page.
    pub items: Vec<T>,
    /// Where the next page begins; `None` on the last one.
    pub next: Option<C>,
}

/// The pages of a listing as a stream, each asked for when it is wanted. `fetch` gets the place where
/// a page begins.
///
/// # Errors
/// Those of `fetch`, which end the stream; [`ErrorKind::Provider`] when a page says that it is its own
/// successor, for such a listing would not end.
pub fn pages<T, C, F, A>(first: C, fetch: F) -> impl Stream<Item = Result<Vec<T>>>
where
    C: Clone + PartialEq,
    F: Fn(C) -> A,
    A: Future<Output = Result<Page<T, C>>>,
{
    let state = (Some(first), fetch);
    try_unfold(state, async |(place, fetch)| {
        let Some(place) = place else {
            return Ok(None);
        };
        let page = fetch(place.clone()).await?;
        if page.next.as_ref() == Some(&place) {
            return Err(Error::new(
                ErrorKind::Provider,
                "the provider's listing leads back to the same page; try again later",
            )
            .retryable());
        }
        Ok(Some((page.items, (page.next, fetch))))
    })
}

/// The items of all pages.
///
/// # Errors
/// Those of [`pages`]: a page that fails fails the listing, for half a listing is a wrong one.
pub async fn collect_pages<T, C, F, A>(first: C, fetch: F) -> Result<Vec<T>>
where
    C: Clone + PartialEq,
    F: Fn(C) -> A,
    A: Future<Output = Result<Page<T, C>>>,
{
    pages(first, fetch).try_concat().await
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn page(number: u32) -> Result<Page<u32, u32>> {
        Ok(Page {
            items: vec![10 * number, 10 * number + 1],
            next: (number < 3).then_some(number + 1),
        })
    }

    #[tokio::test]
    async fn all_pages_are_read() {
        let all = collect_pages(1, page).await.expect("read");
        assert_eq!(all, [10, 11, 20, 21, 30, 31]);
    }

    #[tokio::test]
    async fn a_page_that_fails_fails_the_listing() {
        let failing = async |number| match number {
            2 => Err(Error::new(ErrorKind::Provider, "not today")),
            _ => page(number).await,
        };
        collect_pages(1, failing).await.expect_err("half a listing");
    }

    #[tokio::test]
    async fn a_listing_that_goes_round_ends() {
        let round = async |number| {
            let mut page = page(number).await?;
            page.next = Some(number);
            Ok(page)
        };
        collect_pages(1, round).await.expect_err("it leads nowhere");
    }
}
