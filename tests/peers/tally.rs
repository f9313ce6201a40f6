//! What was asked, what came back the same, and what did not: tables.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::PathBuf;

use crate::answers::Difference;
use crate::requests::Request;
use crate::sides::Reply;

/// So many clusters of differences are printed; all are in the file.
const CLUSTERS_PRINTED: usize = 40;
/// A reason is cut here where differences are gathered by it.
const CAUSE_CHARS: usize = 140;

/// Counts of one kind.
#[derive(Default)]
struct Row {
    asked: usize,
    same: usize,
    excused: usize,
    /// What OpenSearch refused: many of one kind say that the kind is made wrongly.
    refused: usize,
}

impl Row {
    /// The share of the same among those that are not excused; none if all are.
    fn share(&self) -> Option<f64> {
        let counted = self.asked - self.excused;
        (counted > 0).then(|| self.same as f64 / counted as f64)
    }

    fn and(self, other: &Self) -> Self {
        Self {
            asked: self.asked + other.asked,
            same: self.same + other.same,
            excused: self.excused + other.excused,
            refused: self.refused + other.refused,
        }
    }

    fn cells(&self) -> String {
        let share = self.share().map_or_else(|| "–".to_owned(), |share| format!("{:.1} %", share * 100.0));
        format!("{:>6} {:>7} {:>6} {:>7} {share:>8}", self.asked, self.refused, self.same, self.excused)
    }
}

/// Differences of one cause.
#[derive(Default)]
struct Cluster {
    count: usize,
    kinds: BTreeSet<String>,
    /// The shortest request of it.
    example: String,
}

/// All that was compared in one part.
#[derive(Default)]
pub(crate) struct Tally {
    /// By family and kind.
    rows: BTreeMap<(String, String), Row>,
    clusters: BTreeMap<String, Cluster>,
    excuses: BTreeMap<String, usize>,
    /// Differences as they were, whole.
    told: String,
}

impl Tally {
    /// Counts a request and what OpenSearch made of it; the outcome is counted by one of the others.
    pub(crate) fn asked_for(&mut self, request: &Request, theirs: &Reply) {
        let row = self.row(request);
        row.asked += 1;
        row.refused += usize::from(theirs.status >= 400);
    }

    pub(crate) fn same(&mut self, request: &Request) {
        self.row(request).same += 1;
    }

    pub(crate) fn excused(&mut self, request: &Request, reason: &str) {
        self.row(request).excused += 1;
        *self.excuses.entry(reason.to_owned()).or_default() += 1;
    }

    /// Counts a difference; how many of the same cause there are by now.
    pub(crate) fn different(&mut self, request: &Request, difference: &Difference) -> usize {
        let cluster = self.clusters.entry(cause(request, difference)).or_default();
        cluster.count += 1;
        cluster.kinds.insert(request.kind.clone());
        let shown = request.shown();
        if cluster.example.is_empty() || shown.len() < cluster.example.len() {
            cluster.example = shown;
        }
        cluster.count
    }

    /// Keeps a text for the file.
    pub(crate) fn tell(&mut self, text: &str) {
        self.told.push_str(text);
    }

    fn row(&mut self, request: &Request) -> &mut Row {
        self.rows.entry((request.family.clone(), request.kind.clone())).or_default()
    }

    fn all(&self) -> Row {
        self.rows.values().fold(Row::default(), Row::and)
    }

    pub(crate) fn asked(&self) -> usize {
        self.all().asked
    }

    pub(crate) fn counted_same(&self) -> usize {
        self.all().same
    }

    /// The share of all that is the same.
    pub(crate) fn share(&self) -> f64 {
        self.all().share().unwrap_or(0.0)
    }

    /// Family, asked, refused, same, excused, share; options are counted with what they are options of.
    pub(crate) fn families(&self) -> String {
        let mut families: BTreeMap<&str, Row> = BTreeMap::new();
        for ((family, _), row) in &self.rows {
            let sum = families.remove(family.as_str()).unwrap_or_default();
            families.insert(family, sum.and(row));
        }
        table(families.iter().map(|(family, row)| (*family, row)).chain([("all", &self.all())]))
    }

    /// The same of each option by itself.
    fn kinds(&self) -> String {
        table(self.rows.iter().map(|((_, kind), row)| (kind.as_str(), row)))
    }

    /// Differences by cause, most frequent first.
    fn causes(&self, most: usize) -> String {
        let mut clusters: Vec<_> = self.clusters.iter().collect();
        clusters.sort_by_key(|(_, cluster)| std::cmp::Reverse(cluster.count));
        let mut text = String::new();
        for (cause, cluster) in clusters.into_iter().take(most) {
            let kinds: Vec<&str> = cluster.kinds.iter().map(String::as_str).collect();
            let _written = writeln!(text, "{:>5} {cause}\n      in {}", cluster.count, kinds.join(", "));
            let _written = writeln!(text, "      {}", cluster.example.replace('\n', "\n      ").trim_end());
        }
        text
    }

    fn excuses(&self) -> String {
        self.excuses.iter().map(|(reason, count)| format!("{count:>5} excused: {reason}\n")).collect()
    }

    /// Writes the whole to `target/peers/<name>.txt`, and prints the tables where differences are to be shown.
    pub(crate) fn report(&self, name: &str, is_shown: bool) -> anyhow::Result<PathBuf> {
        let folder = system_tests::binary("search-node")?.with_file_name("../peers");
        fs_err::create_dir_all(&folder)?;
        let path = folder.join(format!("{name}.txt"));
        let (families, kinds, excuses) = (self.families(), self.kinds(), self.excuses());
        let causes = self.causes(usize::MAX);
        fs_err::write(&path, format!("{families}\n{kinds}\n{excuses}\n{causes}\n{}", self.told))?;
        if is_shown {
            println!("{families}\n{kinds}\n{excuses}\n{}\n{}", self.causes(CLUSTERS_PRINTED), self.told);
        }
        Ok(fs_err::canonicalize(&path)?)
    }
}

fn table<'a>(rows: impl Iterator<Item = (&'a str, &'a Row)>) -> String {
    let mut table = format!(
        "{:46} {:>6} {:>7} {:>6} {:>7} {:>8}\n",
        "kind", "asked", "refused", "same", "excused", "share"
    );
    for (kind, row) in rows {
        let _written = writeln!(table, "{kind:46} {}", row.cells());
    }
    table
}

/// What differences are gathered by: our fault where only we have one, else the kind of request and what differs.
fn cause(request: &Request, difference: &Difference) -> String {
    if difference.aspect == "status" || difference.aspect == "error" {
        // Values of one request would part what belongs together.
        let (ours, theirs) = difference.detail.split_once(", theirs ").unwrap_or((&difference.detail, ""));
        let [ours, theirs] = [ours, theirs].map(|text| {
            let text =
                [": {\"", ": \""].iter().fold(text, |text, mark| text.split(mark).next().unwrap_or(text));
            text.chars()
                .map(|c| if c.is_ascii_digit() { '#' } else { c })
                .take(CAUSE_CHARS)
                .collect::<String>()
        });
        return format!("{}: {ours}, theirs {theirs}", difference.aspect);
    }
    format!("{}: {}", difference.aspect, request.family)
}
