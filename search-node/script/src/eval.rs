//! Running a script's statements over `ctx`, `doc` and `params`.

use std::collections::HashMap;

use serde_json::{Map, Value, json};

use super::functions;
use super::held::{Held, checked_weight, member_bytes, member_weight, weight};
use super::methods::{ask, change, change_of, may_make};
use super::operators::{binary, cast, index, shown, text, truth};
use super::parser::{Expression, Sign, Statement};
use super::{Host, Limits};

/// Rounds of loops between two looks whether anybody still wants what comes of a script.
const ROUNDS_BETWEEN: u32 = 256;

/// The variables of a script while it runs.
pub(super) struct Frame<'a> {
    ctx: Value,
    params: &'a Value,
    host: &'a mut dyn Host,
    /// How often loops may still go round.
    rounds: u32,
    held: Held,
    variables: HashMap<String, Value>,
}

/// What comes after a statement.
enum Next {
    Statement,
    Round,
    LoopEnd,
    End(Value),
}

impl<'a> Frame<'a> {
    pub(super) fn new(ctx: Value, params: &'a Value, host: &'a mut dyn Host, limits: Limits) -> Self {
        let held = Held::new(limits);
        Self { ctx, params, host, rounds: limits.loops, held, variables: HashMap::new() }
    }

    pub(super) fn into_ctx(self) -> Value {
        self.ctx
    }

    /// Runs a script; its value is that of its `return`, or of its last expression.
    pub(super) fn result(&mut self, statements: &[Statement]) -> Result<Value, String> {
        let result = self.run_to_end(statements);
        self.held.give_back(self.host);
        result
    }

    fn run_to_end(&mut self, statements: &[Statement]) -> Result<Value, String> {
        let (last, before) = match statements.split_last() {
            Some((Statement::Do(last), before)) => (Some(last), before),
            _ => (None, statements),
        };
        match self.run(before)? {
            Next::End(value) => Ok(value),
            _ => last.map_or(Ok(Value::Null), |last| self.value(last)),
        }
    }

    fn run(&mut self, statements: &[Statement]) -> Result<Next, String> {
        for statement in statements {
            match self.step(statement)? {
                Next::Statement => {}
                other => return Ok(other),
            }
        }
        Ok(Next::Statement)
    }

    fn step(&mut self, statement: &Statement) -> Result<Next, String> {
        match statement {
            Statement::Return(value) => {
                return Ok(Next::End(value.as_ref().map_or(Ok(Value::Null), |value| self.value(value))?));
            }
            Statement::Break => return Ok(Next::LoopEnd),
            Statement::Continue => return Ok(Next::Round),
            Statement::Do(expression) => drop(self.value(expression)?),
            Statement::Declare(name, value) => {
                let value = value.as_ref().map_or(Ok(Value::Null), |value| self.value(value))?;
                self.set(name, value)?;
            }
            Statement::Assign(place, operator, value) => {
                let mut value = self.value(value)?;
                let path = self.path(place)?;
                if let Some(operator) = operator {
                    let before = self.copied(&path)?;
                    value = self.binary(&before, operator, &value)?;
                }
                self.hold(&value)?;
                self.hold_bytes(self.new_member(&path))?;
                let before = std::mem::replace(self.at_mut(&path)?, value);
                self.held.remove(weight(&before));
            }
            Statement::If(condition, then, otherwise) => {
                let chosen = if truth(&self.value(condition)?)? { then } else { otherwise };
                return self.run(chosen);
            }
            Statement::Loop { first, condition, after, body, is_tested_last } => {
                return self.go_round(first, condition.as_ref(), after, body, *is_tested_last);
            }
            Statement::Each(name, items, body) => return self.each(name, items, body),
        }
        Ok(Next::Statement)
    }

    fn go_round(
        &mut self,
        first: &[Statement],
        condition: Option<&Expression>,
        after: &[Statement],
        body: &[Statement],
        is_tested_last: bool,
    ) -> Result<Next, String> {
        self.run(first)?;
        let mut is_tested = !is_tested_last;
        loop {
            let goes_on = match condition.filter(|_| is_tested) {
                Some(condition) => truth(&self.value(condition)?)?,
                None => true,
            };
            is_tested = true;
            if !goes_on {
                return Ok(Next::Statement);
            }
            self.count_round()?;
            match self.run(body)? {
                Next::LoopEnd => return Ok(Next::Statement),
                end @ Next::End(_) => return Ok(end),
                Next::Statement | Next::Round => drop(self.run(after)?),
            }
        }
    }

    fn each(&mut self, name: &str, items: &Expression, body: &[Statement]) -> Result<Next, String> {
        let items = match self.value(items)? {
            Value::Array(items) => items,
            Value::Object(members) => members.into_iter().map(|(key, _)| Value::String(key)).collect(),
            other => return Err(format!("[{}] is neither a list nor a map", shown(&other))),
        };
        let copied = self.hold_bytes(items.iter().map(weight).sum())?;
        for item in items {
            self.count_round()?;
            self.set(name, item)?;
            match self.run(body)? {
                Next::LoopEnd => break,
                end @ Next::End(_) => return Ok(end),
                Next::Statement | Next::Round => {}
            }
        }
        self.held.remove(copied);
        Ok(Next::Statement)
    }

    /// Gives a variable a value.
    fn set(&mut self, name: &str, value: Value) -> Result<(), String> {
        self.hold(&value)?;
        if let Some(before) = self.variables.insert(name.to_owned(), value) {
            self.held.remove(weight(&before));
        }
        Ok(())
    }

    /// What a sign makes of two values. A text that is made of them is there beside them.
    fn binary(&mut self, left: &Value, sign: Sign, right: &Value) -> Result<Value, String> {
        if left.is_string() || right.is_string() {
            self.held.ask(2 * (weight(left) + weight(right)), self.host)?;
        }
        binary(left, sign, right)
    }

    fn count_round(&mut self) -> Result<(), String> {
        self.rounds = self
            .rounds
            .checked_sub(1)
            .ok_or("The maximum number of statements that can be executed in a loop has been reached.")?;
        if self.rounds.is_multiple_of(ROUNDS_BETWEEN) && !self.host.goes_on() {
            return Err("nobody waits for it any more".to_owned());
        }
        Ok(())
    }

    fn value(&mut self, expression: &Expression) -> Result<Value, String> {
        Ok(match expression {
            Expression::Value(value) => value.clone(),
            Expression::Variable(_) | Expression::Member(..) => {
                let path = self.path(expression)?;
                self.copied(&path)?
            }
            Expression::Field(path, asked) => self.field(path, asked.as_deref())?,
            Expression::HasField(path) => {
                let path = text(&self.value(path)?);
                json!(self.host.has_field(&path))
            }
            Expression::Score => json!(self.host.score()),
            Expression::Cast(kind, inner) => cast(*kind, self.value(inner)?)?,
            Expression::Function(name, arguments) => {
                let arguments = self.values(arguments)?;
                match functions::is_known(name) {
                    true => functions::call(name, &arguments)?,
                    false => match self.host.call(name, &arguments) {
                        Some(called) => called?,
                        None => functions::call(name, &arguments)?,
                    },
                }
            }
            Expression::Otherwise(value, otherwise) => match self.value(value)? {
                Value::Null => self.value(otherwise)?,
                value => value,
            },
            Expression::Not(inner) => json!(!truth(&self.value(inner)?)?),
            Expression::Minus(inner) => binary(&json!(0), "-", &self.value(inner)?)?,
            Expression::Binary(left, "&&", right) => {
                json!(truth(&self.value(left)?)? && truth(&self.value(right)?)?)
            }
            Expression::Binary(left, "||", right) => {
                json!(truth(&self.value(left)?)? || truth(&self.value(right)?)?)
            }
            Expression::Binary(left, sign, right) => {
                let left = self.value(left)?;
                let beside = weight(&left);
                self.held.add(beside);
                let right = self.value(right)?;
                self.held.remove(beside);
                self.binary(&left, sign, &right)?
            }
            Expression::Choice(condition, then, otherwise) => {
                let chosen = if truth(&self.value(condition)?)? { then } else { otherwise };
                self.value(chosen)?
            }
            Expression::List(items) => Value::Array(self.values(items)?),
            Expression::Map(entries) => {
                let mut members = Map::new();
                let mut made = 0;
                for (key, value) in entries {
                    let key = text(&self.value(key)?);
                    let value = self.value(value)?;
                    made += self.hold(&value)? + self.hold_bytes(member_bytes(&key))?;
                    members.insert(key, value);
                }
                self.held.remove(made);
                Value::Object(members)
            }
            Expression::Call(target, method, arguments) => self.call(target, method, arguments)?,
        })
    }

    /// The values of a document's field, or what is asked of them.
    fn field(&mut self, path: &Expression, asked: Option<&str>) -> Result<Value, String> {
        let path = text(&self.value(path)?);
        let values = self.host.values(&path)?;
        let first = |values: Vec<Value>| {
            values.into_iter().next().ok_or_else(|| {
                "A document doesn't have a value for a field! Use doc[<field>].size()==0 to check if a document is missing a field!".to_owned()
            })
        };
        match asked {
            None | Some("values") => Ok(Value::Array(values)),
            Some("value") => first(values),
            Some("empty") => Ok(json!(values.is_empty())),
            Some("length") => Ok(json!(values.len())),
            Some(other) => match first(values)? {
                Value::Object(members) if members.contains_key(other) => Ok(members[other].clone()),
                _ => Err(format!("dynamic getter [{other}] not found on the values of [{path}]")),
            },
        }
    }

    fn values(&mut self, expressions: &[Expression]) -> Result<Vec<Value>, String> {
        let mut values = Vec::with_capacity(expressions.len());
        let mut made = 0;
        for expression in expressions {
            let value = self.value(expression)?;
            made += self.hold(&value)?;
            values.push(value);
        }
        // Whoever gets them holds them from now on.
        self.held.remove(made);
        Ok(values)
    }

    /// Holds a value more, whose bytes are returned.
    fn hold(&mut self, value: &Value) -> Result<usize, String> {
        let bytes = checked_weight(value)?;
        self.hold_bytes(bytes)
    }

    fn hold_bytes(&mut self, bytes: usize) -> Result<usize, String> {
        self.held.ask(bytes, self.host)?;
        self.held.add(bytes);
        Ok(bytes)
    }

    /// What is at a path, copied.
    fn copied(&mut self, path: &Path) -> Result<Value, String> {
        let bytes = match self.at(path)? {
            None => return Ok(Value::Null),
            Some(value @ (Value::Number(_) | Value::Bool(_) | Value::Null)) => return Ok(value.clone()),
            Some(value) => weight(value),
        };
        self.held.ask(bytes, self.host)?;
        Ok(self.at(path)?.cloned().unwrap_or_default())
    }

    fn variable(&self, name: &str) -> Result<&Value, String> {
        match name {
            "ctx" => Ok(&self.ctx),
            "params" => Ok(self.params),
            local => self.variables.get(local).ok_or_else(|| format!("variable [{local}] has no value")),
        }
    }

    /// Where a variable or a member is. What its keys and its root do is done once.
    fn path(&mut self, expression: &Expression) -> Result<Path, String> {
        let mut keys = Vec::new();
        let mut at = expression;
        while let Expression::Member(inner, key) = at {
            keys.push(self.value(key)?);
            at = inner;
        }
        let root = match at {
            Expression::Variable(name) => Root::Variable(name.clone()),
            other => Root::Made(self.value(other)?),
        };
        Ok(Path { root, keys })
    }

    /// What is at a path; none for a member that is not there.
    fn at<'s>(&'s self, path: &'s Path) -> Result<Option<&'s Value>, String> {
        self.inside(path, &path.keys)
    }

    /// The same by some of its keys, the innermost first.
    fn inside<'s>(&'s self, path: &'s Path, keys: &[Value]) -> Result<Option<&'s Value>, String> {
        let mut value = Some(match &path.root {
            Root::Variable(name) => self.variable(name)?,
            Root::Made(made) => made,
        });
        for key in keys.iter().rev() {
            value = match value {
                None | Some(Value::Null) => return Err(of_null(key)),
                Some(Value::Array(items)) => Some(items.get(index(key, items.len())?).ok_or("no such item")?),
                Some(Value::Object(members)) => members.get(&text(key)),
                Some(other) => return Err(no_member(other, key)),
            };
        }
        Ok(value)
    }

    /// What a member takes that is made by changing what is at a path.
    fn new_member(&self, path: &Path) -> usize {
        let Some((last, before)) = path.keys.split_first() else { return 0 };
        match self.inside(path, before) {
            Ok(Some(Value::Object(members))) if !members.contains_key(&text(last)) => {
                member_weight(&text(last), &Value::Null)
            }
            _ => 0,
        }
    }

    /// What is at a path, to be changed; made if it is a variable or a member that is not there yet.
    fn at_mut(&mut self, path: &Path) -> Result<&mut Value, String> {
        let mut value = match &path.root {
            Root::Variable(name) if name == "params" => return Err("params cannot be changed".to_owned()),
            Root::Variable(name) if name == "ctx" => &mut self.ctx,
            Root::Variable(name) => self.variables.entry(name.clone()).or_default(),
            Root::Made(_) => return Err("this cannot be changed".to_owned()),
        };
        for key in path.keys.iter().rev() {
            value = match value {
                Value::Object(members) => members.entry(text(key)).or_insert(Value::Null),
                Value::Array(items) => {
                    let at = index(key, items.len())?;
                    items.get_mut(at).ok_or_else(|| format!("no item [{at}]"))?
                }
                Value::Null => return Err(of_null(key)),
                other => return Err(no_member(other, key)),
            };
        }
        Ok(value)
    }

    fn call(&mut self, target: &Expression, method: &str, arguments: &[Expression]) -> Result<Value, String> {
        let arguments = self.values(arguments)?;
        if !matches!(target, Expression::Variable(_) | Expression::Member(..)) {
            let value = self.value(target)?;
            self.held.ask(may_make(&value, method, &arguments), self.host)?;
            return ask(&value, method, &arguments);
        }
        let path = self.path(target)?;
        let changes = matches!(method, "add" | "addAll" | "remove" | "removeIf" | "put" | "putAll" | "clear");
        let is_place = !matches!(target, Expression::Variable(name) if name == "params");
        if changes && is_place && self.at(&path)?.is_some_and(|value| !value.is_null()) {
            return self.change(&path, method, &arguments);
        }
        let made = may_make(self.at(&path)?.unwrap_or(&Value::Null), method, &arguments);
        self.held.ask(made, self.host)?;
        ask(self.at(&path)?.unwrap_or(&Value::Null), method, &arguments)
    }

    /// Calls what changes a list or a map where that is.
    fn change(&mut self, path: &Path, method: &str, arguments: &[Value]) -> Result<Value, String> {
        let (added, removed) = change_of(self.at_mut(path)?, method, arguments);
        self.hold_bytes(added)?;
        let changed = change(self.at_mut(path)?, method, arguments)?;
        self.held.remove(removed);
        Ok(changed)
    }
}

/// Where a value is, with what is to be computed for that computed.
struct Path {
    root: Root,
    /// The outermost first.
    keys: Vec<Value>,
}

enum Root {
    Variable(String),
    /// What an expression came to.
    Made(Value),
}

fn of_null(key: &Value) -> String {
    format!("cannot access [{}] of null", text(key))
}

fn no_member(value: &Value, key: &Value) -> String {
    format!("[{}] has no member [{}]", shown(value), text(key))
}
