//! What goes to standard output: text for people, or one JSON document.

use std::io::{IsTerminal, Write};
use std::os::fd::AsFd;

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
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

/// Columns below headings, as wide as the terminal at most. A heading that begins with `>` is that of numbers, which
/// stand at the right; a column in which nothing stands is left out.
pub(crate) fn table<const N: usize, T: Into<Shown>>(
    headings: [&str; N],
    rows: Vec<[T; N]>,
) -> Shown {
    let rows: Vec<[String; N]> = rows
        .into_iter()
        .map(|row| row.map(|cell| cell.into().into_cell()))
        .collect();
    let stands = |column: usize| rows.iter().any(|row| !row[column].is_empty());
    let columns: Vec<usize> = (0..N).filter(|column| stands(*column)).collect();
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    match width() {
        Some(width) => {
            table.set_content_arrangement(ContentArrangement::Dynamic);
            table.set_width(width);
        }
        // For another program: a row is a line.
        None => {
            table.set_content_arrangement(ContentArrangement::Disabled);
        }
    }
    let heading = |column: &usize| headings[*column].trim_start_matches('>');
    table.set_header(columns.iter().map(heading));
    for row in &rows {
        table.add_row(columns.iter().map(|column| &row[*column]));
    }
    for (column, shown) in columns.iter().zip(table.column_iter_mut()) {
        shown.set_padding((0, 2));
        if headings[*column].starts_with('>') {
            shown.set_cell_alignment(CellAlignment::Right);
        }
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

/// Text in lines that a terminal of that width does not break in the middle of a word; all but the first are indented.
pub(crate) fn wrapped(text: &str, width: Option<u16>, indent: usize) -> String {
    let Some(width) = width.map(usize::from) else {
        return text.to_owned();
    };
    let (mut wrapped, mut column) = (String::new(), indent);
    for (number, line) in text.split('\n').enumerate() {
        if number > 0 {
            wrapped.push_str(&format!("\n{:indent$}", ""));
            column = indent;
        }
        for (number, word) in line.split(' ').enumerate() {
            let length = word.chars().count();
            if number > 0 && column + 1 + length > width && column > indent {
                wrapped.push_str(&format!("\n{:indent$}", ""));
                column = indent;
            } else if number > 0 {
                wrapped.push(' ');
                column += 1;
            }
            wrapped.push_str(word);
            column += length;
        }
    }
    wrapped
}

/// How wide standard output is, where it is a terminal.
pub(crate) fn width() -> Option<u16> {
    width_of(&std::io::stdout())
}

/// How wide a stream is, where it is a terminal.
pub(crate) fn width_of<S: IsTerminal + AsFd>(stream: &S) -> Option<u16> {
    if !stream.is_terminal() {
        return None;
    }
    let size = rustix::termios::tcgetwinsize(stream).ok()?;
    (size.ws_col > 0).then_some(size.ws_col)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_between_words_and_are_indented() {
        let text = "one two three-is-longer-than-all four\nfive";
        assert_eq!(wrapped(text, None, 2), text);
        let lines = wrapped(text, Some(12), 2);
        let expected = "one two\n  three-is-longer-than-all\n  four\n  five";
        assert_eq!(lines, expected);
    }

    #[test]
    fn an_empty_column_is_left_out_and_numbers_stand_at_the_right() {
        let rows = vec![["web", "", "7"], ["shop", "", "70"]];
        let text = table(["NAME", "NOTE", ">SIZE"], rows);
        assert_eq!(text.as_str(), "NAME  SIZE\nweb      7\nshop    70\n");
    }
}
