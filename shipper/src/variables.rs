//! `${NAME}` and `${NAME:default}` in the texts of a pipeline.

use event::Value;

use crate::language::ast::{Condition, Operand};

/// Finds the value of `${NAME}`.
pub type Variables<'a> = &'a dyn Fn(&str) -> Option<String>;

/// A variable without a value and without a default.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("${{{0}}} is not set; set it, or write ${{{0}:default}}")]
pub struct Unset(pub String);

/// The text with the values of its variables.
pub fn expand(text: &str, variables: Variables<'_>) -> Result<String, Unset> {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        let Some(end) = rest[at..].find('}').map(|end| at + end) else {
            break;
        };
        let inside = &rest[at + 2..end];
        let (name, default) =
            inside.split_once(':').map_or((inside, None), |(name, default)| (name, Some(default)));
        let value = variables(name).or_else(|| default.map(str::to_owned));
        out.push_str(&rest[..at]);
        out.push_str(&value.ok_or_else(|| Unset(name.to_owned()))?);
        rest = &rest[end + 1..];
    }
    out.push_str(rest);
    Ok(out)
}

/// The condition with the values of the variables in its texts.
pub fn expand_condition(condition: &Condition, variables: Variables<'_>) -> Result<Condition, Unset> {
    let deeper = |inner: &Condition| expand_condition(inner, variables);
    let operand = |operand: &Operand| expand_operand(operand, variables);
    Ok(match condition {
        Condition::And(all) => Condition::And(all.iter().map(deeper).collect::<Result<_, _>>()?),
        Condition::Chain(first, rest) => Condition::Chain(
            Box::new(deeper(first)?),
            rest.iter().map(|(join, next)| Ok((*join, deeper(next)?))).collect::<Result<_, _>>()?,
        ),
        Condition::Not(inner) => Condition::Not(Box::new(deeper(inner)?)),
        Condition::Truth(value) => Condition::Truth(operand(value)?),
        Condition::Compare(left, comparison, right) => {
            Condition::Compare(operand(left)?, *comparison, operand(right)?)
        }
        Condition::In(needle, haystack) => Condition::In(operand(needle)?, operand(haystack)?),
        Condition::Match(value, regex) => Condition::Match(operand(value)?, regex.clone()),
    })
}

fn expand_operand(operand: &Operand, variables: Variables<'_>) -> Result<Operand, Unset> {
    Ok(match operand {
        Operand::Field(path) => Operand::Field(path.clone()),
        Operand::Value(value) => Operand::Value(expand_value(value, variables)?),
    })
}

fn expand_value(value: &Value, variables: Variables<'_>) -> Result<Value, Unset> {
    Ok(match value {
        Value::String(text) => Value::String(expand(text, variables)?),
        Value::Array(items) => {
            Value::Array(items.iter().map(|item| expand_value(item, variables)).collect::<Result<_, _>>()?)
        }
        other => other.clone(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_have_values_or_defaults_or_are_named() {
        let variables = |name: &str| (name == "A").then(|| "1".to_owned());
        assert_eq!(expand("x${A}y${B:2}z${B:}", &variables), Ok("x1y2z".to_owned()));
        assert_eq!(expand("${B}", &variables), Err(Unset("B".to_owned())));
        assert_eq!(expand("${A", &variables), Ok("${A".to_owned()));
    }
}
