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
    use std::process::Command;

    use proptest::prelude::*;

    use super::*;

    fn echoed_by_a_shell(words: &[String]) -> Vec<u8> {
        let line = format!("printf '%s\\0' {}", join(words));
        let output = Command::new("/bin/sh")
            .args(["-c", &line])
            .output()
            .expect("a shell");
        assert!(output.status.success(), "{line:?}");
        output.stdout
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]
        #[test]
        fn words_arrive_as_they_are(words in prop::collection::vec("[^\0]*", 1..5)) {
            let expected: Vec<u8> = words.iter().flat_map(|word| [word.as_bytes(), b"\0"].concat()).collect();
            prop_assert_eq!(echoed_by_a_shell(&words), expected);
        }
    }

    #[test]
    fn the_usual_suspects() {
        let words: Vec<String> = [
            "", "-n", "~", "a b", "'", "\"", "$(id)", "`id`", "a\nb", "!", "*", "#", "\\",
        ]
        .map(String::from)
        .to_vec();
        let expected: Vec<u8> = words
            .iter()
            .flat_map(|word| [word.as_bytes(), b"\0"].concat())
            .collect();
        assert_eq!(echoed_by_a_shell(&words), expected);
    }
}
