//! One pattern of a `.dockerignore` file. Go's `filepath.Match`, and `**` as Docker adds it.

use crate::error::{Error, ErrorKind, Result};

/// A pattern, matched against a path relative to the context, without a slash at either end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pattern {
    text: String,
    form: Form,
}

/// Docker takes the plainest of these that a pattern allows, and they are not quite the same:
/// `**x` is a suffix and matches `yx`, whereas the `**` of `**x*` ends at a slash.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Form {
    Exact,
    /// `x**`: whatever begins with x.
    Prefix,
    /// `**x`: whatever ends with x.
    Suffix,
    Tokens(Vec<Token>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Literal(char),
    /// `?`: any character but a slash.
    One,
    /// `*`: any characters but slashes.
    Star,
    /// `**/`: any number of directories, none included.
    Directories,
    /// `**` at the end: anything.
    Rest,
    /// `[a-z]`, `[^a-z]`.
    Class {
        negated: bool,
        ranges: Vec<(char, char)>,
    },
}

impl Pattern {
    /// Reads a cleaned pattern.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] for a class that does not end and a `\` that escapes nothing.
    pub(super) fn new(text: &str) -> Result<Self> {
        let (tokens, form) = tokens(text).ok_or_else(|| {
            Error::new(
                ErrorKind::Invalid,
                format!(
                    "the pattern {text:?} is malformed: close its `[`, and end it with no `\\`"
                ),
            )
        })?;
        Ok(Self {
            text: text.to_owned(),
            form: form.unwrap_or(Form::Tokens(tokens)),
        })
    }

    /// The pattern as it was written, cleaned.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn matches(&self, path: &str) -> bool {
        match &self.form {
            Form::Exact => path == self.text,
            Form::Prefix => path.starts_with(&self.text[..self.text.len() - 2]),
            Form::Suffix => {
                let suffix = &self.text[2..];
                path.ends_with(suffix) || suffix.strip_prefix('/') == Some(path)
            }
            Form::Tokens(tokens) => matches(tokens, path),
        }
    }
}

/// What the text consists of, and the plainer form that it has. `None` when it is malformed.
fn tokens(text: &str) -> Option<(Vec<Token>, Option<Form>)> {
    let mut tokens = Vec::new();
    let mut form = Some(Form::Exact);
    let mut rest = text.chars().peekable();
    let mut first = true;
    while let Some(character) = rest.next() {
        match character {
            '*' if rest.next_if_eq(&'*').is_some() => {
                let _ = rest.next_if_eq(&'/');
                if rest.peek().is_none() {
                    form = (form == Some(Form::Exact)).then_some(Form::Prefix);
                    tokens.push(Token::Rest);
                } else {
                    form = None;
                    tokens.push(Token::Directories);
                }
                if first {
                    form = Some(Form::Suffix);
                }
            }
            '*' => {
                form = None;
                tokens.push(Token::Star);
            }
            '?' => {
                form = None;
                tokens.push(Token::One);
            }
            '\\' => {
                form = None;
                tokens.push(Token::Literal(rest.next()?));
            }
            '[' => {
                form = None;
                tokens.push(class(&mut rest)?);
            }
            other => tokens.push(Token::Literal(other)),
        }
        first = false;
    }
    Some((tokens, form))
}

/// What follows a `[`, up to its `]`.
fn class(rest: &mut std::iter::Peekable<std::str::Chars>) -> Option<Token> {
    let negated = rest.next_if_eq(&'^').is_some();
    let mut ranges = Vec::new();
    loop {
        if !ranges.is_empty() && rest.next_if_eq(&']').is_some() {
            return Some(Token::Class { negated, ranges });
        }
        let low = class_member(rest)?;
        let high = match rest.next_if_eq(&'-') {
            Some(_) => class_member(rest)?,
            None => low,
        };
        ranges.push((low, high));
    }
}

fn class_member(rest: &mut std::iter::Peekable<std::str::Chars>) -> Option<char> {
    match rest.next()? {
        '-' | ']' => None,
        '\\' => rest.next(),
        other => Some(other),
    }
}

/// Follows every way through the tokens at once: takes their number times the path's length and no
/// more, whatever the pattern is.
fn matches(tokens: &[Token], path: &str) -> bool {
    let path: Vec<char> = path.chars().collect();
    // Whether the tokens so far can end before this character.
    let mut reached = vec![false; path.len() + 1];
    reached[0] = true;
    for token in tokens {
        let mut next = vec![false; path.len() + 1];
        let one = |next: &mut Vec<bool>, fits: &dyn Fn(char) -> bool| {
            for (position, character) in path.iter().enumerate() {
                next[position + 1] = reached[position] && fits(*character);
            }
        };
        match token {
            Token::Literal(literal) => one(&mut next, &|c| c == *literal),
            Token::One => one(&mut next, &|c| c != '/'),
            Token::Class { negated, ranges } => one(&mut next, &|c| {
                ranges.iter().any(|(low, high)| (*low..=*high).contains(&c)) != *negated
            }),
            Token::Star => {
                next.clone_from(&reached);
                for (position, character) in path.iter().enumerate() {
                    next[position + 1] |= next[position] && *character != '/';
                }
            }
            Token::Directories => {
                next.clone_from(&reached);
                let mut begun = false;
                for (position, character) in path.iter().enumerate() {
                    begun |= reached[position];
                    next[position + 1] |= begun && *character == '/';
                }
            }
            Token::Rest => {
                let mut begun = false;
                for (before, after) in reached.iter().zip(&mut next) {
                    begun |= before;
                    *after = begun;
                }
            }
        }
        reached = next;
    }
    reached[path.len()]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn patterns_match_as_in_docker() {
        for (pattern, matching, other) in [
            ("a", &["a"][..], &["b", "a/b", "ba"][..]),
            ("a/b.c", &["a/b.c"], &["a/bxc"]),
            ("*", &["a", ".a"], &["a/b"]),
            ("*.go", &["x.go", ".go"], &["x.gox", "a/x.go"]),
            ("a/*/c", &["a/b/c"], &["a/c", "a/b/b/c"]),
            ("?", &["a", "ä"], &["ab", "/"]),
            ("**", &["a", "a/b"], &[]),
            ("**/x", &["x", "a/x", "a/b/x"], &["xy", "x/y"]),
            ("**x", &["x", "yx", "a/yx"], &["xy"]),
            ("**/*.go", &["x.go", "a/x.go"], &["x.g"]),
            ("a/**", &["a/b", "a/b/c"], &["a", "ab"]),
            ("a**", &["ab", "a", "a/b"], &["ba"]),
            ("a/**/c", &["a/c", "a/b/c", "a/b/b/c"], &["ac", "a/xc"]),
            ("**/a/**", &["a/b", "x/a/b"], &["a", "xa/b"]),
            ("[a-c]x", &["ax", "cx"], &["dx", "x"]),
            ("[^a-c]x", &["dx", "/x"], &["ax"]),
            ("[a\\]]", &["]", "a"], &["b"]),
            ("a\\*b", &["a*b"], &["axb"]),
            ("$(x){1}.+|", &["$(x){1}.+|"], &[]),
        ] {
            let parsed = Pattern::new(pattern).expect(pattern);
            for path in matching {
                assert!(parsed.matches(path), "{pattern} does not match {path}");
            }
            for path in other {
                assert!(!parsed.matches(path), "{pattern} matches {path}");
            }
        }
        for bad in ["[", "[a", "[]a]", "a\\", "[a-]", "[^]", "[-a]"] {
            Pattern::new(bad).expect_err(bad);
        }
    }

    #[test]
    fn a_hostile_pattern_takes_no_longer_than_another() {
        let pattern = Pattern::new(&format!("{}b", "*a**/".repeat(200))).expect("legal");
        assert!(!pattern.matches(&"a".repeat(2000)));
    }

    proptest! {
        #[test]
        fn no_pattern_and_no_path_panics(pattern in "[a*?/\\\\\\[\\]^!.ä-]{0,12}", path in "[ab/.ä]{0,12}") {
            if let Ok(pattern) = Pattern::new(&pattern) {
                let _ = pattern.matches(&path);
            }
        }

        #[test]
        fn what_has_no_magic_matches_itself_alone(path in "[a-z./ä]{1,12}", other in "[a-z./ä]{1,12}") {
            let pattern = Pattern::new(&path).expect("plain");
            prop_assert!(pattern.matches(&path));
            prop_assert_eq!(pattern.matches(&other), path == other);
        }
    }
}
