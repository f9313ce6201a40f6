//! From the words of a script to its statements.

use serde_json::{Value, json};

use super::functions;
use super::lexer::{Token, Word, tokens};
use super::variables::{Kind, Variables};

/// Deeper nesting than this is no script that somebody wrote, and would exhaust the stack.
const DEPTH_MAX: usize = 100;
/// Operators and members of one statement: each may lie a level below the next, and all levels are walked by recursion.
const LINKS_MAX: usize = 500;

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Statement {
    Declare(String, Option<Expression>),
    Assign(Expression, Option<Sign>, Expression),
    If(Expression, Vec<Statement>, Vec<Statement>),
    /// Statements before, a condition to go on by, and statements after each round.
    Loop {
        first: Vec<Statement>,
        condition: Option<Expression>,
        after: Vec<Statement>,
        body: Vec<Statement>,
        is_tested_last: bool,
    },
    /// A variable that has each item of a list.
    Each(String, Expression, Vec<Statement>),
    Do(Expression),
    Return(Option<Expression>),
    Break,
    Continue,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Expression {
    Value(Value),
    Variable(String),
    Member(Box<Expression>, Box<Expression>),
    Call(Box<Expression>, String, Vec<Expression>),
    /// A field of the document, and what is asked of its values.
    Field(Box<Expression>, Option<String>),
    HasField(Box<Expression>),
    Score,
    Function(String, Vec<Expression>),
    Cast(Kind, Box<Expression>),
    /// A value, or another one where that is null.
    Otherwise(Box<Expression>, Box<Expression>),
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

const TYPES: [&str; 13] = [
    "def", "int", "long", "short", "byte", "double", "float", "boolean", "String", "List", "Map", "Object",
    "var",
];
const BEYOND: [&str; 4] = ["try", "throw", "new", "instanceof"];
/// Classes with functions that need no object.
const CLASSES: [&str; 4] = ["Math", "Integer", "Long", "Double"];

/// The statements of a script, and whether they ask for the score.
pub(super) fn parse(text: &str, roots: &'static [&'static str]) -> Result<(Vec<Statement>, bool), String> {
    let mut parser = Parser {
        tokens: tokens(text)?,
        variables: Variables::beside(roots),
        next: 0,
        depth: 0,
        links: 0,
        loops: 0,
        needs_score: false,
    };
    let mut statements = Vec::new();
    while parser.next < parser.tokens.len() {
        if !parser.take(";") {
            statements.push(parser.statement()?);
        }
    }
    Ok((statements, parser.needs_score))
}

type ParseLoop = fn(&mut Parser) -> Result<Statement, String>;

const LOOPS: [(&str, ParseLoop); 3] =
    [("for", Parser::for_loop), ("while", Parser::while_loop), ("do", Parser::do_loop)];

struct Parser {
    tokens: Vec<Token>,
    variables: Variables,
    next: usize,
    depth: usize,
    links: usize,
    /// The loops around.
    loops: usize,
    needs_score: bool,
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
            let is_bare = matches!(self.peek(), None | Some(Word::Sign(";" | "}")));
            let value = if is_bare { None } else { Some(self.expression()?) };
            return self.end(Statement::Return(value));
        }
        if self.loops > 0 {
            if self.take_name("break") {
                return self.end(Statement::Break);
            }
            if self.take_name("continue") {
                return self.end(Statement::Continue);
            }
        }
        for (word, parse) in LOOPS {
            if self.take_name(word) {
                self.loops += 1;
                let parsed = self.scoped(parse);
                self.loops -= 1;
                return parsed;
            }
        }
        let statement = self.bare()?;
        self.end(statement)
    }

    /// An expression or an assignment.
    fn bare(&mut self) -> Result<Statement, String> {
        for (sign, operator) in [("++", "+"), ("--", "-")] {
            if self.take(sign) {
                let place = self.expression()?;
                if !matches!(place, Expression::Variable(_) | Expression::Member(..)) {
                    return Err(format!("{} that can be changed", self.unexpected("a variable")));
                }
                return Ok(Statement::Assign(place, Some(operator), Expression::Value(json!(1))));
            }
        }
        let place = self.expression()?;
        self.assignment(place)
    }

    fn while_loop(&mut self) -> Result<Statement, String> {
        self.expect("(")?;
        let condition = Some(self.expression()?);
        self.expect(")")?;
        let body = self.block()?;
        Ok(Statement::Loop { first: Vec::new(), condition, after: Vec::new(), body, is_tested_last: false })
    }

    fn do_loop(&mut self) -> Result<Statement, String> {
        let body = self.block()?;
        if !self.take_name("while") {
            return Err(self.unexpected("[while]"));
        }
        self.expect("(")?;
        let condition = Some(self.expression()?);
        self.expect(")")?;
        let (first, after) = (Vec::new(), Vec::new());
        self.end(Statement::Loop { first, condition, after, body, is_tested_last: true })
    }

    /// `for (int i = 0; i < n; i++)`, `for (def item : items)`, `for (item in items)`.
    fn for_loop(&mut self) -> Result<Statement, String> {
        self.expect("(")?;
        if let Some((name, words)) = self.each() {
            self.check_free(&name)?;
            self.variables.declare(&name, Kind::Any);
            self.next += words;
            let items = self.expression()?;
            self.expect(")")?;
            return Ok(Statement::Each(name, items, self.block()?));
        }
        let first = if self.take(";") { Vec::new() } else { vec![self.statement()?] };
        let condition = if self.take(";") {
            None
        } else {
            let condition = self.expression()?;
            self.expect(";")?;
            Some(condition)
        };
        let mut after = Vec::new();
        while !self.take(")") {
            after.push(self.bare()?);
            if !self.take(",") {
                self.expect(")")?;
                break;
            }
        }
        let body = self.block()?;
        Ok(Statement::Loop { first, condition, after, body, is_tested_last: false })
    }

    /// The variable of a loop over items, if this is one, and how many words say so.
    fn each(&self) -> Option<(String, usize)> {
        let word = |at: usize| self.tokens.get(self.next + at).map(|token| &token.word);
        let name = |at: usize| match word(at) {
            Some(Word::Name(name)) => Some(name.clone()),
            _ => None,
        };
        let first = name(0)?;
        if let (Some(second), Some(Word::Sign(":"))) = (name(1), word(2)) {
            return Some((second, 3));
        }
        match word(1) {
            Some(Word::Name(within)) if within == "in" => Some((first, 2)),
            _ => None,
        }
    }

    fn declaration(&mut self) -> Result<Statement, String> {
        let Some(Word::Name(type_name)) = self.peek().cloned() else {
            return Err(self.unexpected("a type"));
        };
        let kind = Kind::of(&type_name);
        self.next += 1;
        let Some(Word::Name(name)) = self.peek().cloned() else { return Err(self.unexpected("a name")) };
        self.check_free(&name)?;
        self.next += 1;
        let value = if self.take("=") { Some(kind.cast(self.expression()?)) } else { None };
        self.variables.declare(&name, kind);
        self.end(Statement::Declare(name, value))
    }

    fn check_free(&self, name: &str) -> Result<(), String> {
        self.variables.check_free(name, self.tokens.get(self.next).map(|token| token.at))
    }

    /// What is declared meanwhile is not there any more behind it.
    fn scoped<T>(&mut self, parse: impl FnOnce(&mut Self) -> Result<T, String>) -> Result<T, String> {
        let around = self.variables.count();
        let parsed = parse(self);
        self.variables.forget_behind(around);
        parsed
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
        self.scoped(Self::statements)
    }

    fn statements(&mut self) -> Result<Vec<Statement>, String> {
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
        let kind = match &place {
            Expression::Variable(name) if operator.is_none() => {
                self.variables.kind_of(name).unwrap_or(Kind::Any)
            }
            _ => Kind::Any,
        };
        let value = kind.cast(value);
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
            if parser.take(":") {
                let otherwise = parser.expression()?;
                return Ok(Expression::Otherwise(Box::new(condition), Box::new(otherwise)));
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
        if let Some(kind) = self.cast() {
            return self.nested(|parser| Ok(Expression::Cast(kind, Box::new(parser.unary()?))));
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
                    let mut arguments = self.list(")")?;
                    match (&value, name.as_str(), arguments.len()) {
                        (Expression::Variable(root), "containsKey", 1) if root == "doc" => {
                            Expression::HasField(Box::new(arguments.swap_remove(0)))
                        }
                        (Expression::Variable(root), "get", 1) if root == "doc" => {
                            Expression::Field(Box::new(arguments.swap_remove(0)), None)
                        }
                        (Expression::Field(path, None), "getValue", 0) => {
                            Expression::Field(path.clone(), Some("value".to_owned()))
                        }
                        _ => Expression::Call(Box::new(value), name, arguments),
                    }
                } else {
                    let key = Expression::Value(json!(name));
                    match value {
                        Expression::Variable(root) if root == "doc" => Expression::Field(Box::new(key), None),
                        Expression::Field(path, None) => Expression::Field(path, Some(name)),
                        other => Expression::Member(Box::new(other), Box::new(key)),
                    }
                };
            } else if self.take("[") {
                let key = self.expression()?;
                self.expect("]")?;
                value = match value {
                    Expression::Variable(root) if root == "doc" => Expression::Field(Box::new(key), None),
                    other => Expression::Member(Box::new(other), Box::new(key)),
                };
            } else {
                return Ok(value);
            }
        }
    }

    /// `(int)` and the like.
    fn cast(&mut self) -> Option<Kind> {
        let mut words = self.tokens[self.next..].iter().map(|token| &token.word);
        match (words.next(), words.next(), words.next()) {
            (Some(Word::Sign("(")), Some(Word::Name(name)), Some(Word::Sign(")")))
                if TYPES.contains(&name.as_str()) =>
            {
                let kind = Kind::of(name);
                self.next += 3;
                Some(kind)
            }
            _ => None,
        }
    }

    /// A function by its name, or a constant of a class.
    fn function(&mut self, name: &str) -> Result<Option<Expression>, String> {
        let word = |at: usize| self.tokens.get(self.next + at).map(|token| &token.word);
        if CLASSES.contains(&name)
            && let (Some(Word::Sign(".")), Some(Word::Name(method))) = (word(1), word(2))
        {
            let method = method.clone();
            if let Some(number) = functions::constant(&method).filter(|_| name == "Math") {
                self.next += 3;
                return Ok(Some(Expression::Value(json!(number))));
            }
            self.next += 3;
            self.expect("(")?;
            return Ok(Some(Expression::Function(format!("{name}.{method}"), self.list(")")?)));
        }
        if matches!(word(1), Some(Word::Sign("("))) {
            self.next += 2;
            return Ok(Some(Expression::Function(name.to_owned(), self.list(")")?)));
        }
        Ok(None)
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
            "_score" if self.variables.is_root(name) => {
                self.needs_score = true;
                Expression::Score
            }
            root if self.variables.is_root(root) => Expression::Variable(name.to_owned()),
            local if self.variables.kind_of(local).is_some() => Expression::Variable(name.to_owned()),
            _ => {
                if let Some(function) = self.function(name)? {
                    return Ok(function);
                }
                return Err(self.unexpected(&format!("{} or a variable", self.variables.roots())));
            }
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
