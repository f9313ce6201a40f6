//! The terms of a segment that begin like what was typed, as runs of the dictionary.

use tantivy::termdict::TermDictionary;
use tantivy_fst::Automaton;

use super::super::near::Near;
use super::weights::Run;
use crate::mapping::{CONTEXT_END, FORM_END};
use crate::query::TermAutomaton;
use crate::search::{AskStop, SearchError, goes_on};

/// What inputs must begin with.
pub(super) enum Beginning {
    /// A form.
    Exactly(String),
    /// Something near a form, which counts the more of it is the same.
    Near(Near, Vec<String>),
    /// Something like a pattern.
    Like(TermAutomaton),
}

/// A context that inputs must be for, and what it counts.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Wanted {
    /// As its terms begin with it.
    pub(super) context: String,
    pub(super) boost: f32,
    /// Whether contexts that only begin so are meant as well.
    pub(super) is_prefix: bool,
}

/// The runs of all beginnings within all contexts; without contexts there is none around.
pub(super) fn runs(
    terms: &TermDictionary,
    beginnings: &[Beginning],
    wanted: Option<&[Wanted]>,
    stop: AskStop<'_>,
) -> Result<Vec<Run>, SearchError> {
    let mut runs = Vec::new();
    match wanted {
        None => {
            beginnings.iter().try_for_each(|beginning| add((terms, ""), 0.0, beginning, stop, &mut runs))?
        }
        Some(wanted) => {
            for (context, boost) in contexts(terms, wanted, stop)? {
                for beginning in beginnings {
                    add((terms, &context), boost, beginning, stop, &mut runs)?;
                }
            }
        }
    }
    // Several ways to read what was typed may find the same inputs.
    runs.sort_by(|a, b| (a.terms.start, b.terms.end).cmp(&(b.terms.start, a.terms.end)));
    let mut apart: Vec<Run> = Vec::with_capacity(runs.len());
    for run in runs {
        match apart.last_mut() {
            Some(last) if run.terms.start < last.terms.end => last.boost = last.boost.max(run.boost),
            _ => apart.push(run),
        }
    }
    Ok(apart)
}

/// The contexts that are there of those that are wanted, as terms begin with them, each once with what it counts.
fn contexts(
    terms: &TermDictionary,
    wanted: &[Wanted],
    stop: AskStop<'_>,
) -> Result<Vec<(String, f32)>, SearchError> {
    let mut found: Vec<String> = Vec::new();
    for Wanted { context, is_prefix, .. } in wanted {
        if !is_prefix {
            found.push(format!("{context}{CONTEXT_END}"));
            continue;
        }
        let mut from = context.clone().into_bytes();
        while let Some(term) = first_from(terms, &from)?.map(|(term, _)| term) {
            goes_on(stop)?;
            let Ok(term) = String::from_utf8(term) else { break };
            if !term.starts_with(context.as_str()) {
                break;
            }
            let Some((whole, _)) = term.split_once(CONTEXT_END) else { break };
            let whole = format!("{whole}{CONTEXT_END}");
            from = behind(whole.as_bytes());
            found.push(whole);
        }
    }
    found.sort_unstable();
    found.dedup();
    // The longest of those that fit says what it counts, and of one that is said twice the last.
    let boost = |whole: &str| {
        let fit = wanted.iter().filter(|wanted| whole.starts_with(wanted.context.as_str()));
        fit.max_by_key(|wanted| wanted.context.len()).map_or(0.0, |wanted| wanted.boost)
    };
    Ok(found.into_iter().map(|whole| (boost(&whole), whole)).map(|(boost, whole)| (whole, boost)).collect())
}

fn add(
    (terms, context): (&TermDictionary, &str),
    boost: f32,
    beginning: &Beginning,
    stop: AskStop<'_>,
    runs: &mut Vec<Run>,
) -> Result<(), SearchError> {
    match beginning {
        Beginning::Exactly(form) => {
            let key = format!("{context}{form}");
            let (first, end) = (place(terms, key.as_bytes())?, place(terms, &behind(key.as_bytes()))?);
            if first < end {
                runs.push(Run { terms: first..end, boost });
            }
            Ok(())
        }
        Beginning::Near(near, forms) => walk((terms, context), near, stop, &mut |matched, terms| {
            let same = |form: &String| form.bytes().zip(matched).take_while(|(a, b)| a == *b).count();
            let alike = forms.iter().map(same).max().unwrap_or_default();
            runs.push(Run { terms, boost: boost + alike as f32 });
        }),
        Beginning::Like(automaton) => {
            walk((terms, context), automaton, stop, &mut |_, terms| runs.push(Run { terms, boost }))
        }
    }
}

/// Tells of each of the shortest beginnings that an automaton takes, and of the terms that begin so.
fn walk<A: Automaton>(
    (terms, context): (&TermDictionary, &str),
    automaton: &A,
    stop: AskStop<'_>,
    found: &mut dyn FnMut(&[u8], std::ops::Range<u64>),
) -> Result<(), SearchError>
where
    A::State: Clone,
{
    let behind_context = Behind { context: context.as_bytes(), automaton };
    let mut from = context.as_bytes().to_vec();
    loop {
        goes_on(stop)?;
        let mut stream = terms.search(&behind_context).ge(&from).into_stream()?;
        if !stream.advance() {
            return Ok(());
        }
        let term = stream.key();
        let first = stream.term_ord();
        let mut state = behind_context.start();
        let mut length = 0;
        while length < term.len() && !behind_context.is_match(&state) {
            state = behind_context.accept(&state, term[length]);
            length += 1;
        }
        let matched = &term[..length];
        from = behind(matched);
        let end = place(terms, &from)?;
        found(&matched[context.len().min(length)..], first..end);
        if from.is_empty() || end >= terms.num_terms() as u64 {
            return Ok(());
        }
    }
}

/// Takes the terms within a context that begin with something that another automaton takes.
struct Behind<'a, A> {
    context: &'a [u8],
    automaton: &'a A,
}

#[derive(Clone)]
enum Walked<S> {
    Context(usize),
    Form(S),
    /// Whatever follows.
    Taken,
    Nowhere,
}

impl<A: Automaton> Behind<'_, A> {
    fn form(&self, state: A::State) -> Walked<A::State> {
        match (self.automaton.is_match(&state), self.automaton.can_match(&state)) {
            (true, _) => Walked::Taken,
            (false, true) => Walked::Form(state),
            (false, false) => Walked::Nowhere,
        }
    }
}

impl<A: Automaton> Automaton for Behind<'_, A>
where
    A::State: Clone,
{
    type State = Walked<A::State>;

    fn start(&self) -> Self::State {
        if self.context.is_empty() { self.form(self.automaton.start()) } else { Walked::Context(0) }
    }

    fn is_match(&self, walked: &Self::State) -> bool {
        matches!(walked, Walked::Taken)
    }

    fn can_match(&self, walked: &Self::State) -> bool {
        !matches!(walked, Walked::Nowhere)
    }

    fn will_always_match(&self, walked: &Self::State) -> bool {
        matches!(walked, Walked::Taken)
    }

    fn accept(&self, walked: &Self::State, byte: u8) -> Self::State {
        match walked {
            Walked::Context(at) if self.context.get(*at) != Some(&byte) => Walked::Nowhere,
            Walked::Context(at) if at + 1 == self.context.len() => self.form(self.automaton.start()),
            Walked::Context(at) => Walked::Context(at + 1),
            // What is behind the form is no part of it.
            Walked::Form(_) if u32::from(byte) == u32::from(FORM_END) => Walked::Nowhere,
            Walked::Form(state) => self.form(self.automaton.accept(state, byte)),
            Walked::Taken => Walked::Taken,
            Walked::Nowhere => Walked::Nowhere,
        }
    }
}

/// The first term that is not before a key, with its number.
fn first_from(terms: &TermDictionary, key: &[u8]) -> Result<Option<(Vec<u8>, u64)>, SearchError> {
    let mut following = terms.range().ge(key).into_stream()?;
    Ok(following.advance().then(|| (following.key().to_vec(), following.term_ord())))
}

/// The number of the first term that is not before a key; that behind the last if there is none.
fn place(terms: &TermDictionary, key: &[u8]) -> Result<u64, SearchError> {
    let found = if key.is_empty() { None } else { first_from(terms, key)? };
    Ok(found.map_or(terms.num_terms() as u64, |(_, at)| at))
}

/// The first key behind all that begin with one; empty where there is none.
fn behind(key: &[u8]) -> Vec<u8> {
    let mut behind = key.to_vec();
    while let Some(last) = behind.pop() {
        if last < u8::MAX {
            behind.push(last + 1);
            break;
        }
    }
    behind
}
