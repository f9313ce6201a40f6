//! A template with values in it.

use serde_json::Value;

use crate::escape::Escape;
use crate::lookup::{Found, find, put_nested};
use crate::parser::Part;
use crate::{Fault, STEPS_MAX};

/// So many bytes that are looked at take as long as a part.
const BYTES_A_STEP: usize = 256;

/// One run over a template.
pub(crate) struct Renderer<'v> {
    /// The values that names are looked for in, the outermost first.
    scopes: Vec<Found<'v>>,
    escape: Escape,
    text: String,
    bytes_max: usize,
    steps_left: usize,
}

impl<'v> Renderer<'v> {
    pub(crate) fn new(params: &'v Value, escape: Escape, bytes_max: usize) -> Self {
        let scopes = vec![Found::Value(params)];
        Self { scopes, escape, text: String::new(), bytes_max, steps_left: STEPS_MAX }
    }

    pub(crate) fn into_text(self) -> String {
        self.text
    }

    pub(crate) fn parts(&mut self, parts: &[Part]) -> Result<(), Fault> {
        parts.iter().try_for_each(|part| self.part(part))
    }

    fn part(&mut self, part: &Part) -> Result<(), Fault> {
        self.step(1)?;
        match part {
            Part::Text(text) => self.put(text),
            Part::Variable { name, is_escaped } => {
                let Some(found) = self.find(name)? else { return Ok(()) };
                let escape = if *is_escaped { self.escape } else { Escape::Plain };
                escape.put(&found.text(), &mut self.text);
                self.check()
            }
            Part::Section { name, parts } => self.section(name, parts),
            Part::Inverted { name, parts } => {
                let is_nothing = self.find(name)?.is_none_or(Found::is_nothing);
                if is_nothing { self.parts(parts) } else { Ok(()) }
            }
            Part::Block(parts) => self.parts(parts),
            Part::Json(name) => {
                let text = self.find(name)?.map(Found::json).unwrap_or_default();
                self.put(&text)
            }
            Part::Join { name, delimiter } => self.join(name, delimiter),
            Part::Url(parts) => {
                let before = self.text.len();
                self.parts(parts)?;
                let inside = self.text.split_off(before);
                self.step(inside.len() / BYTES_A_STEP)?;
                Escape::Url.put(&inside, &mut self.text);
                self.check()
            }
        }
    }

    fn section(&mut self, name: &str, parts: &[Part]) -> Result<(), Fault> {
        match self.find(name)? {
            Some(Found::Value(Value::Array(items))) => {
                items.iter().try_for_each(|item| self.within(Found::Value(item), parts))
            }
            Some(found) if !found.is_nothing() => self.within(found, parts),
            _ => Ok(()),
        }
    }

    fn within(&mut self, scope: Found<'v>, parts: &[Part]) -> Result<(), Fault> {
        self.step(1)?;
        self.scopes.push(scope);
        let done = self.parts(parts);
        self.scopes.pop();
        done
    }

    /// What is no list stays the word that it is.
    fn join(&mut self, name: &str, delimiter: &str) -> Result<(), Fault> {
        let Some(Found::Value(Value::Array(items))) = self.find(name)? else {
            return self.put(name);
        };
        for (at, item) in items.iter().enumerate() {
            if at > 0 {
                self.text.push_str(delimiter);
            }
            put_nested(item, &mut self.text);
            self.check()?;
        }
        Ok(())
    }

    fn put(&mut self, text: &str) -> Result<(), Fault> {
        self.text.push_str(text);
        self.check()
    }

    fn check(&self) -> Result<(), Fault> {
        match self.text.len() > self.bytes_max {
            true => Err(Fault::TooLong { bytes_max: self.bytes_max }),
            false => Ok(()),
        }
    }

    /// What a name means. Long names that are looked for in many scopes take as long as many parts.
    fn find(&mut self, name: &str) -> Result<Option<Found<'v>>, Fault> {
        self.step(name.len() * self.scopes.len() / BYTES_A_STEP)?;
        Ok(find(&self.scopes, name))
    }

    fn step(&mut self, steps: usize) -> Result<(), Fault> {
        self.steps_left = self.steps_left.checked_sub(steps).ok_or(Fault::TooManySteps)?;
        Ok(())
    }
}
