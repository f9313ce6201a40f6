//! Running a script's statements over `ctx`, `doc` and `params`.

use std::collections::HashMap;

use serde_json::{Map, Value, json};

use super::functions;
use super::held::{Held, checked_weight, weight};
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
                if let Some(operator) = operator {
                    let before = self.value(place)?;
                    value = self.binary(&before, operator, &value)?;
                }
                self.hold(&value)?;
                let before = std::mem::replace(self.place(place)?, value);
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
            Expression::Variable(_) | Expression::Member(..) => self.copied(expression)?,
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
                    made += self.hold(&value)?;
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

    /// What a variable or a member holds, copied.
    fn copied(&mut self, place: &Expression) -> Result<Value, String> {
        let Some(value) = self.member(place)? else { return Ok(Value::Null) };
        if let Value::Number(_) | Value::Bool(_) | Value::Null = value {
            return Ok(value.clone());
        }
        let bytes = weight(value);
        self.held.ask(bytes, self.host)?;
        Ok(self.member(place)?.cloned().unwrap_or_default())
    }

    fn variable(&self, name: &str) -> Result<&Value, String> {
        match name {
            "ctx" => Ok(&self.ctx),
            "params" => Ok(self.params),
            local => self.variables.get(local).ok_or_else(|| format!("variable [{local}] has no value")),
        }
    }

    /// A member without copying what it is in.
    fn member(&mut self, expression: &Expression) -> Result<Option<&Value>, String> {
        let mut keys = Vec::new();
        let mut at = expression;
        while let Expression::Member(inner, key) = at {
            keys.push(self.value(key)?);
            at = inner;
        }
        let root = match at {
            Expression::Variable(name) => self.variable(name)?,
            other => {
                let made = self.value(other)?;
                self.variables.insert(String::new(), made);
                self.variable("")?
            }
        };
        let mut value = Some(root);
        for key in keys.iter().rev() {
            value = match value {
                None | Some(Value::Null) => {
                    return Err(format!("cannot access [{}] of null", text(key)));
                }
                Some(Value::Array(items)) => Some(items.get(index(key, items.len())?).ok_or("no such item")?),
                Some(Value::Object(members)) => members.get(&text(key)),
                Some(other) => return Err(format!("[{}] has no member [{}]", shown(other), text(key))),
            };
        }
        Ok(value)
    }

    /// The place that an expression names, made if it is a member that is not there yet.
    fn place(&mut self, expression: &Expression) -> Result<&mut Value, String> {
        match expression {
            Expression::Variable(name) if name == "params" => Err("params cannot be changed".to_owned()),
            Expression::Variable(name) if name == "ctx" => Ok(&mut self.ctx),
            Expression::Variable(name) => Ok(self.variables.entry(name.clone()).or_default()),
            Expression::Member(inner, key) => {
                let key = self.value(key)?;
                match self.place(inner)? {
                    Value::Object(members) => Ok(members.entry(text(&key)).or_insert(Value::Null)),
                    Value::Array(items) => {
                        let at = index(&key, items.len())?;
                        items.get_mut(at).ok_or_else(|| format!("no item [{at}]"))
                    }
                    Value::Null => Err(format!("cannot access [{}] of null", text(&key))),
                    other => Err(format!("[{}] has no member [{}]", shown(other), text(&key))),
                }
            }
            _ => Err("this cannot be changed".to_owned()),
        }
    }

    fn call(&mut self, target: &Expression, method: &str, arguments: &[Expression]) -> Result<Value, String> {
        let arguments = self.values(arguments)?;
        let is_place = matches!(target, Expression::Variable(name) if name != "params")
            || matches!(target, Expression::Member(..));
        let changes = matches!(method, "add" | "addAll" | "remove" | "removeIf" | "put" | "putAll" | "clear");
        if changes && is_place && self.peek(target).is_ok_and(|value| !value.is_null()) {
            return self.change(target, method, &arguments);
        }
        match target {
            Expression::Variable(_) | Expression::Member(..) => {
                let made = self.peek(target).map(|value| may_make(value, method, &arguments))?;
                self.held.ask(made, self.host)?;
                ask(self.peek(target)?, method, &arguments)
            }
            _ => {
                let value = self.value(target)?;
                self.held.ask(may_make(&value, method, &arguments), self.host)?;
                ask(&value, method, &arguments)
            }
        }
    }

    /// Calls what changes a list or a map where that is.
    fn change(&mut self, target: &Expression, method: &str, arguments: &[Value]) -> Result<Value, String> {
        let (added, removed) = change_of(self.place(target)?, method, arguments);
        self.hold_bytes(added)?;
        let changed = change(self.place(target)?, method, arguments)?;
        self.held.remove(removed);
        Ok(changed)
    }

    /// What a variable or a member holds, without copying it.
    fn peek(&mut self, place: &Expression) -> Result<&Value, String> {
        match place {
            Expression::Variable(name) => self.variable(name),
            other => Ok(self.member(other)?.unwrap_or(&Value::Null)),
        }
    }
}
