//! Random requests, the same for the same seed: every query type and option, over indices with every kind of field.

mod apis;
mod basic;
mod broken;
mod compound;
mod dice;
mod fetching;
mod fields;
mod forms;
mod full_text;
mod joined;
mod ordering;
mod positions;
mod special;
mod strings;
mod term_level;
mod words;
mod world;

use std::collections::BTreeMap;

use serde_json::Value;
use system_tests::size_of;

use self::apis::{APIS, Api};
use self::dice::Dice;
use self::forms::{Chosen, Form, Part, search_for};
use self::world::World;
use crate::answers::difference;
use crate::known::Known;
use crate::requests::Request;
use crate::shrink::{Differing, shrunk};
use crate::sides::Sides;
use crate::tally::Tally;

/// Without `PEERS_SEED`.
const SEED: usize = 1;
/// Without `PEERS_REQUESTS`: what a run of all tests has time for.
const REQUESTS: usize = 400;
/// There are two indices, and another one for each so many requests.
const REQUESTS_OF_A_WORLD: usize = 700;
/// This share must be the same, so that it does not get worse unseen; of some thousands it is 0.98 and more.
const SHARE_MIN: f64 = 0.97;

/// Why a request without an answer is no difference.
const NO_ANSWER: &str =
    "OpenSearch never answers where it fails at writing what stands for a missing date_nanos";

const FORMS: [&[Form]; 9] = [
    term_level::FORMS,
    full_text::FORMS,
    strings::FORMS,
    compound::FORMS,
    special::FORMS,
    positions::FORMS,
    joined::FORMS,
    ordering::FORMS,
    fetching::FORMS,
];

/// What is counted together, and how one is made.
struct Kind {
    name: String,
    how: How,
}

enum How {
    Form(&'static Form, Chosen),
    Api(&'static Api),
}

fn kinds() -> Vec<Kind> {
    let of_form = |form: &'static Form| {
        form.kinds().into_iter().map(move |(name, chosen)| Kind { name, how: How::Form(form, chosen) })
    };
    let forms = FORMS.into_iter().flatten().flat_map(of_form);
    let of_api = |api: &'static Api| {
        (0..api.times).map(move |_| Kind { name: api.name.to_owned(), how: How::Api(api) })
    };
    let apis = APIS.iter().flat_map(of_api);
    forms.chain(apis).collect()
}

impl Kind {
    fn request(&self, dice: &mut Dice, world: &World) -> Request {
        let (form, chosen) = match &self.how {
            How::Api(api) => return (api.make)(api.name, dice, world),
            How::Form(form, chosen) => (form, *chosen),
        };
        let made: Value = form.made(chosen, dice, world);
        let body = match form.part {
            Part::Query => search_for(made, dice),
            Part::Search => made,
        };
        Request::post(self.name.clone(), format!("/{}/_search", world.name()), body).of(form.name)
    }
}

pub(crate) async fn compare(sides: &Sides) -> anyhow::Result<()> {
    let seed = size_of("PEERS_SEED", SEED) as u64;
    let count = size_of("PEERS_REQUESTS", REQUESTS);
    let shown = size_of("PEERS_SHOWN", 0);
    let worlds: Vec<World> =
        (0..2 + count / REQUESTS_OF_A_WORLD).map(|number| World::new(seed, number)).collect();
    for world in &worlds {
        sides.fill(&world.index, &world.documents).await?;
    }
    let kinds = kinds();
    let known = Known::read()?;
    let mut tally = Tally::default();
    let mut told: BTreeMap<String, usize> = BTreeMap::new();
    for number in 0..count {
        let mut dice = Dice::new(seed, number as u64);
        // A short run asks of kinds from everywhere in the list.
        let kind = &kinds[(number * STRIDE) % kinds.len()];
        let request = kind.request(&mut dice, &worlds[(number + number / kinds.len()) % worlds.len()]);
        let replies = sides.ask(&request).await?;
        tally.asked_for(&request, &replies[1]);
        if replies[1].status == 0 {
            tally.excused(&request, NO_ANSWER);
            continue;
        }
        let Some(difference) = difference(&replies[0], &replies[1]) else {
            tally.same(&request);
            continue;
        };
        if let Some(reason) = known.reason(&request, &difference) {
            tally.excused(&request, reason);
            continue;
        }
        let of_cause = tally.different(&request, &difference);
        let of_kind = told.entry(request.kind.clone()).or_default();
        *of_kind += 1;
        let whole = Differing { request, difference, replies };
        if of_cause <= shown {
            tally.tell(&format!("request {number} of seed {seed}\n{}", shrunk(sides, whole).await?.shown()));
        } else if *of_kind <= shown.max(1) {
            tally.tell(&format!("request {number} of seed {seed}\n{}", whole.shown()));
        }
    }
    let path = tally.report("random", shown > 0)?;
    println!(
        "random: {} of {} the same ({:.1} % of what is not excused), seed {seed}, {} kinds; {}",
        tally.counted_same(),
        tally.asked(),
        tally.share() * 100.0,
        kinds.len(),
        path.display()
    );
    anyhow::ensure!(
        tally.share() >= SHARE_MIN,
        "{:.3} of the requests are answered as by OpenSearch, {SHARE_MIN} at least must be: {}\n{}",
        tally.share(),
        path.display(),
        tally.families()
    );
    Ok(())
}

/// Coprime with every number of kinds that there will be, as a large prime.
const STRIDE: usize = 7_919;

#[cfg(test)]
mod tests {
    use super::*;

    /// The requests of a seed, as text.
    fn requests(seed: u64) -> Vec<String> {
        let world = World::new(seed, 0);
        let numbered = kinds().into_iter().enumerate();
        numbered
            .map(|(number, kind)| kind.request(&mut Dice::new(seed, number as u64), &world).shown())
            .collect()
    }

    #[test]
    fn a_seed_always_makes_the_same_requests() {
        assert_eq!(requests(3), requests(3));
        assert_ne!(requests(3), requests(4));
    }

    /// Options that a form names twice, with values of different types, are one kind.
    #[test]
    fn no_two_forms_have_one_name() {
        let mut names: Vec<&str> = FORMS
            .into_iter()
            .flatten()
            .map(|form| form.name)
            .chain(APIS.iter().map(|api| api.name))
            .collect();
        let count = names.len();

        names.sort_unstable();
        names.dedup();

        assert_eq!(names.len(), count);
    }
}
