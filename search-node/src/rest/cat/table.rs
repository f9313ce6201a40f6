//! A table: its columns, which of them are shown unless asked otherwise, and its rows.

use std::borrow::Cow;
use std::fmt::Write;

use serde_json::{Map, Value, json};

use super::cell::{Cell, Units};
use crate::error::ApiError;
use crate::indices::matches;
use crate::rest::call::Call;
use crate::rest::envelope::Reply;

/// What every table can be asked for.
pub(super) const COMMON: &[&str] = &[
    "allow_no_indices",
    "bytes",
    "expand_wildcards",
    "full_id",
    "h",
    "health",
    "help",
    "ignore_unavailable",
    "include_unloaded_segments",
    "local",
    "master_timeout",
    "pri",
    "s",
    "size",
    "time",
    "ts",
    "v",
];

/// A column.
#[derive(Debug, Clone)]
pub(super) struct Column {
    name: Cow<'static, str>,
    /// Its other names.
    aliases: &'static [&'static str],
    about: &'static str,
    is_shown: bool,
    /// Whether it stands at the right, as numbers do.
    is_right: bool,
}

/// What the names of columns of primaries begin with.
const PRIMARIES: &str = "pri.";

/// A column of texts that is shown.
pub(super) const fn text(
    name: &'static str,
    aliases: &'static [&'static str],
    about: &'static str,
) -> Column {
    Column { name: Cow::Borrowed(name), aliases, about, is_shown: true, is_right: false }
}

/// A column of numbers that is shown.
pub(super) const fn number(
    name: &'static str,
    aliases: &'static [&'static str],
    about: &'static str,
) -> Column {
    Column { name: Cow::Borrowed(name), aliases, about, is_shown: true, is_right: true }
}

impl Column {
    /// The same, shown only to who asks for it.
    pub(super) const fn on_demand(mut self) -> Self {
        self.is_shown = false;
        self
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// The same of primaries alone, which is shown beside it where that is asked for.
    pub(super) fn of_primaries(&self) -> Self {
        Self { name: Cow::Owned(format!("{PRIMARIES}{}", self.name)), aliases: &[], ..self.clone() }
    }

    /// Whether one of its names is like this one, in which `*` stands for anything.
    fn is_like(&self, pattern: &str) -> bool {
        matches(pattern, &self.name) || self.aliases.iter().any(|alias| matches(pattern, alias))
    }
}

/// A table.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) columns: &'static [Column],
    pub(super) rows: Vec<Vec<Cell>>,
}

const PLAIN: &str = "text/plain; charset=UTF-8";

impl Table {
    /// A table for a request for help, for which no row has to be made.
    pub(super) fn help(columns: &'static [Column], call: &Call) -> Result<Option<Reply>, ApiError> {
        if !call.flag("help")? {
            return Ok(None);
        }
        let lines: Vec<[String; 3]> = columns
            .iter()
            .map(|column| {
                let aliases =
                    if column.aliases.is_empty() { "-".to_owned() } else { column.aliases.join(",") };
                [column.name.to_string(), aliases, column.about.to_owned()]
            })
            .collect();
        let width = |at: usize| lines.iter().map(|line| line[at].chars().count()).max().unwrap_or(0);
        let (names, aliases) = (width(0), width(1));
        let text = lines.iter().fold(String::new(), |mut text, [name, other, about]| {
            let _infallible = writeln!(text, "{name:<names$} | {other:<aliases$} | {about}");
            text
        });
        Ok(Some(Reply::Text(200, text, PLAIN)))
    }

    /// The answer to a request for it.
    pub(super) fn show(mut self, call: &Call) -> Result<Reply, ApiError> {
        let units = Units::of(call)?;
        if let Some(order) = call.param("s") {
            self.sort(order)?;
        }
        let columns = self.chosen(call.param("h"), call.flag("pri")?);
        Ok(Reply::Table(self.shown(columns, units, call.flag("v")?)))
    }

    /// The chosen columns as they are shown.
    fn shown(&self, columns: Vec<(usize, String)>, units: Units, has_titles: bool) -> Shown {
        let of_row = |row: &Vec<Cell>| columns.iter().map(|(at, _)| row[*at].shown(units)).collect();
        let rows = self.rows.iter().map(of_row).collect();
        let of_column = |(at, name): (usize, String)| (name, self.columns[at].is_right);
        Shown { columns: columns.into_iter().map(of_column).collect(), rows, has_titles }
    }

    fn column(&self, name: &str) -> Option<usize> {
        // A name goes before the short forms of others; of those that several have, the last counts, as in Elasticsearch.
        let named = self.columns.iter().position(|column| column.name == name);
        named.or_else(|| self.columns.iter().rposition(|column| column.aliases.contains(&name)))
    }

    fn sort(&mut self, order: &str) -> Result<(), ApiError> {
        for part in order.split(',').rev().map(str::trim) {
            let (name, way) = part.split_once(':').unwrap_or((part, "asc"));
            let at = self.column(name).ok_or_else(|| {
                ApiError::new(
                    400,
                    "unsupported_operation_exception",
                    format!("Unable to sort by unknown sort key `{name}`"),
                )
            })?;
            self.rows.sort_by(|one, other| {
                let order = one[at].compared(&other[at]);
                if way == "desc" { order.reverse() } else { order }
            });
        }
        Ok(())
    }

    /// The columns that are shown, each under the name by which it was asked for. Names that no column has are passed over, as in
    /// Elasticsearch.
    fn chosen(&self, asked: Option<&str>, with_primaries: bool) -> Vec<(usize, String)> {
        let Some(asked) = asked else {
            let shown = self.columns.iter().enumerate().filter(|(_, column)| column.is_shown);
            return shown.map(|(at, column)| (at, column.name.to_string())).collect();
        };
        let mut named: Vec<(usize, String)> = Vec::new();
        for name in asked.split(',').map(str::trim) {
            let fitting: Vec<(usize, String)> = if name.contains('*') {
                let like = self.columns.iter().enumerate().filter(|(_, column)| column.is_like(name));
                like.map(|(at, column)| (at, column.name.to_string())).collect()
            } else {
                self.column(name).map(|at| (at, name.to_owned())).into_iter().collect()
            };
            let is_new = |shown: &(usize, String)| !named.contains(shown);
            let new: Vec<_> = fitting.into_iter().filter(is_new).collect();
            named.extend(new);
        }
        let mut chosen = Vec::new();
        for (at, shown) in named {
            let beside =
                self.column(&format!("{PRIMARIES}{}", self.columns[at].name)).filter(|_| with_primaries);
            let beside = beside.map(|beside| (beside, format!("{PRIMARIES}{shown}")));
            chosen.push((at, shown));
            chosen.extend(beside);
        }
        chosen
    }
}

/// A table as it is shown: a text for people, or rows for programs.
#[derive(Debug)]
pub(in crate::rest) struct Shown {
    /// The names of the columns, and whether they stand at the right.
    columns: Vec<(String, bool)>,
    rows: Vec<Vec<Option<String>>>,
    has_titles: bool,
}

impl Shown {
    /// A value with an object for each row.
    pub(in crate::rest) fn rows(&self) -> Value {
        let named = |row: &Vec<Option<String>>| {
            let members = self.columns.iter().zip(row);
            members.map(|((name, _), cell)| (name.clone(), json!(cell))).collect::<Map<String, Value>>()
        };
        self.rows.iter().map(|row| Value::Object(named(row))).collect()
    }

    pub(in crate::rest) fn text(&self) -> String {
        let mut lines: Vec<Vec<&str>> = Vec::new();
        if self.has_titles {
            lines.push(self.columns.iter().map(|(name, _)| name.as_str()).collect());
        }
        let rows = self.rows.iter();
        lines.extend(rows.map(|row| row.iter().map(|cell| cell.as_deref().unwrap_or_default()).collect()));
        let widths: Vec<usize> = (0..self.columns.len())
            .map(|at| lines.iter().map(|line| line[at].chars().count()).max().unwrap_or(0))
            .collect();
        let mut text = String::new();
        for line in lines {
            let cells = line.iter().zip(&widths).zip(&self.columns).map(|((cell, width), (_, is_right))| {
                if *is_right { format!("{cell:>width$}") } else { format!("{cell:<width$}") }
            });
            let _infallible = writeln!(text, "{}", cells.collect::<Vec<_>>().join(" ").trim_end());
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: &[Column] = &[
        text("index", &["i", "idx"], "index name"),
        number("docs.count", &["dc"], "available docs"),
        number("docs.deleted", &["dd"], "deleted docs").on_demand(),
    ];

    fn table() -> Table {
        let row = |name: &str, documents: u64| vec![Cell::from(name), Cell::from(documents), Cell::Nothing];
        Table { columns: COLUMNS, rows: vec![row("logs", 9), row("a", 10), row("b", 9)] }
    }

    fn shown(asked: Option<&str>) -> String {
        let table = table();
        table.shown(table.chosen(asked, false), Units::default(), true).text()
    }

    #[test]
    fn columns_are_shown_under_the_names_that_they_were_asked_by() {
        assert_eq!(shown(None), "index docs.count\nlogs           9\na             10\nb              9\n");
        assert_eq!(shown(Some("dc,i")), "dc i\n 9 logs\n10 a\n 9 b\n");
        assert_eq!(shown(Some("docs.*")).lines().next(), Some("docs.count docs.deleted"));
        assert_eq!(shown(Some("nothing,idx")).lines().next(), Some("idx"));
        assert_eq!(shown(Some("d*,docs.count,idx,idx")).lines().next(), Some("docs.count docs.deleted idx"));
        let table = table();
        assert_eq!(
            table.shown(table.chosen(Some("idx,dd"), false), Units::default(), false).rows()[0],
            json!({"idx": "logs", "dd": null})
        );
    }

    #[test]
    fn rows_are_sorted_by_several_columns() {
        let mut table = table();
        table.sort("dc,index:desc").expect("sorted");
        let names: Vec<String> = table.rows.iter().filter_map(|row| row[0].shown(Units::default())).collect();
        assert_eq!(names, ["logs", "b", "a"]);
        let error = table.sort("nothing").expect_err("refused");
        assert_eq!(error.reason, "Unable to sort by unknown sort key `nothing`");
    }
}
