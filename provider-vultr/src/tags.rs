//! Tags as Vultr has them: texts. A file of its own because what a text there means is ours to say.

use vps_docker_core::model::Tags;
use vps_docker_core::{Error, ErrorKind, Result};

/// Tags as texts, `key:value`, or the key alone where the value is empty. What Vultr takes is not
/// stated; whatever would not read back the same is refused here.
///
/// # Errors
/// [`ErrorKind::Invalid`] names the tag.
pub(crate) fn encode_tags(tags: &Tags) -> Result<Vec<String>> {
    let encode = |(key, value): (&String, &String)| match value.as_str() {
        "" => key.clone(),
        value => format!("{key}:{value}"),
    };
    let texts: Vec<String> = tags.iter().map(encode).collect();
    let read = decode_tags(&texts);
    let differs = |(key, value): &(&String, &String)| read.get(*key) != Some(value);
    let unfit = |(key, value): &(&String, &String)| {
        key.is_empty() || key.chars().chain(value.chars()).any(char::is_control)
    };
    match tags.iter().find(|tag| differs(tag) || unfit(tag)) {
        None => Ok(texts),
        Some((key, value)) => Err(Error::new(
            ErrorKind::Invalid,
            format!(
                "the tag {key:?} with the value {value:?} cannot be one of Vultr's; use a key without \
             ':' and no control characters"
            ),
        )),
    }
}

/// Reads tags, ours and others. One that is no key and value, or whose key there was before, is a
/// key as a whole, so that nothing is lost.
pub(crate) fn decode_tags(texts: &[String]) -> Tags {
    let mut tags = Tags::new();
    for text in texts {
        match text.split_once(':') {
            Some((key, value))
                if !key.is_empty() && !value.is_empty() && !tags.contains_key(key) =>
            {
                tags.insert(key.to_owned(), value.to_owned());
            }
            _ => {
                tags.entry(text.clone()).or_default();
            }
        }
    }
    tags
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;
    use vps_docker_core::model::{HostId, HostName, HostTags, OwnerId};

    use super::*;

    fn host_tags() -> HostTags {
        let name = HostName::new("web").expect("legal");
        let day = Duration::from_secs(86_400);
        let mut tags = HostTags::unfinished(HostId::random(), name, OwnerId::random(), day);
        tags.pin = Some("a".repeat(52));
        tags
    }

    #[test]
    fn our_tags_read_back_among_others() {
        let ours = host_tags();
        let mut texts = encode_tags(&ours.to_tags()).expect("ours fit");
        assert!(texts.contains(&"vps-docker".to_owned()), "{texts:?}");
        for foreign in ["a tag", "team:web", "team:db", ":x", "y:", ":", "http://x/"] {
            texts.push(foreign.to_owned());
        }
        let tags = decode_tags(&texts);
        assert_eq!(
            HostTags::from_tags(&tags).expect("ours").to_tags(),
            ours.to_tags()
        );
        for (key, value) in [
            ("a tag", ""),
            ("team", "web"),
            ("team:db", ""),
            (":x", ""),
            ("y:", ""),
            (":", ""),
            ("http", "//x/"),
        ] {
            assert_eq!(tags.get(key).map(String::as_str), Some(value), "{key}");
        }
        // What we write back is what was there.
        let mut again = encode_tags(&tags).expect("they were there");
        again.sort();
        texts.sort();
        assert_eq!(again, texts);
    }

    proptest! {
        #[test]
        fn tags_that_are_taken_read_back(tags in proptest::collection::btree_map(".{0,6}|[a:]{0,4}", ".{0,6}|[a:]{0,4}", 0..6)) {
            if let Ok(texts) = encode_tags(&tags) {
                prop_assert_eq!(decode_tags(&texts), tags);
            }
        }

        #[test]
        fn tags_of_others_survive_being_written_back(texts in proptest::collection::btree_set("[a-c: é]{1,5}", 0..6)) {
            let texts: Vec<String> = texts.into_iter().collect();
            let tags = decode_tags(&texts);
            let mut again = encode_tags(&tags).expect("they were there");
            again.sort();
            prop_assert_eq!(again, texts);
        }
    }
}
