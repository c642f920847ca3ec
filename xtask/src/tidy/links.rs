use std::path::{Component, Path, PathBuf};

use anyhow::Result;

use super::{Files, Problem};

/// Every link from one of our documents to a file or a heading of ours leads somewhere. What lies
/// on the network is not asked for.
pub(super) fn check(files: &Files) -> Result<Vec<Problem>> {
    let mut documents = Vec::new();
    for path in files.with_extension("md") {
        documents.push((path.to_owned(), files.read(path)?));
    }
    Ok(check_documents(&documents, |path| {
        files.root.join(path).exists()
    }))
}

fn check_documents(
    documents: &[(PathBuf, String)],
    exists: impl Fn(&Path) -> bool,
) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (path, text) in documents {
        for (line, link) in links(text) {
            let (file, heading) = link.split_once('#').unwrap_or((&link, ""));
            let target = match resolve(path, file) {
                Some(target) if exists(&target) => target,
                _ => {
                    problems.push(Problem {
                        path: path.clone(),
                        line,
                        message: format!("the link {link} leads nowhere in this repository"),
                    });
                    continue;
                }
            };
            let document = documents.iter().find(|(path, _)| *path == target);
            let known = document.is_none_or(|(_, text)| has_heading(text, heading));
            if !heading.is_empty() && !known {
                problems.push(Problem {
                    path: path.clone(),
                    line,
                    message: format!("the link {link} names no heading of {}", target.display()),
                });
            }
        }
    }
    problems
}

/// The path from the root; none if it leaves the repository.
fn resolve(document: &Path, link: &str) -> Option<PathBuf> {
    if link.is_empty() {
        return Some(document.to_owned());
    }
    let mut path = match link.strip_prefix('/') {
        Some(_) => PathBuf::new(),
        None => document.parent()?.to_owned(),
    };
    for part in Path::new(link.trim_start_matches('/')).components() {
        match part {
            Component::ParentDir => path.pop().then_some(())?,
            Component::Normal(name) => path.push(name),
            _ => {}
        }
    }
    Some(path)
}

/// Links to ourselves, with their lines: `[text](target)` and `[text]: target`.
fn links(text: &str) -> Vec<(usize, String)> {
    let mut links = Vec::new();
    for (number, line) in prose(text) {
        let mut rest = line.as_str();
        while let Some(at) = rest.find("](") {
            rest = &rest[at + 2..];
            let end = rest.find(')').unwrap_or(rest.len());
            links.push((number, rest[..end].to_owned()));
        }
        if let Some((label, target)) = line.split_once("]: ")
            && label.starts_with('[')
        {
            links.push((number, target.to_owned()));
        }
    }
    for (_, link) in &mut links {
        // A title may follow.
        let target = link.split_whitespace().next().unwrap_or_default();
        *link = target.trim_matches(['<', '>']).to_owned();
    }
    let elsewhere = |link: &str| link.contains("://") || link.starts_with("mailto:");
    links.retain(|(_, link)| !elsewhere(link));
    links
}

/// The lines that are no code, with inline code blanked.
fn prose(text: &str) -> impl Iterator<Item = (usize, String)> {
    let mut in_code = false;
    (1..).zip(text.lines()).filter_map(move |(number, line)| {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
            return None;
        }
        let even = |(index, part)| if index % 2 == 0 { part } else { "" };
        let line = line.split('`').enumerate().map(even).collect();
        (!in_code).then_some((number, line))
    })
}

fn has_heading(text: &str, heading: &str) -> bool {
    let mut in_code = false;
    text.lines().any(|line| {
        if line.starts_with("```") {
            in_code = !in_code;
        }
        let title = line.trim_start_matches('#');
        !in_code && line.starts_with('#') && title.starts_with(' ') && slug(title) == heading
    })
}

/// A heading as the forges write it in links.
fn slug(title: &str) -> String {
    let kept = |c: &char| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_');
    let lower = title.trim().to_lowercase();
    lower
        .chars()
        .filter(kept)
        .map(|c| if c == ' ' { '-' } else { c })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(documents: &[(&str, &str)]) -> Vec<String> {
        let documents: Vec<(PathBuf, String)> = documents
            .iter()
            .map(|(path, text)| (path.into(), (*text).to_owned()))
            .collect();
        let exists = |path: &Path| {
            path == Path::new("src/lib.rs") || documents.iter().any(|(known, _)| known == path)
        };
        let problems = check_documents(&documents, exists);
        problems.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn good_links_are_fine() {
        let readme = "# A `b`: c\n[x](docs/a.md#the-top) [y](src/lib.rs) [z](#a-b-c)\n\
                      [w](https://example.org/nothing)\n[v]: docs/a.md \"title\"\n";
        let other = "## The top\n[back](../README.md) [root](/README.md)\n";
        assert_eq!(
            problems(&[("README.md", readme), ("docs/a.md", other)]),
            [""; 0]
        );
    }

    #[test]
    fn bad_ones_are_found() {
        for link in [
            "[x](nothing.md)",
            "[x](../README.md)",
            "[x](#no-such-heading)",
            "[x](README.md#no-such-heading)",
            "[x]: nothing.md",
            "[x](src/lib.rs) and [y](src/nothing.rs)",
        ] {
            let text = format!("# Title\n\n{link}\n");
            let found = problems(&[("README.md", &text)]);
            assert_eq!(found.len(), 1, "{link}: {found:?}");
            assert!(found[0].starts_with("README.md:3: "), "{found:?}");
        }
    }

    #[test]
    fn code_has_no_links_and_no_headings() {
        let text = "`a[0](b)`\n```sh\n# top\n[x](y)\n```\n";
        assert_eq!(problems(&[("README.md", text)]), [""; 0]);
        assert!(!has_heading(text, "top"));
    }
}
