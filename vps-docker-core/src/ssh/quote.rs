//! Quoting for the remote shell: done once, here.

use std::borrow::Cow;

/// One word for a POSIX shell. Whatever it contains arrives as it is.
#[must_use]
pub fn quote(word: &str) -> Cow<'_, str> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./:=@%+,".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return Cow::Borrowed(word);
    }
    Cow::Owned(format!("'{}'", word.replace('\'', r"'\''")))
}

/// Words as one line for a POSIX shell.
pub fn join<I, S>(words: I) -> String
where
    I: IntoIterator<Item = S>,
    S: AsRef<str>,
{
    let mut line = String::new();
    for word in words {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(&quote(word.as_ref()));
    }
    line
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::model::fields::input;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(100))]
        #[test]
        fn words_arrive_as_they_are(words in prop::collection::vec("[^\0]*", 1..5)) {
            crate::properties::quoting(&input(words));
        }
    }

    #[test]
    fn the_usual_suspects() {
        crate::properties::quoting(&input([
            "", "-n", "~", "a b", "'", "\"", "$(id)", "`id`", "a\nb", "!", "*", "#", "\\",
        ]));
    }
}
