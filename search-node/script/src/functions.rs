//! Functions that stand by themselves: `Math.*` and what scores are shaped with.

use serde_json::{Number, Value, json};

use super::operators::shown;

/// The functions that every script has.
const KNOWN: [&str; 5] =
    ["saturation", "sigmoid", "Integer.parseInt", "Long.parseLong", "Double.parseDouble"];

/// A constant of `Math`.
pub(super) fn constant(name: &str) -> Option<f64> {
    match name {
        "PI" => Some(std::f64::consts::PI),
        "E" => Some(std::f64::consts::E),
        _ => None,
    }
}

/// Whether every script has the function.
pub(super) fn is_known(name: &str) -> bool {
    name.starts_with("Math.") || KNOWN.contains(&name)
}

pub(super) fn call(name: &str, arguments: &[Value]) -> Result<Value, String> {
    let unknown = || {
        let (class, method) = name.split_once('.').unwrap_or(("", name));
        let count = arguments.len();
        if class.is_empty() {
            format!("Unknown call [{method}] with [{count}] arguments.")
        } else {
            format!("static method [{name}, {method}/{count}] not found")
        }
    };
    let found = match arguments {
        [Value::String(text)] => match name {
            "Integer.parseInt" | "Long.parseLong" => text.parse::<i64>().ok().map(Value::from),
            "Double.parseDouble" => text.trim().parse::<f64>().ok().and_then(number),
            _ => return Err(unknown()),
        }
        .ok_or_else(|| format!("For input string: \"{text}\""))?,
        _ => {
            let numbers = arguments.iter().map(|value| {
                value
                    .as_f64()
                    .ok_or_else(|| format!("[{name}] takes numbers, and [{}] is none", shown(value)))
            });
            let numbers = numbers.collect::<Result<Vec<f64>, _>>()?;
            let whole: Option<Vec<i64>> = arguments.iter().map(Value::as_i64).collect();
            if let Some(whole) = whole.and_then(|whole| of_whole(name, &whole)) {
                return Ok(json!(whole));
            }
            let result = of_numbers(name, &numbers).ok_or_else(unknown)?;
            if name == "Math.round" {
                return Ok(json!(result as i64));
            }
            number(result).ok_or_else(|| format!("[{name}] of {numbers:?} is no number"))?
        }
    };
    Ok(found)
}

fn number(number: f64) -> Option<Value> {
    Number::from_f64(number).map(Value::Number)
}

/// Of whole numbers some functions make whole numbers.
fn of_whole(name: &str, numbers: &[i64]) -> Option<i64> {
    Some(match (name, numbers) {
        ("Math.abs", [a]) => a.wrapping_abs(),
        ("Math.max", [a, b]) => *a.max(b),
        ("Math.min", [a, b]) => *a.min(b),
        ("Math.floorMod", [a, b]) if *b != 0 => a.wrapping_rem_euclid(*b),
        ("Math.round", [a]) => *a,
        _ => return None,
    })
}

fn of_numbers(name: &str, numbers: &[f64]) -> Option<f64> {
    Some(match (name, numbers) {
        ("saturation", [value, k]) => value / (k + value),
        ("sigmoid", [value, k, a]) => value.powf(*a) / (k.powf(*a) + value.powf(*a)),
        ("Math.abs", [a]) => a.abs(),
        ("Math.acos", [a]) => a.acos(),
        ("Math.asin", [a]) => a.asin(),
        ("Math.atan", [a]) => a.atan(),
        ("Math.atan2", [a, b]) => a.atan2(*b),
        ("Math.cbrt", [a]) => a.cbrt(),
        ("Math.ceil", [a]) => a.ceil(),
        ("Math.cos", [a]) => a.cos(),
        ("Math.cosh", [a]) => a.cosh(),
        ("Math.exp", [a]) => a.exp(),
        ("Math.expm1", [a]) => a.exp_m1(),
        ("Math.floor", [a]) => a.floor(),
        ("Math.hypot", [a, b]) => a.hypot(*b),
        ("Math.log", [a]) => a.ln(),
        ("Math.log10", [a]) => a.log10(),
        ("Math.log1p", [a]) => a.ln_1p(),
        ("Math.max", [a, b]) => a.max(*b),
        ("Math.min", [a, b]) => a.min(*b),
        ("Math.pow", [a, b]) => a.powf(*b),
        ("Math.round", [a]) => (a + 0.5).floor(),
        ("Math.rint", [a]) => a.round_ties_even(),
        ("Math.signum", [a]) => {
            if *a == 0.0 {
                *a
            } else {
                a.signum()
            }
        }
        ("Math.sin", [a]) => a.sin(),
        ("Math.sinh", [a]) => a.sinh(),
        ("Math.sqrt", [a]) => a.sqrt(),
        ("Math.tan", [a]) => a.tan(),
        ("Math.tanh", [a]) => a.tanh(),
        ("Math.toDegrees", [a]) => a.to_degrees(),
        ("Math.toRadians", [a]) => a.to_radians(),
        _ => return None,
    })
}
