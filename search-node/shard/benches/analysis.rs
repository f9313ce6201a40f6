//! How fast texts become terms for the index: megabytes of text for each second of one core.
//!
//! - `standard` over English, as ASCII and with the quotes and dashes that printers use, beside the words of `unicode-segmentation`
//!   put into lower case and beside tantivy's `default`, which knows neither `don't` nor `3.14`;
//! - the Chinese analyzers beside the dictionary's library alone.
//!
//! CPU time of the thread, medians over the rounds of one run; the ways take turns within a round. The English text is that of the
//! licences which Debian ships, else the licence and the pages of this repository; the Chinese one is `texts/chinese.txt`, its
//! sentences in a seeded order. `BENCH_ROUNDS` (default 15) sets how many rounds there are.

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jieba_rs::Jieba;
use shard::Analysis;
use tantivy::tokenizer::{LowerCaser, SimpleTokenizer, TextAnalyzer, TokenStream};
use testkit::Chance;
use unicode_segmentation::UnicodeSegmentation;

const ENGLISH_BYTES: usize = 2 << 20;
const CHINESE_BYTES: usize = 300_000;
/// As long as the description of a thing, or a page of a book.
const SENTENCES_OF_A_TEXT: usize = 12;

/// CPU time of this thread so far.
fn cpu_time() -> Duration {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(now.tv_sec.try_into().unwrap_or_default(), now.tv_nsec.try_into().unwrap_or_default())
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_unstable_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or_default()
}

/// One way to cut texts; it tells how many terms there were.
struct Way<'a> {
    name: String,
    cut: Box<dyn FnMut(&str) -> usize + 'a>,
}

impl<'a> Way<'a> {
    fn new(name: &str, cut: impl FnMut(&str) -> usize + 'a) -> Self {
        Self { name: name.to_owned(), cut: Box::new(cut) }
    }

    fn of_index(name: &str) -> Self {
        let mut analyzer = Analysis::plain().for_index(name).expect("there");
        Self::new(name, move |text| stream(&mut analyzer, text))
    }
}

fn stream(analyzer: &mut TextAnalyzer, text: &str) -> usize {
    let mut terms = 0;
    let mut tokens = analyzer.token_stream(text);
    while tokens.advance() {
        black_box(&tokens.token().text);
        terms += 1;
    }
    terms
}

/// Prints the speed of each way and how often it is that of the first one.
fn compare(what: &str, texts: &[String], mut ways: Vec<Way<'_>>) {
    let rounds = std::env::var("BENCH_ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(15);
    let bytes: usize = texts.iter().map(String::len).sum();
    let mut speeds: Vec<Vec<f64>> = vec![Vec::new(); ways.len()];
    let mut terms = vec![0; ways.len()];
    for round in 0..=rounds {
        for (at, way) in ways.iter_mut().enumerate() {
            let started = cpu_time();
            terms[at] = texts.iter().map(|text| (way.cut)(text)).sum();
            let took = cpu_time() - started;
            // The first round unpacks dictionaries.
            if round > 0 {
                speeds[at].push(bytes as f64 / 1e6 / took.as_secs_f64());
            }
        }
    }
    let speeds: Vec<f64> = speeds.into_iter().map(median).collect();
    println!("{what}: {:.1} MB in {} texts, medians of {rounds} rounds", bytes as f64 / 1e6, texts.len());
    for ((way, speed), terms) in ways.iter().zip(&speeds).zip(terms) {
        println!(
            "  {:<44} {speed:7.1} MB/s, {:5.2} of the first; {terms} terms",
            way.name,
            speed / speeds[0]
        );
    }
}

/// Paragraphs of English, as often as it takes to be as many bytes.
fn english() -> Vec<String> {
    let mut files: Vec<PathBuf> = fs_err::read_dir("/usr/share/common-licenses")
        .map(|entries| entries.flatten().map(|entry| entry.path()).collect())
        .unwrap_or_default();
    if files.is_empty() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        files =
            ["LICENSE", "docs/status.md", "docs/reference/analysis.md"].map(|name| root.join(name)).into();
    }
    files.sort();
    let whole: String = files.iter().flat_map(fs_err::read_to_string).collect();
    let paragraphs: Vec<String> = whole
        .split("\n\n")
        .map(|paragraph| paragraph.trim().chars().filter(char::is_ascii).collect::<String>())
        .filter(|paragraph| !paragraph.is_empty())
        .collect();
    let mut bytes = 0;
    let is_wanted = |paragraph: &String| {
        bytes += paragraph.len();
        bytes <= ENGLISH_BYTES
    };
    paragraphs.iter().cycle().cloned().take_while(is_wanted).collect()
}

/// A text as it is printed: with the quotes, apostrophes and dashes of a typesetter, and a word of French here and there.
fn printed(text: &str) -> String {
    let mut opens = true;
    let mut printed = String::new();
    for letter in text.chars() {
        match letter {
            '"' => {
                printed.push(if opens { '“' } else { '”' });
                opens = !opens;
            }
            '\'' => printed.push('’'),
            letter => printed.push(letter),
        }
    }
    printed.replace(" - ", " — ").replace("--", "—").replace(" etc", " à la carte")
}

/// Texts of some sentences each, in an order that a seed makes.
fn chinese() -> Vec<String> {
    let sentences: Vec<&str> = include_str!("texts/chinese.txt").lines().collect();
    let mut chance = Chance::new(1);
    let mut bytes = 0;
    std::iter::from_fn(|| {
        let text: String = (0..SENTENCES_OF_A_TEXT).map(|_| *chance.pick(&sentences)).collect();
        bytes += text.len();
        (bytes <= CHINESE_BYTES).then_some(text)
    })
    .collect()
}

fn english_ways<'a>() -> Vec<Way<'a>> {
    let mut default = TextAnalyzer::builder(SimpleTokenizer::default()).filter(LowerCaser).build();
    vec![
        Way::new("unicode_words and to_lowercase", |text| {
            text.unicode_words().map(|word| black_box(word.to_lowercase()).len().min(1)).sum()
        }),
        Way::new("tantivy's default", move |text| stream(&mut default, text)),
        Way::of_index("standard"),
        Way::of_index("english"),
    ]
}

fn main() {
    let plain = english();
    compare("English", &plain, english_ways());
    let printed: Vec<String> = plain.iter().map(|text| printed(text)).collect();
    let share = printed.iter().filter(|text| !text.is_ascii()).map(String::len).sum::<usize>() as f64
        / printed.iter().map(String::len).sum::<usize>() as f64;
    compare(
        &format!("English as printed, {:.0} % in texts beyond ASCII", share * 100.0),
        &printed,
        english_ways(),
    );
    let joined = vec![printed.join("\n\n")];
    compare("the same as one text", &joined, english_ways());

    let dictionary = Jieba::new();
    let ways = vec![
        Way::new("cut of the library", |text| black_box(dictionary.cut(text, true)).len()),
        Way::new("cut of the library, words of the dictionary only", |text| {
            black_box(dictionary.cut(text, false)).len()
        }),
        Way::of_index("jieba_search"),
        Way::of_index("jieba_index"),
    ];
    compare("Chinese", &chinese(), ways);
}
