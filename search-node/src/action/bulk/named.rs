//! The index that an action names, and whether the action makes it where it is not there.

use std::sync::Arc;

use super::line::{Head, Op};
use crate::action::target::Target;
use crate::indices::Index;
use crate::node::Node;

/// What an action says of its index.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Named {
    name: Arc<str>,
    must_be_alias: bool,
    /// Whether it may make an index, and then whether also one of a data stream.
    makes: Option<bool>,
}

impl Named {
    /// None for an action that is refused as it stands.
    pub(super) fn by(head: &Head) -> Option<Self> {
        if head.fault.is_some() {
            return None;
        }
        Some(Self {
            name: Arc::clone(&head.target.index),
            must_be_alias: head.options.require_alias,
            makes: (head.op != Op::Delete).then(|| head.is_create()),
        })
    }

    /// The index, which is made if need be. What is wrong with it is told by whoever does the action.
    pub(crate) fn find(&self, node: &Node) -> Option<Arc<Index>> {
        if self.must_be_alias && !node.indices.is_alias(&self.name) {
            return None;
        }
        match self.makes {
            Some(is_create) => node.indices.for_write(&self.name, is_create).ok(),
            None => {
                let target = Target { index: Arc::clone(&self.name), ..Target::default() };
                target.index_to_delete(node).ok()
            }
        }
    }
}
