use std::collections::BTreeMap;

use serde_json::Value;

use crate::cloud_sim::refusal::{Reason, Refusal};

/// Labels of anything.
pub(super) type Labels = BTreeMap<String, String>;

/// Checks labels by the rules at <https://docs.hetzner.cloud/#labels>.
pub(super) fn check(labels: &Labels) -> Result<(), Refusal> {
    for (key, value) in labels {
        let (prefix, name) = match key.split_once('/') {
            Some((prefix, name)) => (Some(prefix), name),
            None => (None, key.as_str()),
        };
        let prefix_is_legal = prefix.is_none_or(|prefix| {
            prefix.len() <= 253 && prefix != "hetzner.cloud" && prefix.split('.').all(is_dns_label)
        });
        if !prefix_is_legal || name.is_empty() || !is_label_text(name) {
            return Err(Refusal::invalid(
                "labels",
                format!("invalid label key {key:?}"),
            ));
        }
        if !is_label_text(value) {
            return Err(Refusal::invalid(
                "labels",
                format!("invalid label value {value:?}"),
            ));
        }
    }
    Ok(())
}

/// Labels of a request's body, checked; `None` when it has none.
pub(super) fn of_body(body: &Value) -> Result<Option<Labels>, Refusal> {
    let Some(labels) = body.get("labels") else {
        return Ok(None);
    };
    let labels: Labels = serde_json::from_value(labels.clone())
        .map_err(|_| Refusal::invalid("labels", "must be an object of texts"))?;
    check(&labels)?;
    Ok(Some(labels))
}

fn is_label_text(text: &str) -> bool {
    let ends = |c: char| c.is_ascii_alphanumeric();
    text.len() <= 63
        && text.chars().all(|c| ends(c) || "-_.".contains(c))
        && (text.is_empty() || (text.starts_with(ends) && text.ends_with(ends)))
}

fn is_dns_label(text: &str) -> bool {
    let ends = |c: char| c.is_ascii_alphanumeric();
    (1..=63).contains(&text.len())
        && text.chars().all(|c| ends(c) || c == '-')
        && text.starts_with(ends)
        && text.ends_with(ends)
}

/// A label selector: what all of its parts say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Selector(Vec<Part>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Has(String),
    HasNot(String),
    In(String, Vec<String>),
    NotIn(String, Vec<String>),
}

impl Selector {
    /// Reads one as <https://docs.hetzner.cloud/#label-selector> describes it; an empty one selects all.
    pub(super) fn parse(text: &str) -> Result<Self, Refusal> {
        let mut parts = Vec::new();
        for part in split_outside_parentheses(text) {
            let part = part.trim();
            if !part.is_empty() {
                parts.push(parse_part(part).ok_or_else(|| {
                    Refusal::new(Reason::Invalid, format!("invalid label selector {part:?}"))
                        .at("label_selector")
                })?);
            }
        }
        Ok(Self(parts))
    }

    pub(super) fn selects(&self, labels: &Labels) -> bool {
        self.0.iter().all(|part| match part {
            Part::Has(key) => labels.contains_key(key),
            Part::HasNot(key) => !labels.contains_key(key),
            Part::In(key, values) => labels.get(key).is_some_and(|own| values.contains(own)),
            Part::NotIn(key, values) => labels.get(key).is_none_or(|own| !values.contains(own)),
        })
    }
}

fn split_outside_parentheses(text: &str) -> Vec<&str> {
    let mut depth = 0_i32;
    text.split(|c| {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        c == ',' && depth == 0
    })
    .collect()
}

fn parse_part(part: &str) -> Option<Part> {
    let key = |text: &str| {
        let text = text.trim();
        let legal = !text.is_empty()
            && text
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "-_./".contains(c));
        legal.then(|| text.to_owned())
    };
    let values = |text: &str| -> Option<Vec<String>> {
        let inside = text.trim().strip_prefix('(')?.strip_suffix(')')?;
        let values: Vec<String> = inside.split(',').map(|own| own.trim().to_owned()).collect();
        values
            .iter()
            .all(|own| is_label_text(own))
            .then_some(values)
    };
    let value = |text: &str| {
        let text = text.trim();
        is_label_text(text).then(|| vec![text.to_owned()])
    };
    if let Some((own, list)) = part
        .split_once(" notin ")
        .or_else(|| part.split_once(" notin("))
    {
        let list = if list.starts_with('(') {
            list.to_owned()
        } else {
            format!("({list}")
        };
        return Some(Part::NotIn(key(own)?, values(&list)?));
    }
    if let Some((own, list)) = part.split_once(" in ").or_else(|| part.split_once(" in(")) {
        let list = if list.trim().starts_with('(') {
            list.to_owned()
        } else {
            format!("({list}")
        };
        return Some(Part::In(key(own)?, values(&list)?));
    }
    if let Some((own, other)) = part.split_once("!=") {
        return Some(Part::NotIn(key(own)?, value(other)?));
    }
    if let Some((own, wanted)) = part.split_once("==").or_else(|| part.split_once('=')) {
        return Some(Part::In(key(own)?, value(wanted)?));
    }
    if let Some(own) = part.strip_prefix('!') {
        return Some(Part::HasNot(key(own)?));
    }
    Some(Part::Has(key(part)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(pairs: &[(&str, &str)]) -> Labels {
        let own = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
        pairs.iter().map(own).collect()
    }

    #[test]
    fn labels_have_an_alphabet() {
        for (key, value) in [
            ("a", ""),
            ("vps-docker-expires", "1800000000"),
            ("example.com/my", "a.b_c-d"),
            ("K", "x"),
        ] {
            check(&labels(&[(key, value)])).expect(key);
        }
        let long = "x".repeat(64);
        for (key, value) in [
            ("", "x"),
            ("a", "2026-11-21T04:42:19Z"),
            ("a", "-x"),
            ("a", "x-"),
            ("a b", "x"),
            ("hetzner.cloud/x", "x"),
            ("/x", "x"),
            ("a", &long),
            (&long, "x"),
            ("a", "ü"),
        ] {
            check(&labels(&[(key, value)])).expect_err(&format!("{key:?}: {value:?}"));
        }
    }

    #[test]
    fn selectors_select_as_the_manual_says() {
        let own = labels(&[("env", "production"), ("just-a-key", "")]);
        for (selector, selects) in [
            ("", true),
            ("env", true),
            ("!env", false),
            ("type", false),
            ("!type", true),
            ("env=production", true),
            ("env==production", true),
            ("env!=production", false),
            ("type!=database", true),
            ("env=production,type!=database", true),
            ("env in (testing,production)", true),
            ("env in (testing, staging)", false),
            ("env notin (testing,staging),just-a-key", true),
            ("just-a-key=", true),
            ("env=production,!just-a-key", false),
        ] {
            let parsed = Selector::parse(selector).expect(selector);
            assert_eq!(parsed.selects(&own), selects, "{selector}");
        }
        for bad in ["=x", "a=b c", "!", "env in testing", "a=ü"] {
            Selector::parse(bad).expect_err(bad);
        }
    }
}
