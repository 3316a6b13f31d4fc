//! The conditions of `--where`: a small part of SQL.

use std::sync::Arc;

use arrow_array::types::Decimal256Type;
use arrow_array::{
    Array as _, ArrayRef, BooleanArray, Decimal256Array, Float32Array, Float64Array, Int64Array,
    StringArray, UInt64Array,
};
use arrow_cast::cast;
use arrow_cast::parse::parse_decimal;
use arrow_schema::{DECIMAL256_MAX_PRECISION, DataType, Schema};
use windrow::{Comparison, Predicate};

/// Conditions may stand so deep in each other.
const MAX_DEPTH: usize = 64;

/// Why a condition is not understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("character {position}: {expected} expected, found {found}")]
pub struct ExpressionError {
    /// Counted from 1.
    position: usize,
    expected: &'static str,
    found: String,
}

/// A condition that is understood, as in `dep_delay > 60 and carrier in ('UA', 'B6')`.
#[derive(Debug, Clone)]
pub struct Condition(String);

impl Condition {
    /// Reads it.
    pub fn new(text: &str) -> Result<Self, ExpressionError> {
        parse(text, &Schema::empty())?;
        Ok(Self(text.to_owned()))
    }

    /// What it means for the columns of `schema`.
    pub fn predicate(&self, schema: &Schema) -> Result<Predicate, ExpressionError> {
        parse(&self.0, schema)
    }
}

fn parse(text: &str, schema: &Schema) -> Result<Predicate, ExpressionError> {
    let tokens = tokens(text)?;
    let mut parser = Parser {
        schema,
        tokens,
        next: 0,
        depth: 0,
        end: text.chars().count() + 1,
    };
    let predicate = parser.any_of()?;
    match parser.peek() {
        None => Ok(predicate),
        Some(_) => Err(parser.expected("and, or, or the end")),
    }
}

#[derive(Debug, Clone, PartialEq)]
enum Token {
    /// A bare word, as it was written.
    Word(String),
    /// A name within double quotes.
    Name(String),
    Text(String),
    Number(String),
    Symbol(&'static str),
}

impl Token {
    fn in_words(&self) -> String {
        match self {
            Self::Word(word) => format!("`{word}`"),
            Self::Name(name) => format!("\"{name}\""),
            Self::Text(text) => format!("'{text}'"),
            Self::Number(number) => format!("`{number}`"),
            Self::Symbol(symbol) => format!("`{symbol}`"),
        }
    }
}

fn tokens(text: &str) -> Result<Vec<(usize, Token)>, ExpressionError> {
    const SYMBOLS: [&str; 11] = ["<=", ">=", "<>", "!=", "==", "=", "<", ">", "(", ")", ","];
    let chars: Vec<char> = text.chars().collect();
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(&c) = chars.get(at) {
        let begin = at;
        if c.is_whitespace() {
            at += 1;
            continue;
        }
        let starts = |symbol: &&&str| {
            symbol
                .chars()
                .enumerate()
                .all(|(place, wanted)| chars.get(begin + place) == Some(&wanted))
        };
        let digit = |place: usize| chars.get(place).is_some_and(char::is_ascii_digit);
        let token = if c == '\'' || c == '"' {
            let mut inside = String::new();
            at += 1;
            loop {
                match chars.get(at) {
                    // Twice is once.
                    Some(&other) if other == c && chars.get(at + 1) == Some(&c) => {
                        inside.push(c);
                        at += 2;
                    }
                    Some(&other) if other == c => break,
                    Some(&other) => {
                        inside.push(other);
                        at += 1;
                    }
                    None => {
                        return Err(ExpressionError {
                            position: begin + 1,
                            expected: "a quote at the end of what begins here",
                            found: "the end".to_owned(),
                        });
                    }
                }
            }
            at += 1;
            if c == '"' {
                Token::Name(inside)
            } else {
                Token::Text(inside)
            }
        } else if digit(at)
            || (matches!(c, '-' | '+' | '.')
                && (digit(at + 1) || chars.get(at + 1) == Some(&'.') && digit(at + 2)))
        {
            at += 1;
            while let Some(&more) = chars.get(at) {
                let signed = matches!(more, '-' | '+') && matches!(chars[at - 1], 'e' | 'E');
                if !(more.is_alphanumeric() || matches!(more, '.' | '_') || signed) {
                    break;
                }
                at += 1;
            }
            Token::Number(chars[begin..at].iter().collect())
        } else if c.is_alphabetic() || c == '_' {
            while chars
                .get(at)
                .is_some_and(|&more| more.is_alphanumeric() || matches!(more, '_' | '.'))
            {
                at += 1;
            }
            Token::Word(chars[begin..at].iter().collect())
        } else if let Some(symbol) = SYMBOLS.iter().find(starts) {
            at += symbol.len();
            Token::Symbol(symbol)
        } else {
            return Err(ExpressionError {
                position: begin + 1,
                expected: "a column, a value, or an operator",
                found: format!("`{c}`"),
            });
        };
        tokens.push((begin + 1, token));
    }
    Ok(tokens)
}

/// A value that a column is compared with.
struct Literal {
    value: ArrayRef,
    /// Of a number how it was written: its column may take it in another way.
    digits: Option<String>,
}

struct Parser<'a> {
    schema: &'a Schema,
    tokens: Vec<(usize, Token)>,
    next: usize,
    depth: usize,
    end: usize,
}

type Parsed<T> = Result<T, ExpressionError>;

impl Parser<'_> {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.next).map(|(_, token)| token)
    }

    fn expected(&self, expected: &'static str) -> ExpressionError {
        let token = self.tokens.get(self.next);
        ExpressionError {
            position: token.map_or(self.end, |(position, _)| *position),
            expected,
            found: token.map_or("the end".to_owned(), |(_, token)| token.in_words()),
        }
    }

    /// Takes a keyword, in any case.
    fn word(&mut self, word: &str) -> bool {
        let found = matches!(self.peek(), Some(Token::Word(own)) if own.eq_ignore_ascii_case(word));
        self.next += usize::from(found);
        found
    }

    fn symbol(&mut self, symbol: &str) -> bool {
        let found = matches!(self.peek(), Some(Token::Symbol(own)) if *own == symbol);
        self.next += usize::from(found);
        found
    }

    fn any_of(&mut self) -> Parsed<Predicate> {
        let first = self.all_of()?;
        let mut parts = vec![first];
        while self.word("or") {
            parts.push(self.all_of()?);
        }
        Ok(one_or(parts, Predicate::Or))
    }

    fn all_of(&mut self) -> Parsed<Predicate> {
        let first = self.condition()?;
        let mut parts = vec![first];
        while self.word("and") {
            parts.push(self.condition()?);
        }
        Ok(one_or(parts, Predicate::And))
    }

    fn condition(&mut self) -> Parsed<Predicate> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.expected("no more than 64 conditions within each other"));
        }
        let condition = if self.word("not") {
            Predicate::Not(Box::new(self.condition()?))
        } else if self.symbol("(") {
            let inside = self.any_of()?;
            if !self.symbol(")") {
                return Err(self.expected("`)`, and, or or"));
            }
            inside
        } else {
            self.comparison()?
        };
        self.depth -= 1;
        Ok(condition)
    }

    fn comparison(&mut self) -> Parsed<Predicate> {
        if let Some(value) = self.value()? {
            // A value in front, as in `60 < dep_delay`.
            let comparison = self.operator()?;
            let column = self.column()?;
            return Ok(self.compare(&column, turned(comparison), value));
        }
        let column = self.column()?;
        if self.word("is") {
            let not = self.word("not");
            if !self.word("null") {
                return Err(self.expected("null"));
            }
            return Ok(if not {
                Predicate::IsNotNull(column)
            } else {
                Predicate::IsNull(column)
            });
        }
        let not = self.word("not");
        if self.word("in") {
            let list = Predicate::Or(self.list(&column)?);
            return Ok(if not {
                Predicate::Not(Box::new(list))
            } else {
                list
            });
        }
        if self.word("between") {
            let least = self.needed_value()?;
            if !self.word("and") {
                return Err(self.expected("and"));
            }
            let most = self.needed_value()?;
            let within = Predicate::And(vec![
                self.compare(&column, Comparison::GreaterOrEqual, least),
                self.compare(&column, Comparison::LessOrEqual, most),
            ]);
            return Ok(if not {
                Predicate::Not(Box::new(within))
            } else {
                within
            });
        }
        if not {
            return Err(self.expected("in or between"));
        }
        let comparison = self.operator()?;
        let value = self.needed_value()?;
        Ok(self.compare(&column, comparison, value))
    }

    fn list(&mut self, column: &str) -> Parsed<Vec<Predicate>> {
        if !self.symbol("(") {
            return Err(self.expected("`(`"));
        }
        let mut parts = Vec::new();
        loop {
            let value = self.needed_value()?;
            parts.push(self.compare(column, Comparison::Equal, value));
            if self.symbol(")") {
                return Ok(parts);
            }
            if !self.symbol(",") {
                return Err(self.expected("`,` or `)`"));
            }
        }
    }

    fn operator(&mut self) -> Parsed<Comparison> {
        const OPERATORS: [(&str, Comparison); 8] = [
            ("=", Comparison::Equal),
            ("==", Comparison::Equal),
            ("<>", Comparison::NotEqual),
            ("!=", Comparison::NotEqual),
            ("<", Comparison::Less),
            ("<=", Comparison::LessOrEqual),
            (">", Comparison::Greater),
            (">=", Comparison::GreaterOrEqual),
        ];
        let found = OPERATORS.iter().find(|(symbol, _)| self.symbol(symbol));
        found
            .map(|(_, comparison)| *comparison)
            .ok_or_else(|| self.expected("=, <>, <, <=, >, >=, is, in or between"))
    }

    fn column(&mut self) -> Parsed<String> {
        const KEYWORDS: [&str; 9] = [
            "and", "or", "not", "is", "in", "between", "null", "true", "false",
        ];
        let name = match self.peek() {
            Some(Token::Name(name)) => name.clone(),
            Some(Token::Word(word))
                if !KEYWORDS.iter().any(|key| word.eq_ignore_ascii_case(key)) =>
            {
                word.clone()
            }
            _ => return Err(self.expected("a column")),
        };
        self.next += 1;
        Ok(name)
    }

    fn needed_value(&mut self) -> Parsed<Literal> {
        if let Some(value) = self.value()? {
            return Ok(value);
        }
        if matches!(self.peek(), Some(Token::Word(word)) if word.eq_ignore_ascii_case("null")) {
            return Err(self.expected("a value (nulls are found by `is null`)"));
        }
        Err(self.expected("a number, 'text', true or false"))
    }

    /// The value that comes next, if one does.
    fn value(&mut self) -> Parsed<Option<Literal>> {
        let mut digits = None;
        let value: ArrayRef = match self.peek() {
            Some(Token::Text(text)) => Arc::new(StringArray::from(vec![text.as_str()])),
            Some(Token::Number(number)) => {
                digits = Some(number.clone());
                self::number(number).ok_or_else(|| self.expected("a number"))?
            }
            Some(Token::Word(word)) if word.eq_ignore_ascii_case("true") => {
                Arc::new(BooleanArray::from(vec![true]))
            }
            Some(Token::Word(word)) if word.eq_ignore_ascii_case("false") => {
                Arc::new(BooleanArray::from(vec![false]))
            }
            _ => return Ok(None),
        };
        self.next += 1;
        Ok(Some(Literal { value, digits }))
    }

    fn compare(&self, column: &str, comparison: Comparison, literal: Literal) -> Predicate {
        Predicate::Compare {
            column: column.to_owned(),
            comparison,
            value: self.in_type_of(column, &literal).unwrap_or(literal.value),
        }
    }

    /// A number as its column shows it, where this is not what it is elsewhere: decimals are exact, and 0.1 is the one of
    /// short floats.
    fn in_type_of(&self, column: &str, literal: &Literal) -> Option<ArrayRef> {
        let digits = literal.digits.as_deref()?;
        let is_whole = literal.value.data_type() != &DataType::Float64;
        let data_type = match self.schema.field_with_name(column).ok()?.data_type() {
            DataType::Dictionary(_, values) => values,
            DataType::RunEndEncoded(_, values) => values.data_type(),
            other => other,
        };
        match data_type {
            short @ (DataType::Float16 | DataType::Float32) if !is_whole => {
                let value: f32 = digits
                    .parse()
                    .ok()
                    .filter(|value: &f32| value.is_finite())?;
                cast(&Float32Array::from(vec![value]), short).ok()
            }
            number if number.is_decimal() => decimal(digits),
            _ => None,
        }
    }
}

fn number(digits: &str) -> Option<ArrayRef> {
    if let Ok(whole) = digits.parse::<i64>() {
        return Some(Arc::new(Int64Array::from(vec![whole])));
    }
    if let Ok(whole) = digits.parse::<u64>() {
        return Some(Arc::new(UInt64Array::from(vec![whole])));
    }
    let plain = digits
        .chars()
        .all(|c| c.is_ascii_digit() || matches!(c, '-' | '+' | '.' | 'e' | 'E'));
    let value = digits
        .parse::<f64>()
        .ok()
        .filter(|value| plain && value.is_finite())?;
    Some(Arc::new(Float64Array::from(vec![value])))
}

/// A number with all its digits, unless it has an exponent or too many of them.
fn decimal(digits: &str) -> Option<ArrayRef> {
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let scale = i8::try_from(fraction.len()).ok()?;
    let precision = u8::try_from(whole.len() + fraction.len()).ok()?;
    let is_plain = |c: char| !matches!(c, 'e' | 'E');
    if precision > DECIMAL256_MAX_PRECISION || !digits.chars().all(is_plain) {
        return None;
    }
    let value = parse_decimal::<Decimal256Type>(digits, precision, scale).ok()?;
    let value = Decimal256Array::from(vec![value]);
    let value = value.with_precision_and_scale(precision, scale).ok()?;
    Some(Arc::new(value))
}

/// What holds with both sides exchanged.
fn turned(comparison: Comparison) -> Comparison {
    match comparison {
        Comparison::Less => Comparison::Greater,
        Comparison::LessOrEqual => Comparison::GreaterOrEqual,
        Comparison::Greater => Comparison::Less,
        Comparison::GreaterOrEqual => Comparison::LessOrEqual,
        same => same,
    }
}

fn one_or(mut parts: Vec<Predicate>, join: impl FnOnce(Vec<Predicate>) -> Predicate) -> Predicate {
    match parts.pop() {
        Some(only) if parts.is_empty() => only,
        Some(last) => {
            parts.push(last);
            join(parts)
        }
        None => join(parts),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::RecordBatch;
    use windrow::ColumnSchema;

    /// Numbers of the rows that are wanted.
    fn rows(text: &str) -> Vec<usize> {
        let delay: ArrayRef = Arc::new(Int64Array::from(vec![Some(5), None, Some(61), Some(-3)]));
        let carrier: ArrayRef = Arc::new(StringArray::from(vec!["UA", "it's", "B6", "or"]));
        let early: ArrayRef = Arc::new(BooleanArray::from(vec![false, true, false, true]));
        let batch = RecordBatch::try_from_iter([
            ("delay", delay),
            ("my carrier", carrier),
            ("early", early),
        ])
        .unwrap();
        let schema = ColumnSchema::new(batch.schema()).unwrap();
        let condition = Condition::new(text).unwrap();
        let predicate = condition.predicate(schema.arrow()).unwrap();
        let bound = predicate.bind(&schema).unwrap();
        let wanted = bound
            .evaluate(&batch.project(bound.columns()).unwrap())
            .unwrap();
        wanted.set_indices().collect()
    }

    #[test]
    fn conditions_mean_what_sql_means() {
        for (text, expected) in [
            ("delay > 60", &[2][..]),
            ("60 < delay", &[2]),
            ("delay>=5 AND \"my carrier\"='UA'", &[0]),
            ("delay = 5 or delay = 61 and early = true", &[0]),
            ("(delay = 5 or delay = 61) and early = false", &[0, 2]),
            ("not delay = 5", &[2, 3]),
            ("delay is null", &[1]),
            ("delay is not null", &[0, 2, 3]),
            ("\"my carrier\" in ('UA', 'it''s')", &[0, 1]),
            ("delay not in (5, -3)", &[2]),
            ("delay between -3 and 5", &[0, 3]),
            ("delay not between -3 and 5", &[2]),
            ("delay <> 5.5", &[0, 2, 3]),
            ("delay > 4.5e0", &[0, 2]),
            ("early = TRUE", &[1, 3]),
            ("\"my carrier\" = 'or'", &[3]),
        ] {
            assert_eq!(rows(text), expected, "{text}");
        }
    }

    #[test]
    fn errors_tell_the_place() {
        for (text, words) in [
            ("", "character 1: a column expected, found the end"),
            (
                "delay >",
                "character 8: a number, 'text', true or false expected, found the end",
            ),
            ("delay 5", "character 7: =, <>"),
            ("delay = 'x", "character 9: a quote"),
            ("delay = null", "nulls are found by `is null`"),
            ("(delay = 1", "character 11: `)`"),
            (
                "delay = 1 carrier = 2",
                "character 11: and, or, or the end expected, found `carrier`",
            ),
            ("delay in 5", "character 10: `(` expected"),
            ("delay in (5 6)", "character 13: `,` or `)`"),
            ("delay not 5", "character 11: in or between"),
            ("delay is 5", "character 10: null expected"),
            ("delay = 5x", "character 9: a number expected"),
            (
                "delay ; 5",
                "character 7: a column, a value, or an operator expected, found `;`",
            ),
            ("and = 5", "character 1: a column expected"),
            ("delay = other", "character 9"),
        ] {
            let error = Condition::new(text).unwrap_err().to_string();
            assert!(error.contains(words), "{text}: {error}");
        }
        let deep = "(".repeat(100_000);
        assert!(
            Condition::new(&deep)
                .unwrap_err()
                .to_string()
                .contains("64")
        );
        assert!(Condition::new(&"not ".repeat(100_000)).is_err());
    }
}
