//! `has_child` and `has_parent`: documents by others of their shard.

use std::sync::Arc;

use serde_json::Value;
use tantivy::query::{BooleanQuery, Occur, Query as TantivyQuery};

use super::{Lowered, Lowering, none, unscored};
use crate::query::QueryError;
use crate::query::ast::Joined;
use crate::query::weights::graded::Grade;
use crate::query::weights::join::Joining;

impl Lowering<'_> {
    pub(super) fn joined(&self, joined: &Joined) -> Lowered {
        let query_name = if joined.by_children { "has_child" } else { "has_parent" };
        let failed = |reason: String| {
            if joined.ignore_unmapped {
                Ok(none())
            } else {
                Err(QueryError::shard(format!("[{query_name}] {reason}")))
            }
        };
        let Some((field, join)) = self.layout.mapping.join() else {
            return failed("no join field has been configured".to_owned());
        };
        // Ids are looked up under the name of the parent; found are parents, or children of any kind.
        let (parent, found) = if joined.by_children {
            match join.parent_of(&joined.name) {
                Some(parent) => (parent, vec![parent]),
                None => {
                    return failed(format!("join field [{field}] doesn't hold [{}] as a child", joined.name));
                }
            }
        } else {
            match join.children_of(&joined.name) {
                [] => {
                    return failed(format!(
                        "join field [{field}] doesn't hold [{}] as a parent",
                        joined.name
                    ));
                }
                children => (joined.name.as_str(), children.iter().map(String::as_str).collect()),
            }
        };
        let documents = Lowering { nested_in: None, ..*self };
        let is_a =
            |name: &str| Ok::<_, QueryError>(unscored(documents.term(field, &Value::from(name), false)?));
        let inner: Vec<(Occur, Box<dyn TantivyQuery>)> =
            vec![(Occur::Must, documents.scored_query(&joined.query)?), (Occur::Must, is_a(&joined.name)?)];
        let inner = documents.at_level(Box::new(BooleanQuery::new(inner)));
        let column = self.layout.stored_name(&format!("{field}#{parent}")).to_owned();
        let joining =
            Arc::new(Joining::new(inner, column, joined.score_mode, (joined.least.max(1), joined.most)));
        self.shared.add(&joining);
        let any: Vec<(Occur, Box<dyn TantivyQuery>)> = found
            .into_iter()
            .map(|name| Ok((Occur::Should, is_a(name)?)))
            .collect::<Result<_, QueryError>>()?;
        let found = unscored(Box::new(BooleanQuery::new(any)));
        Ok(Box::new(BooleanQuery::new(vec![
            (Occur::Must, self.graded(Grade::Joined(joining))),
            (Occur::Must, found),
        ])))
    }
}
