use std::path::Path;

use anyhow::Result;

use super::{Files, Problem};

/// The table of behaviours and the tests that prove them.
const TABLE: &str = "tests/README.md";
const BEHAVIOURS: usize = 33;

/// What a behaviour without a test says, and then why.
const NONE: &str = "no test yet: ";

/// Every behaviour has its row in the table, and every test that is named there exists.
pub(super) fn check(files: &Files) -> Result<Vec<Problem>> {
    let text = files.read(Path::new(TABLE))?;
    Ok(check_table(&text, |path| files.read(path).ok()))
}

fn check_table(table: &str, read: impl Fn(&Path) -> Option<String>) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut add = |line, message| {
        problems.push(Problem {
            path: TABLE.into(),
            line,
            message,
        });
    };
    let mut expected = 1;
    for (line, row) in (1..).zip(table.lines()) {
        let tests: Vec<_> = tests(row).collect();
        for (path, name) in &tests {
            let text = read(Path::new(path)).unwrap_or_default();
            if !text.contains(&format!("fn {name}(")) {
                add(line, format!("there is no test {name} in {path}"));
            }
        }
        let Some(number) = number(row) else {
            continue;
        };
        if number != expected {
            add(line, format!("behaviour {expected} was to stand here"));
        }
        if tests.is_empty() && !row.contains(NONE) {
            add(line, format!("name a test, or say why not (`{NONE}…`)"));
        }
        expected = number + 1;
    }
    if expected != BEHAVIOURS + 1 {
        add(0, format!("it ends before behaviour {BEHAVIOURS}"));
    }
    problems
}

/// The number that a row begins with.
fn number(row: &str) -> Option<usize> {
    row.strip_prefix("| ")?.split_once(' ')?.0.parse().ok()
}

/// The tests that a line names: `path.rs::name` in backquotes.
fn tests(row: &str) -> impl Iterator<Item = (&str, &str)> {
    let code = row.split('`').skip(1).step_by(2);
    code.filter_map(|code| code.split_once("::"))
        .filter(|(path, _)| path.ends_with(".rs"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(change: impl Fn(usize, &str) -> String) -> Vec<String> {
        let rows = (1..=BEHAVIOURS).map(|number| change(number, "`a.rs::good`"));
        let text: Vec<String> = rows.collect();
        let problems = check_table(&text.join("\n"), |path| {
            (path == Path::new("a.rs")).then(|| "async fn good() {}".to_owned())
        });
        problems
            .into_iter()
            .map(|problem| problem.message)
            .collect()
    }

    #[test]
    fn a_whole_table_is_fine_and_a_gap_may_be_told() {
        assert_eq!(
            table(|number, test| format!("| {number} | x | {test} |")),
            [""; 0]
        );
        let told = table(|number, _| format!("| {number} | x | {NONE}soon |"));
        assert_eq!(told, [""; 0]);
    }

    #[test]
    fn tests_that_are_not_there_and_rows_that_lack_are_found() {
        for test in ["`a.rs::goo`", "`b.rs::good`"] {
            let found = table(|number, _| format!("| {number} | x | {test} |"));
            assert!(found[0].starts_with("there is no test"), "{found:?}");
        }
        let found = table(|number, _| format!("| {number} | x | somewhere |"));
        assert!(found[0].starts_with("name a test"), "{found:?}");
        let found = table(|number, test| match number {
            7 => String::new(),
            _ => format!("| {number} | x | {test} |"),
        });
        assert_eq!(found, ["behaviour 7 was to stand here"]);
    }
}
