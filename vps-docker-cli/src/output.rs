//! What goes to standard output: text for people, or one JSON document.

use std::io::{IsTerminal, Write};

use comfy_table::{ContentArrangement, Table, presets};
use serde::Serialize;
use vps_docker::Result;

use crate::shown::Shown;

/// Which of the two is wanted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    json: bool,
}

impl Output {
    pub(crate) fn new(json: bool) -> Self {
        Self { json }
    }

    /// The document, or the text that `text` makes.
    pub(crate) fn show<T: Serialize + ?Sized, S: Into<Shown>>(
        self,
        document: &T,
        text: impl FnOnce() -> S,
    ) -> Result<u8> {
        if self.json {
            print_json(document);
        } else {
            print(text());
        }
        Ok(0)
    }

    /// A word that something was done, which a pipeline does not need.
    pub(crate) fn done(self, text: &str) {
        if !self.json {
            anstream::eprintln!("{}", Shown::from(text).as_str());
        }
    }
}

/// Prints a document and a line break.
pub(crate) fn print_json<T: Serialize + ?Sized>(document: &T) {
    let text = serde_json::to_string_pretty(document).expect("our documents have text keys");
    print_raw(&format!("{text}\n"));
}

/// Prints text for people.
pub(crate) fn print(text: impl Into<Shown>) {
    print_raw(text.into().as_str());
}

/// Prints text of ours; a reader that went away, as `head` does, is no error.
pub(crate) fn print_raw(text: &str) {
    let _ = anstream::stdout().write_all(text.as_bytes());
}

/// Columns below headings, as wide as the terminal at most.
pub(crate) fn table<const N: usize, T: Into<Shown>>(
    headings: [&str; N],
    rows: Vec<[T; N]>,
) -> Shown {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    match columns() {
        Some(columns) => {
            table.set_content_arrangement(ContentArrangement::Dynamic);
            table.set_width(columns);
        }
        // For another program: a row is a line.
        None => {
            table.set_content_arrangement(ContentArrangement::Disabled);
        }
    }
    table.set_header(headings);
    table.add_rows(
        rows.into_iter()
            .map(|row| row.map(|cell| cell.into().into_cell())),
    );
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    let mut text: String = table
        .lines()
        .map(|line| format!("{}\n", line.trim_end()))
        .collect();
    if text.is_empty() {
        text.push('\n');
    }
    Shown::of_cells(text)
}

/// Names and values, one a line, the values below each other.
pub(crate) fn pairs<T: Clone + Into<Shown>>(pairs: &[(&str, T)]) -> Shown {
    let width = pairs.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    let text = pairs
        .iter()
        .map(|(name, value)| (name, value.clone().into()))
        .filter(|(_, value)| !value.as_str().is_empty())
        .map(|(name, value)| {
            let value = value.as_str().replace('\n', &format!("\n{:width$}  ", ""));
            format!("{name:width$}  {value}\n")
        })
        .collect();
    Shown::of_cells(text)
}

/// `1 VPS is`, `2 VPSs are`.
pub(crate) fn plural(count: usize, one: &str, several: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { several })
}

/// How wide standard output is, where it is a terminal.
fn columns() -> Option<u16> {
    let stdout = std::io::stdout();
    if !stdout.is_terminal() {
        return None;
    }
    let size = rustix::termios::tcgetwinsize(&stdout).ok()?;
    (size.ws_col > 0).then_some(size.ws_col)
}
