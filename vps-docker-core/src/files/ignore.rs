//! `.dockerignore`: which files of a context stay here.
//!
//! What is left out here never leaves this machine. What travels is ignored once more by Docker
//! on the VPS, which has the last word: the file itself travels too. Where the classic builder and
//! BuildKit differ (an exception with a wildcard, such as `!**/keep`, reaches into an ignored
//! directory with BuildKit only), BuildKit's rule is taken, which leaves out less.

use super::pattern::Pattern;
use crate::error::Result;

/// The rules of a `.dockerignore` file.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ignore {
    rules: Vec<Rule>,
}

#[derive(Clone, Debug)]
struct Rule {
    pattern: Pattern,
    /// It began with `!`.
    exception: bool,
}

/// Which rules a path or one of its parents matched. A walk hands a directory's to its entries.
#[derive(Clone, Debug, Default)]
pub(crate) struct Matched(Vec<bool>);

impl Ignore {
    /// Reads the file's text.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) for a malformed pattern.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut ignore = Self::default();
        for line in text.lines() {
            let line = match line.trim() {
                // A comment has its sign in the first column.
                _ if line.starts_with('#') => continue,
                "" => continue,
                line => line,
            };
            let (exception, pattern) = match line.strip_prefix('!') {
                Some(rest) => (true, rest.trim()),
                None => (false, line),
            };
            // A lone `!` is refused by Docker; it excepts nothing.
            if !pattern.is_empty() {
                ignore.add(&clean(pattern), exception)?;
            }
        }
        Ok(ignore)
    }

    /// Lets a file travel whatever the rules say: Docker needs it to build.
    pub(crate) fn except(&mut self, path: &str) -> Result<()> {
        let magic = |c: char| "*?[]\\".contains(c);
        let escaped = path.chars().flat_map(|c| {
            let sign = magic(c).then_some('\\');
            sign.into_iter().chain([c])
        });
        self.add(&escaped.collect::<String>(), true)
    }

    fn add(&mut self, pattern: &str, exception: bool) -> Result<()> {
        self.rules.push(Rule {
            pattern: Pattern::new(pattern)?,
            exception,
        });
        Ok(())
    }

    /// Whether the path is left out. The last rule that matches it or one of its parents decides.
    pub(crate) fn leaves_out(&self, path: &str, parent: &Matched) -> (bool, Matched) {
        let mut out = false;
        let mut matched = vec![false; self.rules.len()];
        for (position, rule) in self.rules.iter().enumerate() {
            let inherited = parent.0.get(position).copied().unwrap_or(false);
            // As in Docker, a rule that could change nothing is not looked at.
            let matches = inherited || (rule.exception == out && rule.pattern.matches(path));
            matched[position] = matches;
            if matches {
                out = !rule.exception;
            }
        }
        (out, Matched(matched))
    }

    /// Whether something in a directory that is left out may travel all the same.
    pub(crate) fn reaches_into(&self, directory: &str) -> bool {
        let inside = format!("{directory}/");
        self.rules.iter().any(|rule| {
            let text = rule.pattern.text();
            let magic = text.contains(['*', '?', '[', '\\']);
            rule.exception && (magic || format!("{text}/").starts_with(&inside))
        })
    }
}

/// What Go's `filepath.Clean` makes of it, without a slash in front.
fn clean(pattern: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    let rooted = pattern.starts_with('/');
    for part in pattern.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            ".." if rooted => {}
            part => parts.push(part),
        }
    }
    match parts.join("/") {
        cleaned if !cleaned.is_empty() => cleaned,
        _ if rooted => "/".to_owned(),
        _ => ".".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Whether a file is left out, its directories looked at first, as a walk does it.
    fn leaves_out(text: &str, path: &str) -> bool {
        let ignore = Ignore::parse(text).expect(text);
        let mut matched = Matched::default();
        for (end, _) in path.match_indices('/') {
            let (out, next) = ignore.leaves_out(&path[..end], &matched);
            if out && !ignore.reaches_into(&path[..end]) {
                return true;
            }
            matched = next;
        }
        ignore.leaves_out(path, &matched).0
    }

    #[test]
    fn comments_blanks_and_slashes_are_read_as_docker_reads_them() {
        for (text, path, out) in [
            ("# a\n", "# a", false),
            (" #a\n", "#a", true),
            ("  a  \n\n", "a", true),
            ("/a\n", "a", true),
            ("./a/\n", "a", true),
            ("a/../b\n", "b", true),
            ("../a\n", "a", false),
            ("/../a\n", "a", true),
            (".\n", "a", false),
            ("\u{feff}a\n", "a", true),
            ("a\r\n", "a", true),
            ("!\na\n", "a", true),
            ("a\n! a\n", "a", false),
        ] {
            assert_eq!(leaves_out(text, path), out, "{text:?} on {path}");
        }
    }

    #[test]
    fn the_last_rule_that_matches_a_path_or_its_parent_decides() {
        for (text, path, out) in [
            ("a", "a/b/c", true),
            ("a\n!a/b", "a/b/c", false),
            ("a\n!a/b", "a/c", true),
            ("a\n!a/b\na/b/c", "a/b/c", true),
            ("*\n!*.md", "x.md", false),
            ("*\n!*.md\nREADME*.md", "README-x.md", true),
            ("*\n!a/b", "a/b", false),
            ("*\n!a/b", "a/c", true),
            ("*\n!**/keep", "a/b/keep", false),
            ("!a\na", "a", true),
            ("**/.git", "x/.git/config", true),
        ] {
            assert_eq!(leaves_out(text, path), out, "{text:?} on {path}");
        }
    }

    #[test]
    fn what_is_excepted_by_name_travels() {
        let mut ignore = Ignore::parse("*\n").expect("legal");
        ignore.except("Docker[f]ile").expect("escaped");
        let none = Matched::default();
        assert!(!ignore.leaves_out("Docker[f]ile", &none).0);
        assert!(ignore.leaves_out("Dockerf", &none).0);
    }

    proptest! {
        #[test]
        fn no_file_panics(text in "(?s).{0,60}", path in "[a-c/.*]{1,10}") {
            if let Ok(ignore) = Ignore::parse(&text) {
                let _ = ignore.leaves_out(&path, &Matched::default());
                let _ = ignore.reaches_into(&path);
            }
        }
    }
}
