//! What runtime fields are read with: a layout for each set of them, made once for as long as anybody has values that were read with it.
//!
//! Fields of one layout are read in one go. A path that goes on below another field's is in another one: there an object stands where the
//! other has a value.

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};

use hashbrown::HashMap;
use parking_lot::Mutex;

use super::Layout;
use crate::analysis::Analysis;
use crate::mapping::{FieldMapping, Mapping};

/// The layouts of a mapping's runtime fields.
pub(crate) struct RuntimeLayouts {
    fields: BTreeMap<String, RuntimeField>,
    /// All fields that are below so many others.
    whole: Vec<Arc<Layout>>,
    sets: Mutex<HashMap<Vec<Arc<str>>, Weak<Layout>>>,
}

/// A runtime field.
pub(crate) struct RuntimeField {
    /// What tells it from every other: its path and its definition.
    pub(crate) name: Arc<str>,
    field: FieldMapping,
    /// How many other fields it is below.
    depth: usize,
}

impl RuntimeLayouts {
    pub(super) fn new(mapping: &Mapping) -> Self {
        let above = |path: &str| {
            let parts = path.match_indices('.').map(|(at, _)| &path[..at]);
            parts.filter(|above| mapping.runtime.get(above).is_some()).count()
        };
        let fields: BTreeMap<String, RuntimeField> = mapping
            .runtime
            .iter()
            .map(|(path, field)| {
                let name = Arc::from(Mapping::identity_of_runtime_field(path, field));
                (path.to_owned(), RuntimeField { name, field: field.clone(), depth: above(path) })
            })
            .collect();
        let depths = fields.values().map(|field| field.depth + 1).max().unwrap_or(0);
        let whole = (0..depths).map(|depth| {
            let fields = fields.iter().filter(|(_, field)| field.depth == depth);
            Arc::new(layout_of(fields.map(|(path, field)| (path.as_str(), &field.field))))
        });
        Self { whole: whole.collect(), fields, sets: Mutex::default() }
    }

    /// The field at a path.
    pub(crate) fn get(&self, path: &str) -> Option<&RuntimeField> {
        self.fields.get(path)
    }

    /// A layout that has the field at a path, whatever else it has.
    pub(crate) fn of(&self, path: &str) -> Option<&Arc<Layout>> {
        self.whole.get(self.fields.get(path)?.depth)
    }

    /// The layouts that fields are read with, each with the places of its fields among these. No path is given twice.
    pub(crate) fn of_all(&self, paths: &[&str]) -> Vec<(Vec<usize>, Arc<Layout>)> {
        let mut places: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (place, path) in paths.iter().enumerate() {
            if let Some(field) = self.fields.get(*path) {
                places.entry(field.depth).or_default().push(place);
            }
        }
        places
            .into_iter()
            .map(|(depth, places)| {
                let layout = self.of_set(depth, places.iter().map(|place| paths[*place]));
                (places, layout)
            })
            .collect()
    }

    fn of_set<'p>(&self, depth: usize, paths: impl Iterator<Item = &'p str>) -> Arc<Layout> {
        let set: BTreeMap<&str, &RuntimeField> =
            paths.filter_map(|path| Some((path, self.fields.get(path)?))).collect();
        let of_depth = self.fields.values().filter(|field| field.depth == depth).count();
        if let Some(whole) = self.whole.get(depth)
            && set.len() == of_depth
        {
            return Arc::clone(whole);
        }
        let names: Vec<Arc<str>> = set.values().map(|field| Arc::clone(&field.name)).collect();
        let mut sets = self.sets.lock();
        if let Some(known) = sets.get(&names).and_then(Weak::upgrade) {
            return known;
        }
        sets.retain(|_, layout| layout.strong_count() > 0);
        let made = Arc::new(layout_of(set.into_iter().map(|(path, field)| (path, &field.field))));
        sets.insert(names, Arc::downgrade(&made));
        made
    }
}

fn layout_of<'f>(fields: impl Iterator<Item = (&'f str, &'f FieldMapping)>) -> Layout {
    Layout::of_columns(Arc::new(Mapping::of_runtime_fields(fields)), Analysis::plain())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::mapping::parse_mapping;

    #[test]
    fn a_set_has_one_layout_and_no_field_is_below_another_of_it() {
        let field = || json!({"type": "keyword"});
        let mapping = json!({"runtime": {"a": field(), "a.b": field(), "a.b.c": field(), "ab": field()}});
        let layouts = RuntimeLayouts::new(&parse_mapping(&mapping).expect("valid"));

        let all = layouts.of_all(&["a.b.c", "ab", "a", "a.b"]);

        let places: Vec<_> = all.iter().map(|(places, _)| places.as_slice()).collect();
        assert_eq!(places, [&[1, 2][..], &[3], &[0]]);
        assert!(all.iter().all(|(_, layout)| layouts.whole.iter().any(|whole| Arc::ptr_eq(whole, layout))));
        assert!(Arc::ptr_eq(layouts.of("ab").expect("known"), &all[0].1));
        let one = || layouts.of_all(&["ab"]).remove(0).1;
        let first = one();
        assert!(Arc::ptr_eq(&first, &one()) && !Arc::ptr_eq(&first, &all[0].1));
        drop(first);
        layouts.of_all(&["a"]);
        assert_eq!(layouts.sets.lock().len(), 1, "what nobody has is forgotten");
        assert!(layouts.of("b").is_none() && layouts.of_all(&["b"]).is_empty());
    }
}
