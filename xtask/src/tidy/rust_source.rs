//! Just enough of Rust's syntax for our rules: what is code, what is a test, which paths are named.

/// A file's text, of which only the code is left: comments and the insides of literals are blank,
/// so that lines keep their numbers.
#[derive(Debug)]
pub(super) struct Code(String);

/// A path that starts from the crate or from a parent, such as `super::model::HostId`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Named {
    pub(super) line: usize,
    /// From the crate's root on. A glob ends in `*`.
    pub(super) segments: Vec<String>,
}

impl Code {
    pub(super) fn of(text: &str) -> Self {
        Self(blank_literals_and_comments(text))
    }

    /// Takes away what only tests see; returns the names of modules that are tests as a whole and
    /// in files of their own.
    pub(super) fn without_tests(mut self) -> (Self, Vec<String>) {
        let mut test_modules = Vec::new();
        while let Some(start) = ["#[cfg(test)]", "#[cfg(all(test,"]
            .iter()
            .filter_map(|attribute| self.0.find(attribute))
            .min()
        {
            let end = start + item_length(&self.0[start..]);
            let item = &self.0[start..end];
            if let Some(declaration) = item.strip_suffix(';') {
                let mut words = declaration.rsplit(char::is_whitespace);
                if let (Some(name), Some("mod")) = (words.next(), words.next()) {
                    test_modules.push(name.to_owned());
                }
            }
            let blank = blanked(item);
            self.0.replace_range(start..end, &blank);
        }
        (self, test_modules)
    }

    /// Line numbers and lines.
    pub(super) fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        (1..).zip(self.0.lines())
    }

    /// Every path that starts with `crate`, `super` or `self`, as seen from a file that is the
    /// module `here`.
    pub(super) fn paths(&self, here: &[String]) -> Vec<Named> {
        let tokens = tokens(&self.0);
        let mut here = here.to_vec();
        let mut depth = 0;
        let mut inline_modules = Vec::new();
        let mut found = Vec::new();
        let mut at = 0;
        while at < tokens.len() {
            let text = |offset: usize| tokens.get(at + offset).map_or("", |token| token.text);
            match text(0) {
                "mod" if text(2) == "{" => {
                    here.push(text(1).to_owned());
                    inline_modules.push(depth);
                    at += 1;
                }
                "{" => depth += 1,
                "}" => {
                    depth -= 1;
                    if inline_modules.last() == Some(&depth) {
                        inline_modules.pop();
                        here.pop();
                    }
                }
                "crate" | "super" | "self" if text(1) == "::" => {
                    at += tree(&tokens[at..], &[], &here, &mut found);
                    continue;
                }
                _ => {}
            }
            at += 1;
        }
        found
    }

    /// What a crate's root shows of its modules by `pub use`: name and module.
    pub(super) fn exports(&self) -> Vec<(String, String)> {
        let tokens = tokens(&self.0);
        let mut exports = Vec::new();
        for at in 0..tokens.len() {
            if tokens[at].text != "use" {
                continue;
            }
            let mut found = Vec::new();
            tree(&tokens[at + 1..], &[], &[], &mut found);
            for Named { segments, .. } in found {
                if let [module, .., name] = segments.as_slice() {
                    exports.push((name.clone(), module.clone()));
                }
            }
        }
        exports
    }
}

#[derive(Clone, Copy, Debug)]
struct Token<'a> {
    line: usize,
    text: &'a str,
}

/// Words, `::`, and single characters.
fn tokens(code: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    for (line, text) in (1..).zip(code.lines()) {
        let mut rest = text.trim_start();
        while let Some(first) = rest.chars().next() {
            let length = if is_word(first) {
                rest.find(|c| !is_word(c)).unwrap_or(rest.len())
            } else if rest.starts_with("::") {
                2
            } else {
                first.len_utf8()
            };
            tokens.push(Token {
                line,
                text: &rest[..length],
            });
            rest = rest[length..].trim_start();
        }
    }
    tokens
}

/// Reads a path or a use tree after `prefix` and adds its leaves; returns how many tokens it took.
fn tree(tokens: &[Token<'_>], prefix: &[String], here: &[String], found: &mut Vec<Named>) -> usize {
    let mut segments = prefix.to_vec();
    let text = |at: usize| tokens.get(at).map_or("", |token| token.text);
    let line = tokens.first().map_or(0, |token| token.line);
    let mut at = 0;
    loop {
        match text(at) {
            "{" => {
                at += 1;
                while !matches!(text(at), "}" | "") {
                    at += tree(&tokens[at..], &segments, here, found).max(1);
                    if text(at) == "," {
                        at += 1;
                    }
                }
                return at + 1;
            }
            "*" => segments.push("*".to_owned()),
            "crate" => segments.clear(),
            // At the start it is where we are; at the end it is what was named so far.
            "self" if at == 0 && prefix.is_empty() => segments = here.to_vec(),
            "self" => {}
            "super" => {
                if at == 0 && prefix.is_empty() {
                    segments = here.to_vec();
                }
                segments.pop();
            }
            word if word.starts_with(is_word) => segments.push(word.to_owned()),
            _ => break,
        }
        at += 1;
        if text(at) != "::" {
            break;
        }
        at += 1;
    }
    if text(at) == "as" {
        // The crate's root shows it by its new name.
        if here.is_empty() && segments.len() > 1 {
            segments.push(text(at + 1).to_owned());
        }
        at += 2;
    }
    found.push(Named { line, segments });
    at
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// How long the item is that an attribute at the start belongs to.
fn item_length(code: &str) -> usize {
    let mut depth = 0_i32;
    for (at, c) in code.char_indices() {
        match c {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => {
                depth -= 1;
                // Below zero: what it belongs to has ended before it, as a last field's does.
                if depth < 0 {
                    return at;
                }
                if depth == 0 && c == '}' {
                    return at + 1;
                }
            }
            ';' if depth == 0 => return at + 1,
            _ => {}
        }
    }
    code.len()
}

fn blanked(text: &str) -> String {
    let blank = |c| if c == '\n' { '\n' } else { ' ' };
    text.chars().map(blank).collect()
}

fn blank_literals_and_comments(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    let mut after_word = false;
    while let Some(first) = rest.chars().next() {
        let (length, keep) = piece(rest, after_word);
        let (piece, after) = rest.split_at(length.max(first.len_utf8()));
        if keep {
            code.push_str(piece);
        } else {
            code.push_str(&blanked(piece));
        }
        after_word = is_word(first) && keep;
        rest = after;
    }
    code
}

/// The length of the next piece and whether it is code.
fn piece(rest: &str, after_word: bool) -> (usize, bool) {
    let first = rest.chars().next().map_or(0, char::len_utf8);
    if rest.starts_with("//") {
        return (rest.find('\n').unwrap_or(rest.len()), false);
    }
    if rest.starts_with("/*") {
        return (block_comment(rest), false);
    }
    if rest.starts_with('"') {
        return (string(rest), false);
    }
    if !after_word {
        let raw = ["r", "br", "cr"].iter().find_map(|prefix| {
            let hashes = rest.strip_prefix(prefix)?;
            let count = hashes.len() - hashes.trim_start_matches('#').len();
            let body = hashes[count..].strip_prefix('"')?;
            let close = format!("\"{}", "#".repeat(count));
            let end = body.find(&close).unwrap_or(body.len());
            Some((rest.len() - body.len() + end + close.len()).min(rest.len()))
        });
        if let Some(length) = raw {
            return (length, false);
        }
    }
    if let Some(body) = rest.strip_prefix('\'') {
        // A literal, or else a lifetime, which is code.
        let mut chars = body.char_indices();
        let end = match chars.next() {
            Some((_, '\\')) => body[2.min(body.len())..].find('\'').map(|end| end + 2),
            Some(_) => chars.next().filter(|(_, c)| *c == '\'').map(|(end, _)| end),
            None => None,
        };
        if let Some(end) = end {
            return (end + 2, false);
        }
    }
    (first, true)
}

fn string(rest: &str) -> usize {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

fn block_comment(rest: &str) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < rest.len() {
        let here = &rest.as_bytes()[at..];
        if here.starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if here.starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    rest.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn here(path: &str) -> Vec<String> {
        path.split("::")
            .filter(|part| !part.is_empty())
            .map(str::to_owned)
            .collect()
    }

    fn paths(text: &str, module: &str) -> Vec<String> {
        let paths = Code::of(text).paths(&here(module));
        paths
            .iter()
            .map(|named| named.segments.join("::"))
            .collect()
    }

    #[test]
    fn literals_and_comments_are_no_code() {
        let text = "a /* b /* c */ */ \"d\\\" // \" e // f\n'g' 'h: '\\'' r#\"i \" j\"# k\nb\"l\" br\"m\" n";
        let code = Code::of(text).0;
        assert_eq!(
            code.split_whitespace().collect::<Vec<_>>(),
            ["a", "e", "'h:", "k", "b", "n"]
        );
        assert_eq!(code.lines().count(), 3);
    }

    #[test]
    fn a_word_that_ends_in_r_starts_no_raw_string() {
        assert_eq!(Code::of("for\"x\" y").0, "for    y");
    }

    #[test]
    fn tests_are_taken_away_and_nothing_else() {
        let text = "a();\n#[cfg(test)]\n#[allow(x)]\nmod tests { fn b([u8; 3]) { c(); } }\nd();\n\
                    #[cfg(test)]\nmod apart;\nstruct S { e: u8, #[cfg(test)] f: u8 }\ng();";
        let (code, modules) = Code::of(text).without_tests();
        let words: Vec<&str> = code.0.split_whitespace().collect();
        assert_eq!(
            words,
            ["a();", "d();", "struct", "S", "{", "e:", "u8,", "}", "g();"]
        );
        assert_eq!(modules, ["apart"]);
        assert_eq!(code.0.lines().count(), text.lines().count());
    }

    #[test]
    fn every_kind_of_path_is_found() {
        assert_eq!(
            paths(
                "use crate::{a::{B, C as D}, e, f::*};\nlet x: crate::G<u8> = crate::h::i();",
                "m"
            ),
            ["a::B", "a::C", "e", "f::*", "G", "h::i"]
        );
        assert_eq!(
            paths(
                "use super::{x, super::y::Z}; super::super::w!(); self::v();",
                "m::n"
            ),
            ["m::x", "y::Z", "w", "m::n::v"]
        );
        assert_eq!(paths("use super::*;", "m"), ["*"]);
    }

    #[test]
    fn a_module_within_a_file_is_one_level_deeper() {
        assert_eq!(
            paths(
                "mod n { fn f() { super::a(); } } fn g() { super::b(); }",
                "m"
            ),
            ["m::a", "b"]
        );
    }

    #[test]
    fn visibility_is_no_path() {
        assert_eq!(
            paths("pub(crate) fn f(self) {} pub(super) struct S;", "m"),
            [""; 0]
        );
    }

    #[test]
    fn paths_know_their_line() {
        let found = Code::of("\n/* x\n */ use crate::a;").paths(&here("m"));
        assert_eq!(found[0].line, 3);
    }

    #[test]
    fn exports_are_known_by_the_name_they_are_shown_by() {
        let code = Code::of("mod a;\npub use a::{B, c::D};\npub use e::F as G;\npub use a::H;");
        let exports: Vec<String> = code
            .exports()
            .iter()
            .map(|(name, module)| format!("{name}={module}"))
            .collect();
        assert_eq!(exports, ["B=a", "D=a", "G=e", "H=a"]);
    }
}
