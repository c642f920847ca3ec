use data_encoding::BASE64;
use serde_json::{Map, Value, json};

use crate::cloud_sim::answer::{Answer, Reply};
use crate::cloud_sim::call::Call;
use crate::cloud_sim::refusal::{Reason, Refusal};

/// Entries of a page, unless asked for others, and the most there are.
const USUAL: usize = 100;
const MOST: usize = 500;

/// A page of a listing. A cursor names the entry that a page begins with, so that what comes and goes before it
/// does not shift the page; `entries` come with what they are named by, ascending.
///
/// # Errors
/// `Invalid` for a cursor that is none of ours.
pub(super) fn page<T>(
    call: &Call,
    name: &str,
    entries: Vec<(u64, T)>,
    show: impl FnMut(T) -> Value,
) -> Reply {
    let wanted = call.query("per_page").and_then(|text| text.parse().ok());
    let size = wanted.unwrap_or(USUAL).clamp(1, MOST);
    let first = match call.query("cursor") {
        None | Some("") => 0,
        Some(cursor) => {
            let first = read_cursor(cursor);
            first.ok_or_else(|| Refusal::new(Reason::Invalid, "Invalid cursor."))?
        }
    };
    let start = entries.partition_point(|(key, _)| *key < first);
    let key_at = |place: usize| entries.get(place).map(|(key, _)| *key);
    let next = key_at(start + size).map(|key| cursor("next", key));
    let previous = (start > 0).then(|| key_at(start.saturating_sub(size)));
    let previous = previous.flatten().map(|key| cursor("prev", key));
    let meta = json!({
        "total": entries.len(),
        "links": {"next": next.unwrap_or_default(), "prev": previous.unwrap_or_default()},
    });
    let shown = entries.into_iter().skip(start).take(size);
    let shown: Vec<Value> = shown.map(|(_, entry)| entry).map(show).collect();
    let body = Map::from_iter([
        (name.to_owned(), Value::Array(shown)),
        ("meta".to_owned(), meta),
    ]);
    Ok(Answer::ok(Value::Object(body)))
}

/// Entries without an id of ours are named by their place.
pub(super) fn numbered<T>(entries: impl IntoIterator<Item = T>) -> Vec<(u64, T)> {
    (0..).zip(entries).collect()
}

fn cursor(direction: &str, key: u64) -> String {
    BASE64.encode(format!("{direction}__{key}").as_bytes())
}

fn read_cursor(cursor: &str) -> Option<u64> {
    let text = String::from_utf8(BASE64.decode(cursor.as_bytes()).ok()?).ok()?;
    let (direction, key) = text.split_once("__")?;
    matches!(direction, "next" | "prev").then(|| key.parse().ok())?
}

#[cfg(test)]
mod tests {
    use axum::extract::Request;

    use super::*;

    async fn page_of(query: &str, keys: &[u64]) -> Value {
        let request = Request::builder().uri(format!("/v2/things?{query}"));
        let request = request.body(axum::body::Body::empty()).expect("legal");
        let (call, _) = Call::read(request).await;
        let entries = keys.iter().map(|key| (*key, *key)).collect();
        let answer = page(&call, "things", entries, |key| json!(key)).expect("a page");
        answer.body.expect("a body")
    }

    #[tokio::test]
    async fn cursors_lead_forth_and_back_until_they_are_empty() {
        let keys: Vec<u64> = (10..15).collect();
        let first = page_of("per_page=2", &keys).await;
        assert_eq!(first["things"], json!([10, 11]));
        assert_eq!(first["meta"]["total"], 5);
        assert_eq!(first["meta"]["links"]["prev"], "");
        let next = first["meta"]["links"]["next"].as_str().expect("text");
        let second = page_of(&format!("per_page=2&cursor={}", encoded(next)), &keys).await;
        assert_eq!(second["things"], json!([12, 13]));
        let next = second["meta"]["links"]["next"].as_str().expect("text");
        let last = page_of(&format!("per_page=2&cursor={}", encoded(next)), &keys).await;
        assert_eq!(last["things"], json!([14]));
        assert_eq!(last["meta"]["links"]["next"], "");
        let back = last["meta"]["links"]["prev"].as_str().expect("text");
        let back = page_of(&format!("per_page=2&cursor={}", encoded(back)), &keys).await;
        assert_eq!(back["things"], json!([12, 13]));
    }

    #[tokio::test]
    async fn what_goes_meanwhile_does_not_shift_the_next_page() {
        let first = page_of("per_page=2", &[10, 11, 12, 13]).await;
        let next = first["meta"]["links"]["next"].as_str().expect("text");
        let second = page_of(
            &format!("per_page=2&cursor={}", encoded(next)),
            &[11, 13, 14],
        )
        .await;
        assert_eq!(second["things"], json!([13, 14]));
    }

    #[tokio::test]
    async fn a_page_has_500_entries_at_most_and_100_unless_asked_for_others() {
        let keys: Vec<u64> = (0..600).collect();
        for (query, size) in [("", 100), ("per_page=1000", 500), ("per_page=0", 1)] {
            let page = page_of(query, &keys).await;
            assert_eq!(
                page["things"].as_array().map(Vec::len),
                Some(size),
                "{query}"
            );
        }
        assert_eq!(read_cursor("MTIz"), None, "none of ours");
    }

    fn encoded(cursor: &str) -> String {
        cursor.replace('=', "%3D").replace('+', "%2B")
    }
}
