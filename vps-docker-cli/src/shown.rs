//! Text on its way to a terminal.

use anstyle::Style;
use vps_docker::model::printable;

/// What may be shown: the words of others in it (a stop's reason, a label, a provider's text) steer no terminal, for
/// what would is taken out; the styles are ours. Everything for people goes through here, by its type.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shown(String);

impl Shown {
    /// In a style of ours.
    pub(crate) fn styled(style: Style, text: &str) -> Self {
        Self(format!("{style}{}{style:#}", printable(text)))
    }

    /// This, and then that.
    #[must_use]
    pub(crate) fn and(mut self, other: impl Into<Self>) -> Self {
        self.0.push_str(&other.into().0);
        self
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// With its line breaks as blanks: a cell of a table.
    pub(crate) fn into_cell(self) -> String {
        self.0.replace(['\n', '\t'], " ")
    }

    /// Where the output of `table` and `pairs` comes from: cells are checked already.
    pub(crate) fn of_cells(text: String) -> Self {
        Self(text)
    }
}

impl From<String> for Shown {
    fn from(text: String) -> Self {
        Self(printable(&text))
    }
}

impl From<&str> for Shown {
    fn from(text: &str) -> Self {
        Self(printable(text))
    }
}

impl FromIterator<Shown> for Shown {
    fn from_iter<I: IntoIterator<Item = Shown>>(all: I) -> Self {
        Self(all.into_iter().map(|one| one.0).collect())
    }
}

#[cfg(test)]
mod tests {
    use anstyle::AnsiColor;

    use super::*;
    use crate::output::{pairs, table};

    /// Clears the screen, retitles the window, turns the line around, rings, and moves up.
    const HOSTILE: &str = "\u{1b}[2J\u{1b}]0;owned\u{7}\u{202e}\u{9b}1A\rdone";

    #[test]
    fn the_words_of_others_steer_no_terminal() {
        let red = Style::new().fg_color(Some(AnsiColor::Red.into()));
        let ours = red.to_string();
        let cell = || Shown::styled(red, HOSTILE).and(HOSTILE);
        let shown = [
            Shown::from(HOSTILE),
            Shown::from(HOSTILE.to_owned()),
            table(["A"], vec![[cell()]]),
            pairs(&[("a", cell())]),
        ];
        for text in shown {
            let text = text.as_str().replace(&ours, "").replace("\u{1b}[0m", "");
            let steers = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
            assert!(!text.contains(steers), "{text:?}");
            assert!(text.contains("done"), "{text:?}");
        }
    }

    #[test]
    fn a_row_is_a_line_whatever_is_in_it() {
        let rows = vec![["two\nlines".to_owned(), "x".to_owned()]];
        let text = table(["A", "B"], rows);
        assert_eq!(text.as_str().lines().count(), 2, "{text:?}");
    }
}
