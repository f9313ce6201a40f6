//! Models of how much a word counts beside BM25: divergence from randomness (`DFR`) and from independence (`DFI`), by information (`IB`)
//! and language models (`LMDirichlet`, `LMJelinekMercer`), with the formulas of Lucene.
//!
//! All but some of them ask how often a word is in all texts together, which no index keeps: its postings are gone over once for each
//! search that scores by such a model.

use super::QueryError;

/// How a word counts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Model {
    /// `DFR`
    Randomness {
        /// How unlikely it is that a word is so often in a text by chance (`basic_model`).
        basic: BasicModel,
        /// What one more of it tells (`after_effect`).
        after: AfterEffect,
        /// What the length of the text makes of how often it is there.
        normalization: Normalization,
    },
    /// `DFI`
    Independence(Measure),
    /// `IB`
    Information {
        /// How often words are in texts (`distribution`).
        distribution: Distribution,
        /// What is expected of a word (`lambda`).
        lambda: Lambda,
        /// What the length of the text makes of how often it is there.
        normalization: Normalization,
    },
    /// `LMDirichlet`, smoothed by so many words.
    Dirichlet(f32),
    /// `LMJelinekMercer`, with this weight of all texts.
    JelinekMercer(f32),
}

/// `basic_model`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BasicModel {
    /// `g`
    Geometric,
    /// `if`
    Frequency,
    /// `in`
    Documents,
    /// `ine`
    ExpectedDocuments,
}

/// `after_effect`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AfterEffect {
    /// `b`
    Bernoulli,
    /// `l`
    Laplace,
}

/// `independence_measure`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    /// `standardized`
    Standardized,
    /// `saturated`
    Saturated,
    /// `chisquared`
    ChiSquared,
}

/// `distribution`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Distribution {
    /// `ll`
    LogLogistic,
    /// `spl`
    PowerLaw,
}

/// `lambda`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lambda {
    /// `df`: in how many texts the word is.
    Documents,
    /// `ttf`: how often it is in all texts.
    Frequency,
}

/// `normalization`, with its number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Normalization {
    /// `no`
    None,
    /// `h1`
    Uniform(f32),
    /// `h2`
    Logarithmic(f32),
    /// `h3`
    Dirichlet(f32),
    /// `z`
    Zipf(f32),
}

/// What is known of a word in all texts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Counts {
    /// How many texts there are.
    pub(super) documents: f64,
    /// In how many of them the word is.
    pub(super) with_term: f64,
    /// How often it is in all of them.
    pub(super) of_term: f64,
    /// How many words all of them have.
    pub(super) of_all: f64,
}

impl Counts {
    fn average(self) -> f64 {
        self.of_all / self.documents
    }

    /// How likely a word of all texts is this one.
    fn probability(self) -> f64 {
        (self.of_term + 1.0) / (self.of_all + 1.0)
    }
}

impl Model {
    /// What a word counts that is so often in a text of so many words.
    pub(super) fn score(self, counts: Counts, often: f64, length: f64) -> f64 {
        match self {
            Self::Randomness { basic, after, normalization } => {
                basic.score(counts, normalization.apply(counts, often, length), after.times(counts))
            }
            Self::Independence(measure) => {
                let expected = (counts.of_term + 1.0) * length / (counts.of_all + 1.0);
                if often <= expected { 0.0 } else { (measure.of(often, expected) + 1.0).log2() }
            }
            Self::Information { distribution, lambda, normalization } => {
                distribution.score(normalization.apply(counts, often, length), lambda.of(counts))
            }
            Self::Dirichlet(mu) => {
                let mu = f64::from(mu);
                let score = (often / (mu * counts.probability())).ln_1p() + (mu / (length + mu)).ln();
                score.max(0.0)
            }
            Self::JelinekMercer(lambda) => {
                let lambda = f64::from(lambda);
                ((1.0 - lambda) * often / length / (lambda * counts.probability())).ln_1p()
            }
        }
    }
}

impl BasicModel {
    fn score(self, counts: Counts, often: f64, after: f64) -> f64 {
        let Counts { documents, with_term, of_term, .. } = counts;
        let by_rarity = |rare: f64| (1.0 + documents).log2() - rare.log2();
        let part = 1.0 - 1.0 / (1.0 + often);
        match self {
            Self::Geometric => {
                let lambda = (of_term + 1.0) / (documents + of_term + 1.0);
                let (one, more) = ((lambda + 1.0).log2(), ((1.0 + lambda) / lambda).log2());
                (more - (more - one) / (1.0 + often)) * after
            }
            Self::Frequency => (1.0 + (documents + 1.0) / (of_term + 0.5)).log2() * after * part,
            Self::Documents => by_rarity(with_term + 0.5) * after * part,
            Self::ExpectedDocuments => {
                let expected = documents * (1.0 - ((documents - 1.0) / documents).powf(of_term));
                by_rarity(expected + 0.5) * after * part
            }
        }
    }
}

impl AfterEffect {
    /// The effect, times one more than how often the word is there.
    fn times(self, counts: Counts) -> f64 {
        match self {
            Self::Bernoulli => (counts.of_term + 2.0) / (counts.with_term + 1.0),
            Self::Laplace => 1.0,
        }
    }
}

impl Measure {
    fn of(self, often: f64, expected: f64) -> f64 {
        let more = often - expected;
        match self {
            Self::Standardized => more / expected.sqrt(),
            Self::Saturated => more / expected,
            Self::ChiSquared => more * more / expected,
        }
    }
}

impl Distribution {
    fn score(self, often: f64, lambda: f64) -> f64 {
        match self {
            Self::LogLogistic => -(lambda / (often + lambda)).ln(),
            Self::PowerLaw => {
                // However often it is there, it is not yet all.
                let part = (1.0 - 1.0 / (often + 1.0)).min(1.0_f64.next_down());
                let power = lambda.powf(part);
                let power = if power == lambda { lambda.next_up() } else { power };
                -((power - lambda) / (1.0 - lambda)).ln()
            }
        }
    }
}

impl Lambda {
    fn of(self, counts: Counts) -> f64 {
        // Lucene counts with single precision here.
        let lambda = |count: f64| (count as f32 + 1.0) / (counts.documents as f32 + 1.0);
        let (lambda, near_one) = match self {
            Self::Documents => (lambda(counts.with_term), 1.0_f32.next_down()),
            Self::Frequency => (lambda(counts.of_term), 1.0_f32.next_up()),
        };
        f64::from(if lambda == 1.0 { near_one } else { lambda })
    }
}

impl Normalization {
    fn apply(self, counts: Counts, often: f64, length: f64) -> f64 {
        let shorter = counts.average() / length;
        match self {
            Self::None => often,
            Self::Uniform(c) => often * f64::from(c) * shorter,
            Self::Logarithmic(c) => often * (1.0 + f64::from(c) * shorter).log2(),
            Self::Dirichlet(mu) => {
                let mu = f64::from(mu);
                (often + mu * counts.probability()) / (length + mu) * mu
            }
            Self::Zipf(z) => often * shorter.powf(z.into()),
        }
    }
}

/// What a definition says, by the names of its parameters.
pub(super) type Said<'a> = dyn Fn(&str) -> Option<String> + 'a;

fn fault(reason: String) -> QueryError {
    QueryError::argument(reason)
}

/// One of several by name; `gone` were there before.
fn chosen<T: Copy>(
    what: (&str, &str),
    said: &Said<'_>,
    known: &[(&str, T)],
    gone: &[&str],
) -> Result<T, QueryError> {
    let (key, name) = what;
    let text = said(key);
    let found = known.iter().find(|(known, _)| Some(*known) == text.as_deref());
    if let Some((_, found)) = found {
        return Ok(*found);
    }
    let text = text.unwrap_or_else(|| "null".to_owned());
    if gone.contains(&text.as_str()) {
        let sort = key.rsplit('_').next().unwrap_or(key);
        let plain = key.replace('_', " ");
        let plain = plain[..1].to_uppercase() + &plain[1..];
        return Err(fault(format!("{plain} [{text}] isn't supported anymore, please use another {sort}.")));
    }
    let names: Vec<&str> = known.iter().map(|(known, _)| *known).collect();
    Err(fault(format!("Unsupported {name} [{text}], expected one of [{}]", names.join(", "))))
}

fn number(said: &Said<'_>, key: &str, usual: f32) -> Result<f32, QueryError> {
    said(key).map_or(Ok(usual), |text| {
        let read = text.parse::<f32>().ok().filter(|number| number.is_finite());
        read.ok_or_else(|| fault(format!("Failed to parse value [{text}] for setting [{key}]")))
    })
}

fn positive(said: &Said<'_>, key: &str, usual: f32) -> Result<f32, QueryError> {
    let value = number(said, key, usual)?;
    if value > 0.0 {
        Ok(value)
    } else {
        Err(fault(format!("illegal value [{value:?}] for [{key}], must be positive")))
    }
}

fn normalization(said: &Said<'_>) -> Result<Normalization, QueryError> {
    Ok(match said("normalization").as_deref() {
        Some("no") => Normalization::None,
        Some("h1") => Normalization::Uniform(positive(said, "normalization.h1.c", 1.0)?),
        Some("h2") => Normalization::Logarithmic(positive(said, "normalization.h2.c", 1.0)?),
        Some("h3") => Normalization::Dirichlet(positive(said, "normalization.h3.c", 800.0)?),
        Some("z") => match number(said, "normalization.z.z", 0.3)? {
            z if z > 0.0 && z < 0.5 => Normalization::Zipf(z),
            z => return Err(fault(format!("illegal z value: {z:?}, must be in the range (0 .. 0.5)"))),
        },
        other => return Err(fault(format!("Unsupported Normalization [{}]", other.unwrap_or("null")))),
    })
}

/// The parameters that the models take beside their type.
pub(super) fn parameters(kind: &str) -> Option<&'static [&'static str]> {
    Some(match kind {
        "DFR" => &[
            "type",
            "basic_model",
            "after_effect",
            "normalization",
            "normalization.h1.c",
            "normalization.h2.c",
            "normalization.h3.c",
            "normalization.z.z",
            "discount_overlaps",
        ],
        "IB" => &[
            "type",
            "distribution",
            "lambda",
            "normalization",
            "normalization.h1.c",
            "normalization.h2.c",
            "normalization.h3.c",
            "normalization.z.z",
            "discount_overlaps",
        ],
        "DFI" => &["type", "independence_measure", "discount_overlaps"],
        "LMDirichlet" => &["type", "mu", "discount_overlaps"],
        "LMJelinekMercer" => &["type", "lambda", "discount_overlaps"],
        _ => return None,
    })
}

/// The model of a type; none where it is no model.
pub(super) fn read(kind: &str, said: &Said<'_>) -> Result<Option<Model>, QueryError> {
    Ok(Some(match kind {
        "DFR" => Model::Randomness {
            basic: chosen(
                ("basic_model", "BasicModel"),
                said,
                &[
                    ("g", BasicModel::Geometric),
                    ("if", BasicModel::Frequency),
                    ("in", BasicModel::Documents),
                    ("ine", BasicModel::ExpectedDocuments),
                ],
                &["be", "d", "p"],
            )?,
            after: chosen(
                ("after_effect", "AfterEffect"),
                said,
                &[("b", AfterEffect::Bernoulli), ("l", AfterEffect::Laplace)],
                &["no"],
            )?,
            normalization: normalization(said)?,
        },
        "DFI" => Model::Independence(chosen(
            ("independence_measure", "IndependenceMeasure"),
            said,
            &[
                ("standardized", Measure::Standardized),
                ("saturated", Measure::Saturated),
                ("chisquared", Measure::ChiSquared),
            ],
            &[],
        )?),
        "IB" => Model::Information {
            distribution: chosen(
                ("distribution", "Distribution"),
                said,
                &[("ll", Distribution::LogLogistic), ("spl", Distribution::PowerLaw)],
                &[],
            )?,
            lambda: chosen(
                ("lambda", "Lambda"),
                said,
                &[("df", Lambda::Documents), ("ttf", Lambda::Frequency)],
                &[],
            )?,
            normalization: normalization(said)?,
        },
        "LMDirichlet" => Model::Dirichlet(positive(said, "mu", 2000.0)?),
        "LMJelinekMercer" => match number(said, "lambda", 0.1)? {
            lambda if lambda > 0.0 && lambda <= 1.0 => Model::JelinekMercer(lambda),
            _ => return Err(fault("lambda must be in the range (0 .. 1]".to_owned())),
        },
        _ => return Ok(None),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn models() -> Vec<Model> {
        let normalizations = [
            Normalization::None,
            Normalization::Uniform(2.0),
            Normalization::Logarithmic(1.0),
            Normalization::Dirichlet(800.0),
            Normalization::Zipf(0.3),
        ];
        let basics = [
            BasicModel::Geometric,
            BasicModel::Frequency,
            BasicModel::Documents,
            BasicModel::ExpectedDocuments,
        ];
        let mut models = vec![Model::Dirichlet(2000.0), Model::JelinekMercer(0.1), Model::JelinekMercer(1.0)];
        models.extend(
            [Measure::Standardized, Measure::Saturated, Measure::ChiSquared].map(Model::Independence),
        );
        for normalization in normalizations {
            for basic in basics {
                for after in [AfterEffect::Bernoulli, AfterEffect::Laplace] {
                    models.push(Model::Randomness { basic, after, normalization });
                }
            }
            for distribution in [Distribution::LogLogistic, Distribution::PowerLaw] {
                for lambda in [Lambda::Documents, Lambda::Frequency] {
                    models.push(Model::Information { distribution, lambda, normalization });
                }
            }
        }
        models
    }

    /// What Lucene asks of its similarities. Scores that are none would be in no order.
    #[test]
    fn a_word_counts_no_less_the_more_often_it_is_there() {
        let texts = [
            Counts { documents: 1.0, with_term: 1.0, of_term: 1.0, of_all: 1.0 },
            Counts { documents: 1000.0, with_term: 1000.0, of_term: 5000.0, of_all: 90_000.0 },
            Counts { documents: 1000.0, with_term: 1.0, of_term: 1.0, of_all: 90_000.0 },
            Counts { documents: 1e9, with_term: 3e8, of_term: 9e9, of_all: 1e12 },
        ];
        for model in models() {
            for counts in texts {
                for length in [1.0, 40.0, 100_000.0] {
                    let mut before = 0.0;
                    for often in [1.0, 2.0, 10.0, 65_536.0] {
                        let score = model.score(counts, often, length);
                        assert!(
                            score.is_finite() && score >= before,
                            "{model:?} of {counts:?}: {score} for {often} in {length}, {before} for less"
                        );
                        before = score;
                    }
                }
            }
        }
    }
}
