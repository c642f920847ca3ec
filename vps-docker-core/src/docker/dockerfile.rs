use std::collections::BTreeMap;

/// What has to be known of a Dockerfile before Docker reads it. It is Docker that judges it: what
/// cannot be made sense of here is passed over.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Dockerfile {
    /// The images it begins with or copies from.
    pub(super) bases: Vec<String>,
    /// Whether it has something that the classic builder does not know.
    pub(super) needs_buildkit: bool,
}

impl Dockerfile {
    /// Reads the text; `arguments` are those of `docker build`.
    pub(super) fn read(text: &str, arguments: &[String]) -> Self {
        let given = |name: &str| {
            let values = arguments.iter().rev();
            let mut values = values.filter_map(|arg| arg.strip_prefix("--build-arg="));
            let pair = values.find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
            pair.map(str::to_owned)
        };
        let mut file = Self::default();
        let mut variables = BTreeMap::new();
        let mut stages: Vec<String> = Vec::new();
        let mut began = false;
        for line in instructions(text) {
            let mut words = line.split_whitespace();
            let instruction = words.next().unwrap_or_default().to_ascii_uppercase();
            let options: Vec<&str> = words
                .clone()
                .take_while(|word| word.starts_with("--"))
                .collect();
            let mut words = words.skip(options.len());
            let mut from = None;
            match &*instruction {
                "ARG" if !began => {
                    for word in words {
                        let (name, default) = word.split_once('=').unwrap_or((word, ""));
                        let default = default.trim_matches(['"', '\'']).to_owned();
                        variables.insert(name.to_owned(), given(name).unwrap_or(default));
                    }
                }
                "FROM" => {
                    began = true;
                    from = words.next();
                    let named = words.next().filter(|word| word.eq_ignore_ascii_case("as"));
                    let name = named.and_then(|_| words.next()).map(str::to_lowercase);
                    file.add_base(from.take(), &variables, &stages);
                    stages.push(name.unwrap_or_default());
                }
                "COPY" | "ADD" => {
                    from = options.iter().find_map(|word| word.strip_prefix("--from="));
                    let plain = ["--from=", "--chown="];
                    let is_plain =
                        |word: &&str| plain.iter().any(|option| word.starts_with(option));
                    file.needs_buildkit |= !options.iter().all(is_plain) || line.contains("<<");
                }
                "RUN" => file.needs_buildkit |= !options.is_empty() || line.contains("<<"),
                _ => {}
            }
            let is_number = |word: &&str| word.bytes().all(|byte| byte.is_ascii_digit());
            file.add_base(from.filter(|word| !is_number(word)), &variables, &stages);
        }
        let mut comments = text.lines().take_while(|line| line.starts_with('#'));
        file.needs_buildkit |= comments.any(names_a_frontend);
        file
    }

    fn add_base(
        &mut self,
        name: Option<&str>,
        variables: &BTreeMap<String, String>,
        stages: &[String],
    ) {
        let Some(name) = name.map(|name| expand(name, variables)) else {
            return;
        };
        let known = stages.contains(&name.to_lowercase()) || self.bases.contains(&name);
        if !known && !name.is_empty() && name != "scratch" {
            self.bases.push(name);
        }
    }
}

/// `# syntax=docker/dockerfile:1`, in the first lines.
fn names_a_frontend(comment: &str) -> bool {
    let words = comment.trim_start_matches('#').trim_start();
    let value = words.strip_prefix("syntax");
    value.is_some_and(|value| value.trim_start().starts_with('='))
}

/// The instructions, each on one line.
fn instructions(text: &str) -> Vec<String> {
    let mut instructions = Vec::new();
    let mut current = String::new();
    for line in text.lines().map(str::trim) {
        if line.starts_with('#') || line.is_empty() {
            continue;
        }
        match line.strip_suffix('\\') {
            Some(begun) => current.extend([begun, " "]),
            None => {
                current.push_str(line);
                instructions.push(std::mem::take(&mut current));
            }
        }
    }
    instructions.push(current);
    instructions
}

/// `$NAME`, `${NAME}` and `${NAME:-default}`.
fn expand(text: &str, variables: &BTreeMap<String, String>) -> String {
    let mut expanded = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        expanded.push_str(before);
        let part_of_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let (inner, behind) = match after.strip_prefix('{').and_then(|it| it.split_once('}')) {
            Some(braced) => braced,
            None => {
                let end = after.find(|c| !part_of_name(c)).unwrap_or(after.len());
                after.split_at(end)
            }
        };
        let (name, default) = inner.split_once(":-").unwrap_or((inner, ""));
        let value = variables.get(name).filter(|value| !value.is_empty());
        expanded.push_str(value.map_or(default, String::as_str));
        rest = behind;
    }
    expanded + rest
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn bases_are_found_whoever_names_them() {
        let text = "# a comment\nARG TAG=1\nARG OTHER\nfrom --platform=linux/amd64 \\\n  a:${TAG} AS Build\n\
             ARG TAG=9\nRUN x\nCOPY --from=build /x /\nCOPY --chown=1 --from=tools:2 /y /\n\
             COPY --from=0 /x /\nFROM scratch\nFROM build\nFROM ${OTHER:-b}\nFROM $TAG/c\n";
        let read = |arguments: &[&str]| {
            let arguments: Vec<String> = arguments.iter().map(ToString::to_string).collect();
            Dockerfile::read(text, &arguments)
        };
        assert_eq!(read(&[]).bases, ["a:1", "tools:2", "b", "1/c"]);
        assert!(!read(&[]).needs_buildkit);
        let given = read(&[
            "--build-arg=TAG=7",
            "--build-arg=OTHER=x",
            "--build-arg=TAG=8",
        ]);
        assert_eq!(given.bases, ["a:8", "tools:2", "x", "8/c"]);
    }

    #[test]
    fn what_only_buildkit_knows_is_noticed() {
        for text in [
            "# syntax=docker/dockerfile:1\nFROM a",
            "FROM a\nRUN --mount=type=secret,id=x cat /run/secrets/x",
            "FROM a\nRUN \\\n  --mount=type=cache,target=/x true",
            "FROM a\nCOPY --chmod=755 a b",
            "FROM a\nRUN <<EOF\ntrue\nEOF",
        ] {
            assert!(Dockerfile::read(text, &[]).needs_buildkit, "{text}");
        }
        for text in [
            "FROM a\n# syntax=x\nRUN true",
            "FROM a\nCOPY --from=b --chown=1 c d",
            "",
        ] {
            assert!(!Dockerfile::read(text, &[]).needs_buildkit, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "(?s)(FROM |ARG |COPY --from=|\\$\\{?|[a=:}\n\\\\ -]){0,20}") {
            let _ = Dockerfile::read(&text, &[]);
        }
    }
}
