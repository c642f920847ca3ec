//! Whose a machine is, written into its display name: the one text of a machine that can be changed,
//! that an order sets itself, and that a listing shows. A file of its own because it is this
//! provider's database.
//!
//! A machine of ours:
//!
//! ```text
//! web1 vps-docker h-abcdefghijklmnop o-qrstuvwxyz234567 e-1790000000 p-… u-2 t-12
//! ```
//!
//! First the instance's name, for people; behind the word `vps-docker` host id, owner, expiry and pin, and
//! `r-` that the expiry is that of a time to live; `q-` the pin that is to come while the host key is being changed;
//! `n-` the host's name where it is another; `u-` how often the machine was released before; `t-` the
//! months of its contract unless they are 1. Other tags follow as `key=value` with `%XX` for what is no
//! letter, digit or `-._:/@+,`; tags that are not those of a host all stand behind `--` like that.
//!
//! A released machine: `vps-docker-released o-qrstuvwxyz234567 u-3 t-12`.
//!
//! The document states no alphabet for display names, only the length. What it states for other names
//! is letters, digits, blanks and dashes, and a host of ours needs no more than those.

use vps_docker_core::model::{HostId, HostName, HostTags, OwnerId, Tags};
use vps_docker_core::{Error, ErrorKind, Result};

/// The most that a display name may have.
pub(crate) const LIMIT: usize = 255;
/// The first word of a released machine.
pub(crate) const RELEASED: &str = "vps-docker-released";
/// Between a name and tags that are not those of a host.
const SEPARATOR: &str = "--";

/// What a display name says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum DisplayName {
    /// A machine that is in use by us.
    Ours(Ours),
    /// A machine that we wiped and keep.
    Released(Released),
    /// Anything else: the machine is none of ours.
    Foreign(String),
}

/// A machine in use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ours {
    pub(crate) name: String,
    pub(crate) tags: Tags,
    /// How often the machine was released before: it has been that many other instances.
    pub(crate) occupancy: u32,
    /// Months of the contract.
    pub(crate) period: u32,
}

/// A machine that waits for its next use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Released {
    /// Whose it was last.
    pub(crate) owner: Option<OwnerId>,
    /// The occupancy that comes next.
    pub(crate) occupancy: u32,
    /// Months of the contract.
    pub(crate) period: u32,
}

impl DisplayName {
    /// Reads one. What is not wholly as we write it is foreign.
    pub(crate) fn parse(text: &str) -> Self {
        Released::parse(text)
            .map(Self::Released)
            .or_else(|| Ours::parse(text).map(Self::Ours))
            .unwrap_or_else(|| Self::Foreign(text.trim().to_owned()))
    }

    /// The name for people.
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Ours(ours) => &ours.name,
            Self::Released(_) => RELEASED,
            Self::Foreign(text) => text,
        }
    }
}

impl Ours {
    /// Writes it down.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] when it does not fit.
    pub(crate) fn encode(&self) -> Result<String> {
        let mut rest = self.tags.clone();
        let mut words = vec![self.name.trim().to_owned()];
        if words[0].chars().any(char::is_control) {
            return Err(invalid("the name holds a control character"));
        }
        words.retain(|name| !name.is_empty());
        match take_host_words(&self.name, &mut rest) {
            Some(host) => words.extend(host),
            None => words.push(SEPARATOR.to_owned()),
        }
        let others = rest.iter();
        words.extend(others.map(|(key, value)| format!("{}={}", escape(key), escape(value))));
        words.extend(counters(self.occupancy, self.period));
        let text = words.join(" ");
        match text.chars().count() {
            length if length <= LIMIT => Ok(text),
            length => Err(invalid(&format!(
                "name and tags take {length} characters, and Contabo has room for {LIMIT}; use a \
                 shorter name or fewer tags"
            ))),
        }
    }

    /// What it is called once it is released.
    pub(crate) fn released(&self) -> Released {
        let owner = self.tags.get(HostTags::OWNER);
        Released {
            owner: owner.and_then(|owner| owner.parse().ok()),
            occupancy: self.occupancy.saturating_add(1),
            period: self.period,
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let is_mark = |word: &&str| matches!(*word, HostTags::MARKER | SEPARATOR);
        let mark = text.split_whitespace().rfind(is_mark)?;
        // The last such word: everything behind it is no such one.
        let (name, rest) = last_word(text, mark)?;
        let is_host = mark == HostTags::MARKER;
        let name = name.trim().to_owned();
        let mut ours = Self {
            tags: Tags::new(),
            occupancy: 0,
            period: 1,
            name,
        };
        let mut host_name = default_host_name(&ours.name);
        let mut explicit = Tags::new();
        for word in rest.split_whitespace() {
            if let Some((key, value)) = word.split_once('=') {
                explicit.insert(unescape(key)?, unescape(value)?);
                continue;
            }
            let (kind, value) = word.split_once('-')?;
            let key = match kind {
                "u" => {
                    ours.occupancy = counter(value)?;
                    continue;
                }
                "t" => {
                    ours.period = counter(value)?;
                    continue;
                }
                "n" if is_host => {
                    host_name = Some(value)
                        .filter(|value| !value.is_empty())
                        .map(str::to_owned);
                    continue;
                }
                "h" if is_host && HostId::new(value).is_ok() => HostTags::HOST,
                "o" if is_host && OwnerId::new(value).is_ok() => HostTags::OWNER,
                "e" if is_host && is_seconds(value) => HostTags::EXPIRES,
                "r" if is_host && value.is_empty() => HostTags::READY,
                "p" if is_host && is_pin(value) => HostTags::PIN,
                "q" if is_host && is_pin(value) => HostTags::NEXT_PIN,
                _ => return None,
            };
            ours.tags.insert(key.to_owned(), value.to_owned());
        }
        if is_host {
            let has = |key| ours.tags.contains_key(key);
            if !(has(HostTags::HOST) && has(HostTags::OWNER)) {
                return None;
            }
            ours.tags.insert(HostTags::MARKER.to_owned(), String::new());
            let host_name = host_name.map(|name| (HostTags::NAME.to_owned(), name));
            ours.tags.extend(host_name);
        }
        ours.tags.extend(explicit);
        Some(ours)
    }
}

impl Released {
    /// Writes it down. It always fits.
    pub(crate) fn encode(&self) -> String {
        let owner = self.owner.iter().map(|owner| format!("o-{owner}"));
        let words = [RELEASED.to_owned()].into_iter().chain(owner);
        let counters = counters(self.occupancy, self.period);
        words.chain(counters).collect::<Vec<_>>().join(" ")
    }

    fn parse(text: &str) -> Option<Self> {
        let mut words = text.split_whitespace();
        if words.next()? != RELEASED {
            return None;
        }
        let mut released = Self {
            owner: None,
            occupancy: 0,
            period: 1,
        };
        for word in words {
            match word.split_once('-')? {
                ("o", owner) => released.owner = Some(owner.parse().ok()?),
                ("u", times) => released.occupancy = counter(times)?,
                ("t", months) => released.period = counter(months)?,
                _ => return None,
            }
        }
        Some(released)
    }
}

/// Whether a value is as short as we write it.
type Fits = fn(&str) -> bool;

/// The words for the tags of a host, which are taken out of `rest`; `None` when they are not those of
/// a host.
fn take_host_words(name: &str, rest: &mut Tags) -> Option<Vec<String>> {
    let has = |key, fits: &dyn Fn(&str) -> bool| rest.get(key).is_some_and(|value| fits(value));
    let is_host = has(HostTags::MARKER, &|value| value.is_empty())
        && has(HostTags::HOST, &|value| HostId::new(value).is_ok())
        && has(HostTags::OWNER, &|value| OwnerId::new(value).is_ok());
    if !is_host {
        return None;
    }
    rest.remove(HostTags::MARKER);
    let mut words = vec![HostTags::MARKER.to_owned()];
    let kinds: [(&str, &str, Fits); 6] = [
        ("h", HostTags::HOST, |_| true),
        ("o", HostTags::OWNER, |_| true),
        ("e", HostTags::EXPIRES, is_seconds),
        ("r", HostTags::READY, str::is_empty),
        ("p", HostTags::PIN, is_pin),
        ("q", HostTags::NEXT_PIN, is_pin),
    ];
    for (kind, key, fits) in kinds {
        if let Some(value) = rest.get(key).filter(|value| fits(value)) {
            words.push(format!("{kind}-{value}"));
            rest.remove(key);
        }
    }
    let default = default_host_name(name);
    match rest.get(HostTags::NAME) {
        Some(host_name) if default.as_ref() == Some(host_name) => {
            rest.remove(HostTags::NAME);
        }
        Some(host_name) if HostName::new(host_name.as_str()).is_ok() => {
            words.push(format!("n-{host_name}"));
            rest.remove(HostTags::NAME);
        }
        // As `key=value`, which goes before whatever the name would say.
        Some(_) => {}
        None => words.push("n-".to_owned()),
    }
    Some(words)
}

/// The host's name where it is not written down: the instance's, or what is left of it when somebody
/// has put more words beside it.
fn default_host_name(name: &str) -> Option<String> {
    let mut words = name.split_whitespace();
    words
        .find(|word| HostName::new(*word).is_ok())
        .map(str::to_owned)
}

fn counters(occupancy: u32, period: u32) -> impl Iterator<Item = String> {
    let occupancy = (occupancy > 0).then(|| format!("u-{occupancy}"));
    let period = (period != 1).then(|| format!("t-{period}"));
    occupancy.into_iter().chain(period)
}

fn counter(text: &str) -> Option<u32> {
    let number: u32 = text.parse().ok()?;
    (number > 0).then_some(number)
}

fn is_seconds(text: &str) -> bool {
    text.parse::<u64>()
        .is_ok_and(|seconds| seconds.to_string() == text)
}

fn is_pin(text: &str) -> bool {
    text.len() == 52 && text.bytes().all(|b| matches!(b, b'a'..=b'z' | b'2'..=b'7'))
}

/// What stands before and behind the last occurrence of a word.
fn last_word<'a>(text: &'a str, word: &str) -> Option<(&'a str, &'a str)> {
    text.rmatch_indices(word).find_map(|(at, _)| {
        let (before, behind) = (&text[..at], &text[at + word.len()..]);
        let is_whole = !before.ends_with(|c: char| !c.is_whitespace())
            && !behind.starts_with(|c: char| !c.is_whitespace());
        is_whole.then_some((before, behind))
    })
}

fn escape(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:/@+,".contains(&byte);
    text.bytes()
        .map(|byte| {
            if plain(byte) {
                char::from(byte).to_string()
            } else {
                format!("%{byte:02X}")
            }
        })
        .collect()
}

fn unescape(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digits = std::str::from_utf8(rest.get(..2)?).ok()?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        rest = &rest[2..];
    }
    String::from_utf8(bytes).ok()
}

fn invalid(message: &str) -> Error {
    Error::new(ErrorKind::Invalid, message)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    fn host_tags(name: &str) -> HostTags {
        let mut tags = HostTags::unfinished(
            HostId::random(),
            HostName::new(name).expect("legal"),
            OwnerId::random(),
            Duration::from_secs(600),
        );
        tags.pin = Some("ab2".repeat(17) + "z");
        tags.next_pin = Some("cd3".repeat(17) + "y");
        tags
    }

    fn ours(name: &str, tags: Tags) -> Ours {
        Ours {
            name: name.to_owned(),
            tags,
            occupancy: 0,
            period: 1,
        }
    }

    fn read_back(ours: &Ours) -> String {
        let text = ours.encode().expect("it fits");
        assert_eq!(
            DisplayName::parse(&text),
            DisplayName::Ours(ours.clone()),
            "{text}"
        );
        text
    }

    #[test]
    fn the_tags_of_a_host_read_back_and_the_name_stands_first() {
        let mut tags = host_tags("web1");
        let text = read_back(&ours("web1", tags.to_tags()));
        assert!(text.starts_with("web1 vps-docker h-"), "{text}");
        let plain = |c: char| c.is_ascii_alphanumeric() || " -".contains(c);
        assert!(text.chars().all(plain), "{text}");
        tags.ready = true;
        let text = read_back(&ours("web1", tags.to_tags()));
        assert!(text.contains(" r- "), "{text}");
        tags.expires = None;
        tags.pin = None;
        tags.next_pin = None;
        read_back(&ours("web1", tags.to_tags()));
    }

    #[test]
    fn the_longest_names_fit_with_all_tags() {
        let (old, new) = ("o".repeat(63), "n".repeat(63));
        let mut long = ours(&old, host_tags(&old).to_tags());
        (long.occupancy, long.period) = (9999, 24);
        read_back(&long);
        // Its key is changed while it has a time to live.
        let mut tags = host_tags(&old);
        tags.ready = true;
        long.tags = tags.to_tags();
        read_back(&long);
        // In the midst of a rename; a host that has a name to lose has no expiry, and its key is not being
        // changed at the same time.
        let mut tags = host_tags(&new);
        tags.expires = None;
        tags.next_pin = None;
        long.tags = tags.to_tags();
        let text = read_back(&long);
        assert!(text.len() <= LIMIT);
    }

    #[test]
    fn tags_that_do_not_fit_are_refused() {
        let tags = Tags::from([("key".to_owned(), "v".repeat(300))]);
        let error = ours("web1", tags).encode().expect_err("too long");
        assert_eq!(error.kind(), ErrorKind::Invalid);
        assert!(error.to_string().contains("255"), "{error}");
        ours("we\nb1", Tags::new())
            .encode()
            .expect_err("a line break");
    }

    #[test]
    fn a_released_machine_keeps_its_owner_and_counts_its_uses() {
        let tags = host_tags("web1");
        let mut ours = ours("web1", tags.to_tags());
        (ours.occupancy, ours.period) = (2, 12);
        let released = ours.released();
        let text = released.encode();
        assert_eq!(
            text,
            format!("vps-docker-released o-{} u-3 t-12", tags.owner)
        );
        assert_eq!(DisplayName::parse(&text), DisplayName::Released(released));
        let by_hand = DisplayName::parse("vps-docker-released");
        assert!(matches!(by_hand, DisplayName::Released(_)), "{by_hand:?}");
    }

    #[test]
    fn foreign_names_pass_as_they_are() {
        for text in [
            "",
            "VPS",
            "my vps-docker box",
            "my vps-docker",
            "vps-docker h-abc",
            "vps-docker-released by me",
            "vps-docker-released u-0",
            "vps-docker-released -- soon",
            "a -- b",
            "a -- b=%",
            "a -- b=%F",
            "a -- b=%FF",
            "a -- h-abcdefghijklmnop",
            "web1 vps-docker h-abcdefghijklmnop o-abcdefghijklmnop x-1",
            "web1 vps-docker h-abcdefghijklmnop",
            "web1 vps-docker o-abcdefghijklmnop",
        ] {
            assert_eq!(
                DisplayName::parse(text),
                DisplayName::Foreign(text.to_owned())
            );
        }
    }

    #[test]
    fn a_word_that_somebody_adds_beside_the_name_does_not_lose_the_host() {
        let tags = host_tags("web1").to_tags();
        let text = ours("web1", tags.clone()).encode().expect("it fits");
        let edited = text.replacen("web1", "web1 (do not touch!)", 1);
        let DisplayName::Ours(read) = DisplayName::parse(&edited) else {
            panic!("{edited} is not ours");
        };
        assert_eq!(read.tags, tags);
        assert_eq!(read.name, "web1 (do not touch!)");
    }

    proptest! {
        #[test]
        fn whatever_fits_reads_back(
            name in r"(\S([\PC]{0,20}\S)?)?",
            tags in proptest::collection::btree_map(".{0,8}", any::<String>(), 0..4),
            occupancy in 0..3_u32,
            period in prop_oneof![Just(1_u32), Just(12)],
            with_host in any::<bool>(),
            edit in 0..6_usize,
        ) {
            let mut tags: Tags = tags;
            if with_host {
                let mut host = host_tags("web1").to_tags();
                match edit {
                    0 => drop(host.remove(HostTags::NAME)),
                    1 => drop(host.insert(HostTags::NAME.into(), "Not a label".into())),
                    2 => drop(host.insert(HostTags::EXPIRES.into(), "+7".into())),
                    3 => drop(host.insert(HostTags::PIN.into(), "x y".into())),
                    4 => drop(host.insert(HostTags::MARKER.into(), "v".into())),
                    _ => {}
                }
                tags.extend(host);
            }
            let ours = Ours { name: name.trim().to_owned(), tags, occupancy, period };
            if let Ok(text) = ours.encode() {
                prop_assert!(text.chars().count() <= LIMIT);
                prop_assert_eq!(DisplayName::parse(&text), DisplayName::Ours(ours));
            }
        }

        #[test]
        fn no_text_breaks_the_reading(text in any::<String>()) {
            let read = DisplayName::parse(&text);
            if let DisplayName::Ours(ours) = read {
                prop_assert!(ours.encode().is_err() || DisplayName::parse(&ours.encode().unwrap()) == DisplayName::Ours(ours));
            }
        }

        #[test]
        fn no_words_of_ours_in_disorder_break_the_reading(
            words in proptest::collection::vec(prop_oneof![
                Just("vps-docker"), Just("--"), Just("vps-docker-released"), Just("web1"),
                Just("h-abcdefghijklmnop"), Just("o-abcdefghijklmnop"), Just("e-17"), Just("n-"),
                Just("n-x"), Just("u-1"), Just("t-12"), Just("a=b"), Just("=%20"), Just("%"),
            ], 0..8)
        ) {
            let text = words.join(" ");
            if let DisplayName::Ours(ours) = DisplayName::parse(&text) {
                let again = ours.encode().expect("short");
                prop_assert_eq!(DisplayName::parse(&again), DisplayName::Ours(ours));
            }
        }
    }
}
