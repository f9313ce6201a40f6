//! From the words of a script to its statements.

use serde_json::{Value, json};

use super::lexer::{Token, Word, tokens};

/// Deeper nesting than this is no script that somebody wrote, and would exhaust the stack.
const DEPTH_MAX: usize = 100;
/// Operators and members of one statement: each may lie a level below the next, and all levels are walked by recursion.
const LINKS_MAX: usize = 500;

#[derive(Debug, Clone)]
pub(super) enum Statement {
    Declare(String, Option<Expression>),
    Assign(Expression, Option<Sign>, Expression),
    If(Expression, Vec<Statement>, Vec<Statement>),
    Do(Expression),
    Return,
}

#[derive(Debug, Clone)]
pub(super) enum Expression {
    Value(Value),
    Variable(String),
    Member(Box<Expression>, Box<Expression>),
    Call(Box<Expression>, String, Vec<Expression>),
    Not(Box<Expression>),
    Minus(Box<Expression>),
    Binary(Box<Expression>, Sign, Box<Expression>),
    Choice(Box<Expression>, Box<Expression>, Box<Expression>),
    List(Vec<Expression>),
    Map(Vec<(Expression, Expression)>),
}

pub(super) type Sign = &'static str;

/// How tightly operators bind, the loosest first.
const LEVELS: [&[&str]; 6] =
    [&["||"], &["&&"], &["==", "!=", "===", "!=="], &["<", "<=", ">", ">="], &["+", "-"], &["*", "/", "%"]];

const TYPES: [&str; 11] =
    ["def", "int", "long", "double", "float", "boolean", "String", "List", "Map", "Object", "var"];
const BEYOND: [&str; 9] = ["for", "while", "do", "try", "throw", "new", "break", "continue", "instanceof"];

pub(super) fn parse(text: &str) -> Result<Vec<Statement>, String> {
    let mut parser = Parser { tokens: tokens(text)?, next: 0, variables: Vec::new(), depth: 0, links: 0 };
    let mut statements = Vec::new();
    while parser.next < parser.tokens.len() {
        if !parser.take(";") {
            statements.push(parser.statement()?);
        }
    }
    Ok(statements)
}

struct Parser {
    tokens: Vec<Token>,
    next: usize,
    variables: Vec<String>,
    depth: usize,
    links: usize,
}

impl Parser {
    fn peek(&self) -> Option<&Word> {
        self.tokens.get(self.next).map(|token| &token.word)
    }

    fn take(&mut self, sign: &str) -> bool {
        let is_next = self.peek().is_some_and(|word| matches!(word, Word::Sign(next) if *next == sign));
        self.next += usize::from(is_next);
        is_next
    }

    fn take_name(&mut self, name: &str) -> bool {
        let is_next = self.peek().is_some_and(|word| matches!(word, Word::Name(next) if next == name));
        self.next += usize::from(is_next);
        is_next
    }

    fn expect(&mut self, sign: &str) -> Result<(), String> {
        if self.take(sign) { Ok(()) } else { Err(self.unexpected(&format!("[{sign}]"))) }
    }

    fn unexpected(&self, wanted: &str) -> String {
        match self.tokens.get(self.next) {
            None => format!("expected {wanted} but found the end of the script"),
            Some(token) => {
                let found = match &token.word {
                    Word::Name(name) => name.clone(),
                    Word::Text(text) => format!("'{text}'"),
                    Word::Integer(number) => number.to_string(),
                    Word::Float(number) => number.to_string(),
                    Word::Sign(sign) => (*sign).to_owned(),
                };
                format!("expected {wanted} but found [{found}] at {}", token.at)
            }
        }
    }

    fn nested<T>(&mut self, parse: impl FnOnce(&mut Self) -> Result<T, String>) -> Result<T, String> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(format!("the script nests deeper than {DEPTH_MAX} levels"));
        }
        let parsed = parse(self);
        self.depth -= 1;
        parsed
    }

    fn link(&mut self) -> Result<(), String> {
        self.links += 1;
        if self.links > LINKS_MAX {
            return Err(format!("a statement has more than {LINKS_MAX} operators and members"));
        }
        Ok(())
    }

    fn statement(&mut self) -> Result<Statement, String> {
        self.links = 0;
        self.nested(Self::statement_here)
    }

    fn statement_here(&mut self) -> Result<Statement, String> {
        if let Some(Word::Name(name)) = self.peek() {
            if BEYOND.contains(&name.as_str()) {
                return Err(format!(
                    "{}; [{name}] is beyond the scripts that are supported",
                    self.unexpected("a statement")
                ));
            }
            let declares = TYPES.contains(&name.as_str())
                && matches!(self.tokens.get(self.next + 1), Some(Token { word: Word::Name(_), .. }));
            if declares {
                return self.declaration();
            }
        }
        if self.take_name("if") {
            return self.condition();
        }
        if self.take_name("return") {
            if !matches!(self.peek(), None | Some(Word::Sign(";" | "}"))) {
                self.expression()?;
            }
            return self.end(Statement::Return);
        }
        let place = self.expression()?;
        let statement = self.assignment(place)?;
        self.end(statement)
    }

    fn declaration(&mut self) -> Result<Statement, String> {
        self.next += 1;
        let Some(Word::Name(name)) = self.peek().cloned() else { return Err(self.unexpected("a name")) };
        self.next += 1;
        let value = if self.take("=") { Some(self.expression()?) } else { None };
        self.variables.push(name.clone());
        self.end(Statement::Declare(name, value))
    }

    fn condition(&mut self) -> Result<Statement, String> {
        self.expect("(")?;
        let condition = self.expression()?;
        self.expect(")")?;
        let then = self.block()?;
        let otherwise = if self.take_name("else") { self.block()? } else { Vec::new() };
        Ok(Statement::If(condition, then, otherwise))
    }

    fn block(&mut self) -> Result<Vec<Statement>, String> {
        if !self.take("{") {
            return Ok(vec![self.statement()?]);
        }
        let mut statements = Vec::new();
        while !self.take("}") {
            if !self.take(";") {
                statements.push(self.statement()?);
            }
        }
        Ok(statements)
    }

    fn assignment(&mut self, place: Expression) -> Result<Statement, String> {
        let Some(Word::Sign(sign)) = self.peek().cloned() else { return Ok(Statement::Do(place)) };
        let operator = match sign {
            "=" => None,
            "+=" | "++" => Some("+"),
            "-=" | "--" => Some("-"),
            "*=" => Some("*"),
            "/=" => Some("/"),
            "%=" => Some("%"),
            _ => return Ok(Statement::Do(place)),
        };
        if !matches!(place, Expression::Variable(_) | Expression::Member(..)) {
            return Err(format!(
                "{}; what is left of it cannot be assigned",
                self.unexpected("the end of the statement")
            ));
        }
        self.next += 1;
        let value =
            if matches!(sign, "++" | "--") { Expression::Value(json!(1)) } else { self.expression()? };
        Ok(Statement::Assign(place, operator, value))
    }

    /// A statement ends with `;`, before `}`, or with the script.
    fn end(&mut self, statement: Statement) -> Result<Statement, String> {
        if self.take(";") || matches!(self.peek(), None | Some(Word::Sign("}"))) {
            return Ok(statement);
        }
        Err(self.unexpected("[;]"))
    }

    fn expression(&mut self) -> Result<Expression, String> {
        self.nested(|parser| {
            let condition = parser.binary(0)?;
            if !parser.take("?") {
                return Ok(condition);
            }
            let then = parser.expression()?;
            parser.expect(":")?;
            let otherwise = parser.expression()?;
            Ok(Expression::Choice(Box::new(condition), Box::new(then), Box::new(otherwise)))
        })
    }

    fn binary(&mut self, level: usize) -> Result<Expression, String> {
        let Some(signs) = LEVELS.get(level) else { return self.unary() };
        let mut left = self.binary(level + 1)?;
        loop {
            let sign = match self.peek() {
                Some(Word::Sign(sign)) if signs.contains(sign) => *sign,
                _ => return Ok(left),
            };
            self.next += 1;
            self.link()?;
            let right = self.binary(level + 1)?;
            left = Expression::Binary(Box::new(left), sign, Box::new(right));
        }
    }

    fn unary(&mut self) -> Result<Expression, String> {
        if self.take("!") {
            return self.nested(|parser| Ok(Expression::Not(Box::new(parser.unary()?))));
        }
        if self.take("-") {
            return self.nested(|parser| Ok(Expression::Minus(Box::new(parser.unary()?))));
        }
        let mut value = self.primary()?;
        loop {
            self.link()?;
            if self.take(".") || self.take("?.") {
                let Some(Word::Name(name)) = self.peek().cloned() else {
                    return Err(self.unexpected("a name"));
                };
                self.next += 1;
                value = if self.take("(") {
                    Expression::Call(Box::new(value), name, self.list(")")?)
                } else {
                    Expression::Member(Box::new(value), Box::new(Expression::Value(json!(name))))
                };
            } else if self.take("[") {
                let key = self.expression()?;
                self.expect("]")?;
                value = Expression::Member(Box::new(value), Box::new(key));
            } else {
                return Ok(value);
            }
        }
    }

    fn primary(&mut self) -> Result<Expression, String> {
        let Some(word) = self.peek().cloned() else { return Err(self.unexpected("a value")) };
        let value = match word {
            Word::Text(text) => json!(text),
            Word::Integer(number) => json!(number),
            Word::Float(number) => json!(number),
            Word::Name(name) => return self.name(&name),
            Word::Sign("(") => {
                self.next += 1;
                let inner = self.expression()?;
                self.expect(")")?;
                return Ok(inner);
            }
            Word::Sign("[") => {
                self.next += 1;
                return self.brackets();
            }
            Word::Sign(_) => return Err(self.unexpected("a value")),
        };
        self.next += 1;
        Ok(Expression::Value(value))
    }

    fn name(&mut self, name: &str) -> Result<Expression, String> {
        let expression = match name {
            "true" => Expression::Value(json!(true)),
            "false" => Expression::Value(json!(false)),
            "null" => Expression::Value(Value::Null),
            "ctx" | "params" => Expression::Variable(name.to_owned()),
            local if self.variables.iter().any(|known| known == local) => {
                Expression::Variable(name.to_owned())
            }
            _ => return Err(self.unexpected("ctx, params or a variable")),
        };
        self.next += 1;
        Ok(expression)
    }

    /// `[1, 2]`, `['a': 1]`, `[:]`.
    fn brackets(&mut self) -> Result<Expression, String> {
        if self.take(":") {
            self.expect("]")?;
            return Ok(Expression::Map(Vec::new()));
        }
        if self.take("]") {
            return Ok(Expression::List(Vec::new()));
        }
        let first = self.expression()?;
        if !self.take(":") {
            let mut items = vec![first];
            if self.take(",") {
                items.extend(self.list("]")?);
            } else {
                self.expect("]")?;
            }
            return Ok(Expression::List(items));
        }
        let mut entries = vec![(first, self.expression()?)];
        while self.take(",") {
            let key = self.expression()?;
            self.expect(":")?;
            entries.push((key, self.expression()?));
        }
        self.expect("]")?;
        Ok(Expression::Map(entries))
    }

    fn list(&mut self, close: &str) -> Result<Vec<Expression>, String> {
        let mut items = Vec::new();
        if self.take(close) {
            return Ok(items);
        }
        loop {
            items.push(self.expression()?);
            if !self.take(",") {
                self.expect(close)?;
                return Ok(items);
            }
        }
    }
}
