//! Running a script's statements over `ctx` and `params`.

use std::collections::HashMap;

use serde_json::{Map, Number, Value, json};

use super::parser::{Expression, Sign, Statement};

/// The longest text or list that a script may make, so that doubling one does not exhaust the memory.
const LENGTH_MAX: usize = 10 << 20;

/// The variables of a script while it runs.
pub(super) struct Frame<'a> {
    ctx: Value,
    params: &'a Value,
    variables: HashMap<String, Value>,
}

impl<'a> Frame<'a> {
    pub(super) fn new(ctx: Value, params: &'a Value) -> Self {
        Self { ctx, params, variables: HashMap::new() }
    }

    pub(super) fn into_ctx(self) -> Value {
        self.ctx
    }

    /// Runs statements; false once a `return` ended the script.
    pub(super) fn run(&mut self, statements: &[Statement]) -> Result<bool, String> {
        for statement in statements {
            match statement {
                Statement::Return => return Ok(false),
                Statement::Do(expression) => drop(self.value(expression)?),
                Statement::Declare(name, value) => {
                    let value = value.as_ref().map_or(Ok(Value::Null), |value| self.value(value))?;
                    self.variables.insert(name.clone(), value);
                }
                Statement::Assign(place, operator, value) => {
                    let mut value = self.value(value)?;
                    if let Some(operator) = operator {
                        value = binary(&self.value(place)?, operator, &value)?;
                    }
                    *self.place(place)? = value;
                }
                Statement::If(condition, then, otherwise) => {
                    let chosen = if truth(&self.value(condition)?)? { then } else { otherwise };
                    if !self.run(chosen)? {
                        return Ok(false);
                    }
                }
            }
        }
        Ok(true)
    }

    fn value(&mut self, expression: &Expression) -> Result<Value, String> {
        Ok(match expression {
            Expression::Value(value) => value.clone(),
            Expression::Variable(name) => self.variable(name)?.clone(),
            Expression::Member(..) => self.member(expression)?.cloned().unwrap_or_default(),
            Expression::Not(inner) => json!(!truth(&self.value(inner)?)?),
            Expression::Minus(inner) => binary(&json!(0), "-", &self.value(inner)?)?,
            Expression::Binary(left, "&&", right) => {
                json!(truth(&self.value(left)?)? && truth(&self.value(right)?)?)
            }
            Expression::Binary(left, "||", right) => {
                json!(truth(&self.value(left)?)? || truth(&self.value(right)?)?)
            }
            Expression::Binary(left, sign, right) => binary(&self.value(left)?, sign, &self.value(right)?)?,
            Expression::Choice(condition, then, otherwise) => {
                let chosen = if truth(&self.value(condition)?)? { then } else { otherwise };
                self.value(chosen)?
            }
            Expression::List(items) => Value::Array(self.values(items)?),
            Expression::Map(entries) => {
                let mut members = Map::new();
                for (key, value) in entries {
                    let key = text(&self.value(key)?);
                    members.insert(key, self.value(value)?);
                }
                Value::Object(members)
            }
            Expression::Call(target, method, arguments) => self.call(target, method, arguments)?,
        })
    }

    fn values(&mut self, expressions: &[Expression]) -> Result<Vec<Value>, String> {
        expressions.iter().map(|expression| self.value(expression)).collect()
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
                Some(other) => return Err(format!("[{other}] has no member [{}]", text(key))),
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
                    other => Err(format!("[{other}] has no member [{}]", text(&key))),
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
        if changes && is_place && self.value(target).is_ok_and(|value| !value.is_null()) {
            return change(self.place(target)?, method, &arguments);
        }
        let value = self.value(target)?;
        ask(&value, method, &arguments)
    }
}

fn unknown(value: &Value, method: &str, arguments: &[Value]) -> String {
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a map",
    };
    format!("{kind} has no method [{method}] with {} argument(s)", arguments.len())
}

/// Methods that change what they are called on.
fn change(place: &mut Value, method: &str, arguments: &[Value]) -> Result<Value, String> {
    match (&mut *place, method, arguments) {
        (Value::Array(items), "add", [item]) => {
            if items.len() >= LENGTH_MAX {
                return Err("the list has become too long".to_owned());
            }
            items.push(item.clone());
            Ok(json!(true))
        }
        (Value::Array(items), "addAll", [Value::Array(more)]) => {
            if items.len() + more.len() > LENGTH_MAX {
                return Err("the list has become too long".to_owned());
            }
            items.extend(more.iter().cloned());
            Ok(json!(true))
        }
        (Value::Array(items), "remove", [key]) => {
            let at = index(key, items.len())?;
            if at >= items.len() {
                return Err(format!("no item [{at}]"));
            }
            Ok(items.remove(at))
        }
        (Value::Array(items), "clear", []) => {
            items.clear();
            Ok(Value::Null)
        }
        (Value::Object(members), "remove", [key]) => Ok(members.shift_remove(&text(key)).unwrap_or_default()),
        (Value::Object(members), "put", [key, value]) => {
            Ok(members.insert(text(key), value.clone()).unwrap_or_default())
        }
        (Value::Object(members), "putAll", [Value::Object(more)]) => {
            members.extend(more.clone());
            Ok(Value::Null)
        }
        (Value::Object(members), "clear", []) => {
            members.clear();
            Ok(Value::Null)
        }
        _ => Err(unknown(place, method, arguments)),
    }
}

/// Methods that only ask.
fn ask(value: &Value, method: &str, arguments: &[Value]) -> Result<Value, String> {
    Ok(match (value, method, arguments) {
        (_, "toString", []) => json!(text(value)),
        (_, "equals", [other]) => json!(is_equal(value, other)),
        (Value::Array(items), "contains", [item]) => json!(items.iter().any(|known| is_equal(known, item))),
        (Value::Array(items), "indexOf", [item]) => {
            json!(items.iter().position(|known| is_equal(known, item)).map_or(-1, |at| at as i64))
        }
        (Value::Array(items), "size" | "length", []) => json!(items.len()),
        (Value::Array(items), "isEmpty", []) => json!(items.is_empty()),
        (Value::Array(items), "get", [key]) => {
            items.get(index(key, items.len())?).cloned().ok_or("no such item")?
        }
        (Value::Object(members), "containsKey", [key]) => json!(members.contains_key(&text(key))),
        (Value::Object(members), "get", [key]) => members.get(&text(key)).cloned().unwrap_or_default(),
        (Value::Object(members), "getOrDefault", [key, other]) => {
            members.get(&text(key)).unwrap_or(other).clone()
        }
        (Value::Object(members), "size", []) => json!(members.len()),
        (Value::Object(members), "isEmpty", []) => json!(members.is_empty()),
        (Value::String(this), _, _) => {
            ask_text(this, method, arguments).ok_or_else(|| unknown(value, method, arguments))?
        }
        _ => return Err(unknown(value, method, arguments)),
    })
}

fn ask_text(this: &str, method: &str, arguments: &[Value]) -> Option<Value> {
    let part = |from: usize, to: usize| {
        let letters: Vec<char> = this.chars().collect();
        letters.get(from..to).map(|letters| json!(letters.iter().collect::<String>()))
    };
    let count = || this.chars().count();
    Some(match (method, arguments) {
        ("length", []) => json!(count()),
        ("isEmpty", []) => json!(this.is_empty()),
        ("toLowerCase", []) => json!(this.to_lowercase()),
        ("toUpperCase", []) => json!(this.to_uppercase()),
        ("trim", []) => json!(this.trim()),
        ("contains", [Value::String(other)]) => json!(this.contains(other.as_str())),
        ("startsWith", [Value::String(other)]) => json!(this.starts_with(other.as_str())),
        ("endsWith", [Value::String(other)]) => json!(this.ends_with(other.as_str())),
        ("indexOf", [Value::String(other)]) => {
            json!(this.find(other.as_str()).map_or(-1, |at| this[..at].chars().count() as i64))
        }
        ("replace", [Value::String(old), Value::String(new)]) => {
            let grown = this.len().saturating_add(this.len().saturating_add(1).saturating_mul(new.len()));
            if grown > LENGTH_MAX {
                return None;
            }
            json!(this.replace(old.as_str(), new))
        }
        ("substring", [from]) => part(usize::try_from(from.as_i64()?).ok()?, count())?,
        ("substring", [from, to]) => {
            part(usize::try_from(from.as_i64()?).ok()?, usize::try_from(to.as_i64()?).ok()?)?
        }
        _ => return None,
    })
}

fn truth(value: &Value) -> Result<bool, String> {
    value.as_bool().ok_or_else(|| format!("[{value}] is neither true nor false"))
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn index(key: &Value, length: usize) -> Result<usize, String> {
    let number = key.as_i64().ok_or_else(|| format!("[{key}] is no place in a list"))?;
    // A negative place counts from the end.
    let at = if number < 0 { number + i64::try_from(length).unwrap_or(i64::MAX) } else { number };
    usize::try_from(at).map_err(|_| format!("no item [{number}] in a list of {length}"))
}

fn is_equal(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(x), Value::Number(y)) if x.is_f64() != y.is_f64() => x.as_f64() == y.as_f64(),
        _ => a == b,
    }
}

fn binary(left: &Value, sign: Sign, right: &Value) -> Result<Value, String> {
    match sign {
        "==" | "===" => return Ok(json!(is_equal(left, right))),
        "!=" | "!==" => return Ok(json!(!is_equal(left, right))),
        "+" if left.is_string() || right.is_string() => {
            let joined = text(left) + &text(right);
            return if joined.len() > LENGTH_MAX {
                Err("the text has become too long".to_owned())
            } else {
                Ok(json!(joined))
            };
        }
        _ => {}
    }
    let wrong = || format!("[{sign}] cannot be done with [{left}] and [{right}]");
    let (Value::Number(a), Value::Number(b)) = (left, right) else { return Err(wrong()) };
    if let (Some(a), Some(b)) = (a.as_i64(), b.as_i64()) {
        let number = match sign {
            // Whole numbers wrap around, as those of the language do.
            "+" => a.wrapping_add(b),
            "-" => a.wrapping_sub(b),
            "*" => a.wrapping_mul(b),
            "/" | "%" if b == 0 => return Err("/ by zero".to_owned()),
            "/" => a.wrapping_div(b),
            "%" => a.wrapping_rem(b),
            _ => return compare(a.partial_cmp(&b), sign).ok_or_else(wrong),
        };
        return Ok(json!(number));
    }
    let (Some(a), Some(b)) = (a.as_f64(), b.as_f64()) else { return Err(wrong()) };
    let number = match sign {
        "+" => a + b,
        "-" => a - b,
        "*" => a * b,
        "/" => a / b,
        "%" => a % b,
        _ => return compare(a.partial_cmp(&b), sign).ok_or_else(wrong),
    };
    Number::from_f64(number).map(Value::Number).ok_or_else(|| format!("[{left} {sign} {right}] is no number"))
}

fn compare(order: Option<std::cmp::Ordering>, sign: Sign) -> Option<Value> {
    let order = order?;
    Some(json!(match sign {
        "<" => order.is_lt(),
        "<=" => order.is_le(),
        ">" => order.is_gt(),
        ">=" => order.is_ge(),
        _ => return None,
    }))
}
