//! The completion suggester: inputs of a field that begin like what was typed, the heaviest first.
//!
//! `contexts` and what was typed give `beginnings`, which are runs of each segment's dictionary; `weights` gives the best of them without
//! going over the others.

mod beginnings;
mod contexts;
mod weights;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use tantivy::schema::IndexRecordOption;
use tantivy::{DocSet, TERMINATED};

use self::beginnings::{Beginning, Wanted, runs};
use self::weights::{Best, Weights};
use super::answer::{Completed, SuggestedEntry, SuggestionOption};
use super::near::Near;
use super::request::{Asked, CompletionAsked};
use crate::analysis::units;
use crate::engine::{View, identities_in};
use crate::mapping::{Completions, FieldKind, INPUTS, Structure, read_kept};
use crate::query::{QueryContext, QueryError, pattern_automaton};
use crate::search::{AskStop, Hit, SearchError, goes_on};

pub(super) fn suggest(
    view: &View,
    asked: &Asked,
    settings: &CompletionAsked,
    context: &QueryContext<'_>,
    stop: AskStop<'_>,
) -> Result<SuggestedEntry, SearchError> {
    let path = view.layout.mapping.meant(&asked.field);
    let completions = completions_of(view, asked)?;
    let wanted = contexts::wanted(&completions, settings.contexts.as_ref(), path)?;
    let beginnings = beginnings(asked, settings, &completions, context)?;
    let mut options = Vec::new();
    let search = Search { view, asked, settings, completions: &completions, stop };
    for ordinal in 0..view.searcher.segment_readers().len() {
        goes_on(stop)?;
        let before = options.len();
        search.segment(ordinal, path, &beginnings, wanted.as_deref(), &mut options)?;
        stop.take(options[before..].iter().map(SuggestionOption::bytes).sum())?;
    }
    let place = |option: &SuggestionOption| {
        option.completed.as_ref().map(|completed| (completed.hit.segment, completed.hit.document))
    };
    options.sort_by(|a: &SuggestionOption, b| {
        let by_score = b.score.total_cmp(&a.score);
        by_score.then_with(|| a.text.cmp(&b.text)).then_with(|| place(a).cmp(&place(b)))
    });
    if settings.skips_duplicates {
        let mut seen = HashSet::new();
        options.retain(|option| seen.insert(option.text.clone()));
    }
    options.truncate(search.count().min(asked.size));
    let (text, length) = (asked.text.clone(), units(&asked.text));
    Ok(SuggestedEntry { text, length, options, ..SuggestedEntry::default() })
}

/// How the field keeps its inputs.
fn completions_of(view: &View, asked: &Asked) -> Result<Completions, QueryError> {
    let field = view.layout.mapping.leaf(&asked.field);
    let field =
        field.filter(|field| matches!(field.kind, FieldKind::Structured(Structure::Completion { .. })));
    let field = field.ok_or_else(|| {
        QueryError::argument(format!("Field [{}] is not a completion suggest field", asked.field))
    })?;
    if view.layout.part(&asked.field, INPUTS).is_none() {
        return Err(QueryError::argument(format!(
            "field [{}] was mapped by an earlier build, which kept no inputs; a new index has them (_reindex)",
            asked.field
        )));
    }
    let made = Completions::of_search(field, &view.layout.analysis, asked.analyzer.as_deref());
    made.ok_or_else(|| {
        let name = asked.analyzer.as_deref().unwrap_or_default();
        QueryError::argument(format!("analyzer [{name}] doesn't exists"))
    })
}

/// What the inputs must begin with.
fn beginnings(
    asked: &Asked,
    settings: &CompletionAsked,
    completions: &Completions,
    context: &QueryContext<'_>,
) -> Result<Vec<Beginning>, QueryError> {
    let Some(prefix) = asked.prefix.as_ref() else {
        let pattern = asked.regex.as_deref().unwrap_or_default();
        context.rules.check_regex(pattern)?;
        let automaton = pattern_automaton(pattern, settings.flags.as_deref(), settings.effort)?;
        return Ok(vec![Beginning::Like(automaton)]);
    };
    let forms = completions.forms(prefix);
    let Some(fuzzy) = &settings.fuzzy else {
        return Ok(forms.into_iter().map(Beginning::Exactly).collect());
    };
    let length = |form: &str| if fuzzy.unicode_aware { form.chars().count() } else { form.len() };
    let near = |form: &String| {
        let is_short = length(form) <= fuzzy.prefix_length || length(form) < fuzzy.min_length;
        let (same, edits) = if is_short { (usize::MAX, 0) } else { (fuzzy.prefix_length, fuzzy.edits) };
        let near = Near::new(form, same, edits, fuzzy.transpositions, fuzzy.unicode_aware);
        Beginning::Near(near, forms.clone())
    };
    Ok(forms.iter().map(near).collect())
}

/// What is looked for in each segment.
struct Search<'a> {
    view: &'a View,
    asked: &'a Asked,
    settings: &'a CompletionAsked,
    completions: &'a Completions,
    stop: AskStop<'a>,
}

impl Search<'_> {
    /// How many documents are wanted.
    fn count(&self) -> usize {
        self.asked.shard_size_or(self.asked.size)
    }

    /// Adds the best of a segment, each document once with its best input.
    fn segment(
        &self,
        ordinal: usize,
        path: &str,
        beginnings: &[Beginning],
        wanted: Option<&[Wanted]>,
        options: &mut Vec<SuggestionOption>,
    ) -> Result<(), SearchError> {
        let Some(field) = self.view.layout.part(path, INPUTS) else { return Ok(()) };
        let reader = &self.view.searcher.segment_readers()[ordinal];
        let inputs = reader.inverted_index(field)?;
        let terms = inputs.terms();
        if terms.num_terms() == 0 {
            return Ok(());
        }
        let runs = runs(terms, beginnings, wanted, self.stop)?;
        let kept = identities_in(&self.view.identities, reader)?.fielddata();
        let weights = Weights::of(kept, path, terms, self.stop)?;
        let begun = options.len();
        let mut known: HashMap<u32, usize> = HashMap::new();
        let mut seen = HashSet::new();
        let mut key = Vec::new();
        for (at, score) in Best::new(&weights, runs) {
            goes_on(self.stop)?;
            terms.ord_to_term(at, &mut key)?;
            let Some(input) = std::str::from_utf8(&key).ok().and_then(read_kept) else { continue };
            let context = input.context.and_then(|(at, value)| {
                Some((self.completions.contexts.get(at)?.name.clone(), value.to_owned()))
            });
            let Some(info) = terms.get(&key)? else { continue };
            let mut postings = inputs.read_postings_from_terminfo(&info, IndexRecordOption::Basic)?;
            while postings.doc() != TERMINATED {
                let document = postings.doc();
                postings.advance();
                if reader.is_deleted(document) {
                    continue;
                }
                if let Some(option) = known.get(&document).and_then(|at| options.get_mut(*at)) {
                    note(option, context.as_ref());
                    continue;
                }
                if options.len() - begun >= self.count() {
                    return Ok(());
                }
                if self.settings.skips_duplicates && !seen.insert(input.surface.to_owned()) {
                    continue;
                }
                known.insert(document, options.len());
                let mut option = completed(input.surface, score, ordinal, document);
                note(&mut option, context.as_ref());
                options.push(option);
            }
        }
        Ok(())
    }
}

fn completed(input: &str, score: f32, ordinal: usize, document: u32) -> SuggestionOption {
    let hit = Hit {
        shard: 0,
        segment: ordinal as u32,
        document,
        score: Some(score),
        sort: Vec::new(),
        group: None,
    };
    let completed = Completed { hit, contexts: BTreeMap::new() };
    SuggestionOption { completed: Some(completed), ..SuggestionOption::new(input.to_owned(), score) }
}

/// Adds a context for which a document was found.
fn note(option: &mut SuggestionOption, context: Option<&(String, String)>) {
    if let (Some(completed), Some((name, value))) = (&mut option.completed, context) {
        let values: &mut BTreeSet<String> = completed.contexts.entry(name.clone()).or_default();
        values.insert(value.clone());
    }
}
