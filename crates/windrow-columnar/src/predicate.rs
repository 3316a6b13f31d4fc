//! Which rows are wanted: comparisons of columns with values, evaluated on rows, and on statistics to pass over row groups.

use std::sync::Arc;

use arrow_array::{
    Array, ArrayRef, BooleanArray, Datum, Float64Array, RecordBatch, Scalar, StringArray,
    make_array,
};
use arrow_buffer::{BooleanBuffer, Buffer};
use arrow_cast::display::array_value_to_string;
use arrow_data::ArrayData;
use arrow_ord::cmp;
use arrow_schema::{ArrowError, DataType};

use crate::error::ColumnError;
use crate::literal;
use crate::node::Shape;
use crate::schema::ColumnSchema;
use crate::statistics::{Bound, GroupStatistics, NodeStatistics};

/// How a column is compared with a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Comparison {
    /// `=`
    Equal,
    /// `!=`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
}

impl Comparison {
    /// What is true where this one is false, of values that are not null.
    #[must_use]
    pub const fn negated(self) -> Self {
        match self {
            Self::Equal => Self::NotEqual,
            Self::NotEqual => Self::Equal,
            Self::Less => Self::GreaterOrEqual,
            Self::LessOrEqual => Self::Greater,
            Self::Greater => Self::LessOrEqual,
            Self::GreaterOrEqual => Self::Less,
        }
    }

    fn apply(self, left: &dyn Datum, right: &dyn Datum) -> Result<BooleanArray, ArrowError> {
        match self {
            Self::Equal => cmp::eq(left, right),
            Self::NotEqual => cmp::neq(left, right),
            Self::Less => cmp::lt(left, right),
            Self::LessOrEqual => cmp::lt_eq(left, right),
            Self::Greater => cmp::gt(left, right),
            Self::GreaterOrEqual => cmp::gt_eq(left, right),
        }
    }
}

/// A condition on rows, as in SQL: a comparison with null is neither true nor false, and only rows for which it is true
/// are taken. Of floats, NaN is above all others and equals itself, and -0.0 equals 0.0.
#[derive(Debug, Clone)]
pub enum Predicate {
    /// A column compared with a value, which is an array of one.
    Compare {
        /// Name of a column of the schema.
        column: String,
        /// How they are compared.
        comparison: Comparison,
        /// A value that can be cast to the type of the column; a number, decimal, date or time need not be one that the type
        /// can hold.
        value: ArrayRef,
    },
    /// The column is null.
    IsNull(String),
    /// The column is not null.
    IsNotNull(String),
    /// All of them.
    And(Vec<Predicate>),
    /// One of them at least.
    Or(Vec<Predicate>),
    /// Not.
    Not(Box<Predicate>),
}

impl Predicate {
    /// A column compared with a value of one of Rust's types.
    ///
    /// ```
    /// use windrow_columnar::{Comparison, Predicate};
    /// let late = Predicate::compare("dep_delay", Comparison::Greater, arrow_array::Int64Array::from(vec![60]));
    /// ```
    ///
    /// # Panics
    /// If `value` is not an array of one value.
    #[must_use]
    pub fn compare(
        column: impl Into<String>,
        comparison: Comparison,
        value: impl Array + 'static,
    ) -> Self {
        assert!(value.len() == 1, "a comparison is with one value");
        Self::Compare {
            column: column.into(),
            comparison,
            value: make_array(value.to_data()),
        }
    }

    /// A column compared with text, which is read as a value of the column's kind: numbers, dates and times with all their
    /// digits.
    #[must_use]
    pub fn compare_text(column: impl Into<String>, comparison: Comparison, text: &str) -> Self {
        Self::compare(column, comparison, StringArray::from(vec![text]))
    }

    /// Finds the columns in a schema, and turns the values into their types.
    ///
    /// # Errors
    /// [`ColumnError::NoColumn`], and [`ColumnError::Predicate`] for what cannot be compared.
    pub fn bind(&self, schema: &ColumnSchema) -> Result<BoundPredicate, ColumnError> {
        let mut columns = Vec::new();
        let tree = self.bind_tree(schema, &mut columns)?;
        Ok(BoundPredicate { columns, tree })
    }

    fn bind_tree(
        &self,
        schema: &ColumnSchema,
        columns: &mut Vec<usize>,
    ) -> Result<Tree, ColumnError> {
        let mut place = |name: &String| -> Result<Place, ColumnError> {
            let column = schema.columns(std::slice::from_ref(name))?;
            let column = column.first().copied().unwrap_or_default();
            let known = columns.iter().position(|&other| other == column);
            let within = known.unwrap_or_else(|| {
                columns.push(column);
                columns.len().saturating_sub(1)
            });
            Ok(Place {
                within,
                node: schema
                    .nodes()
                    .roots()
                    .get(column)
                    .copied()
                    .unwrap_or_default(),
            })
        };
        let all = |parts: &[Self], columns: &mut Vec<usize>| {
            parts
                .iter()
                .map(|part| part.bind_tree(schema, columns))
                .collect::<Result<Vec<_>, _>>()
        };
        Ok(match self {
            Self::Compare {
                column,
                comparison,
                value,
            } => {
                let place = place(column)?;
                let field = schema.arrow().field_with_name(column);
                let data_type = field.map_or(&DataType::Null, |field| field.data_type());
                let (comparison, value) =
                    match literal::in_steps(of_values(data_type), *comparison, value) {
                        Some(found) => found,
                        None => (*comparison, literal(column, data_type, value)?),
                    };
                let compare = |comparison, value: ArrayRef| Tree::Compare {
                    place,
                    comparison,
                    cast: (value.data_type() != data_type).then(|| value.data_type().clone()),
                    value: Scalar::new(value),
                };
                let Some([minus, plus]) = zeros(&value) else {
                    return Ok(compare(comparison, value));
                };
                // Arrow has -0.0 below 0.0.
                let both = || {
                    vec![
                        compare(comparison, minus.clone()),
                        compare(comparison, plus.clone()),
                    ]
                };
                match comparison {
                    Comparison::Equal => Tree::Or(both()),
                    Comparison::NotEqual => Tree::And(both()),
                    Comparison::Less | Comparison::GreaterOrEqual => compare(comparison, minus),
                    Comparison::LessOrEqual | Comparison::Greater => compare(comparison, plus),
                }
            }
            Self::IsNull(column) => Tree::IsNull(place(column)?, true),
            Self::IsNotNull(column) => Tree::IsNull(place(column)?, false),
            Self::And(parts) => Tree::And(all(parts, columns)?),
            Self::Or(parts) => Tree::Or(all(parts, columns)?),
            Self::Not(part) => Tree::Not(Box::new(part.bind_tree(schema, columns)?)),
        })
    }
}

/// The type of the values of a column.
fn of_values(data_type: &DataType) -> &DataType {
    match data_type {
        DataType::Dictionary(_, values) => values.as_ref(),
        DataType::RunEndEncoded(_, values) => values.data_type(),
        other => other,
    }
}

/// The value in the type that it is compared in: that of the column, or, of a number that the column's type cannot hold, its
/// own.
fn literal(column: &str, data_type: &DataType, value: &ArrayRef) -> Result<ArrayRef, ColumnError> {
    let refused = |what: String| ColumnError::Predicate {
        column: column.to_owned(),
        what,
    };
    let data_type = of_values(data_type);
    if data_type.is_nested() {
        return Err(refused(format!(
            "values of type {data_type} cannot be compared"
        )));
    }
    let cast = arrow_cast::cast(value, data_type).map_err(|error| refused(error.to_string()))?;
    if cast.null_count() > value.null_count() {
        return Err(refused(format!(
            "{} is not a value of type {data_type}",
            shown(value)
        )));
    }
    if literal::is_text(value.data_type()) {
        return Ok(cast);
    }
    let back =
        arrow_cast::cast(&cast, value.data_type()).map_err(|error| refused(error.to_string()))?;
    if back.as_ref() == value.as_ref() {
        return Ok(cast);
    }
    if data_type.is_numeric() && value.data_type().is_numeric() {
        return arrow_cast::cast(value, &DataType::Float64)
            .map_err(|error| refused(error.to_string()));
    }
    Err(refused(format!(
        "{} of type {} is not a value of type {data_type}",
        shown(value),
        value.data_type()
    )))
}

/// -0.0 and 0.0, if the value is one of them.
fn zeros(value: &ArrayRef) -> Option<[ArrayRef; 2]> {
    let both: ArrayRef = Arc::new(Float64Array::from(vec![-0.0, 0.0]));
    let both = arrow_cast::cast(&both, value.data_type()).ok()?;
    let both = [both.slice(0, 1), both.slice(1, 1)];
    let is_float = value.data_type().is_floating();
    (is_float && both.contains(value)).then_some(both)
}

fn shown(value: &ArrayRef) -> String {
    array_value_to_string(value, 0).unwrap_or_else(|_| "a value".to_owned())
}

/// A predicate on the columns of one schema.
#[derive(Debug, Clone)]
pub struct BoundPredicate {
    columns: Vec<usize>,
    tree: Tree,
}

/// Where a column is: among those that are evaluated, and in the tree of nodes.
#[derive(Debug, Clone, Copy)]
struct Place {
    within: usize,
    node: usize,
}

#[derive(Debug, Clone)]
enum Tree {
    Compare {
        place: Place,
        comparison: Comparison,
        /// The type that the column is turned into.
        cast: Option<DataType>,
        value: Scalar<ArrayRef>,
    },
    IsNull(Place, bool),
    And(Vec<Tree>),
    Or(Vec<Tree>),
    Not(Box<Tree>),
}

impl BoundPredicate {
    /// Numbers of the columns that it needs, in the order in which [`evaluate`](Self::evaluate) wants them.
    #[must_use]
    pub fn columns(&self) -> &[usize] {
        &self.columns
    }

    /// For each row whether it is wanted. `rows` has just the columns that it needs.
    ///
    /// # Errors
    /// [`ColumnError::Predicate`].
    pub fn evaluate(&self, rows: &RecordBatch) -> Result<BooleanBuffer, ColumnError> {
        let found = evaluate(&self.tree, rows).map_err(|error| ColumnError::Predicate {
            column: String::new(),
            what: error.to_string(),
        })?;
        Ok(sides(&found).0)
    }

    /// Whether a row group of `rows` rows with these statistics may hold a row that is wanted.
    #[must_use]
    pub fn may_match(
        &self,
        statistics: &GroupStatistics,
        rows: u64,
        schema: &ColumnSchema,
    ) -> bool {
        may_match(&self.tree, false, statistics, rows, schema)
    }
}

fn evaluate(tree: &Tree, rows: &RecordBatch) -> Result<BooleanArray, ArrowError> {
    match tree {
        Tree::Compare {
            place,
            comparison,
            cast,
            value,
        } => {
            let column = rows.column(place.within);
            match cast {
                Some(data_type) => comparison.apply(&arrow_cast::cast(column, data_type)?, value),
                None => comparison.apply(column, value),
            }
        }
        Tree::IsNull(place, wanted) => {
            let nulls = rows.column(place.within).logical_nulls();
            let valid = nulls.map_or_else(
                || BooleanBuffer::new_set(rows.num_rows()),
                |nulls| nulls.into_inner(),
            );
            Ok(BooleanArray::new(
                if *wanted { !&valid } else { valid },
                None,
            ))
        }
        Tree::And(parts) => join(parts, rows, true),
        Tree::Or(parts) => join(parts, rows, false),
        Tree::Not(part) => {
            let part = evaluate(part, rows)?;
            Ok(BooleanArray::new(!part.values(), part.nulls().cloned()))
        }
    }
}

fn join(parts: &[Tree], rows: &RecordBatch, all: bool) -> Result<BooleanArray, ArrowError> {
    let mut joined: Option<BooleanArray> = None;
    for part in parts {
        let part = evaluate(part, rows)?;
        joined = Some(match joined {
            None => part,
            Some(before) if all => and_kleene(&before, &part),
            Some(before) => or_kleene(&before, &part),
        });
    }
    Ok(joined.unwrap_or_else(|| {
        let every = if all {
            BooleanBuffer::new_set(rows.num_rows())
        } else {
            BooleanBuffer::new_unset(rows.num_rows())
        };
        BooleanArray::new(every, None)
    }))
}

/// True and false of an array of three-valued logic, each as bits.
fn sides(array: &BooleanArray) -> (BooleanBuffer, BooleanBuffer) {
    let (yes, no) = (array.values().clone(), !array.values());
    match array.nulls() {
        Some(nulls) => (&yes & nulls.inner(), &no & nulls.inner()),
        None => (yes, no),
    }
}

fn and_kleene(a: &BooleanArray, b: &BooleanArray) -> BooleanArray {
    let ((a_yes, a_no), (b_yes, b_no)) = (sides(a), sides(b));
    of_sides(&a_yes & &b_yes, &(&a_no | &b_no))
}

fn or_kleene(a: &BooleanArray, b: &BooleanArray) -> BooleanArray {
    let ((a_yes, a_no), (b_yes, b_no)) = (sides(a), sides(b));
    of_sides(&a_yes | &b_yes, &(&a_no & &b_no))
}

fn of_sides(yes: BooleanBuffer, no: &BooleanBuffer) -> BooleanArray {
    let known = &yes | no;
    BooleanArray::new(yes, Some(known.into()))
}

fn may_match(
    tree: &Tree,
    negated: bool,
    statistics: &GroupStatistics,
    rows: u64,
    schema: &ColumnSchema,
) -> bool {
    let of = |place: &Place| statistics.nodes.get(place.node);
    match tree {
        Tree::Compare {
            place,
            comparison,
            cast,
            value,
        } => {
            let Some(told) = of(place) else {
                return true;
            };
            if told.nulls >= rows {
                return false;
            }
            let comparison = if negated {
                comparison.negated()
            } else {
                *comparison
            };
            let data_type = &schema.nodes().get(place.node).data_type;
            cast.is_some() || compares(told, comparison, value, data_type).unwrap_or(true)
        }
        Tree::IsNull(place, wanted) => match of(place) {
            // A code that is not null may name a value that is.
            Some(told) if *wanted != negated => {
                told.nulls > 0 || schema.nodes().get(place.node).shape == Shape::Codes
            }
            Some(told) => told.nulls < rows,
            None => true,
        },
        Tree::And(parts) | Tree::Or(parts) => {
            let mut parts = parts
                .iter()
                .map(|part| may_match(part, negated, statistics, rows, schema));
            if matches!(tree, Tree::And(_)) == negated {
                parts.any(|part| part)
            } else {
                parts.all(|part| part)
            }
        }
        Tree::Not(part) => may_match(part, !negated, statistics, rows, schema),
    }
}

/// Whether a value between the bounds may compare so; `None` if nothing is known.
fn compares(
    told: &NodeStatistics,
    comparison: Comparison,
    value: &Scalar<ArrayRef>,
    data_type: &DataType,
) -> Option<bool> {
    let array = |bound: &Option<Bound>| bound.as_ref().and_then(|bound| of_bound(bound, data_type));
    let holds = |bound: &ArrayRef, comparison: Comparison| {
        let found = comparison.apply(bound, value).ok()?;
        Some(found.is_valid(0) && found.value(0))
    };
    let least = || array(&told.bounds.least);
    let most = || array(&told.bounds.most);
    match comparison {
        Comparison::Less | Comparison::LessOrEqual => holds(&least()?, comparison),
        Comparison::Greater | Comparison::GreaterOrEqual => holds(&most()?, comparison),
        Comparison::Equal => {
            let below = least().and_then(|least| holds(&least, Comparison::LessOrEqual));
            let above = most().and_then(|most| holds(&most, Comparison::GreaterOrEqual));
            Some(below.unwrap_or(true) && above.unwrap_or(true))
        }
        Comparison::NotEqual => {
            let (least, most) = (told.bounds.least.as_ref()?, told.bounds.most.as_ref()?);
            if !least.is_value || !most.is_value {
                return None;
            }
            let all = holds(&of_bound(least, data_type)?, Comparison::Equal)?
                && holds(&of_bound(most, data_type)?, Comparison::Equal)?;
            Some(!all)
        }
    }
}

/// An array of the one value that a bound is.
pub(crate) fn of_bound(bound: &Bound, data_type: &DataType) -> Option<ArrayRef> {
    let bytes = &bound.bytes;
    match data_type {
        DataType::Boolean => Some(Arc::new(BooleanArray::from(vec![
            bytes.first().is_some_and(|&bit| bit != 0),
        ]))),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => {
            // A bound may end inside of a character.
            let text = std::str::from_utf8(bytes).or_else(|error| {
                std::str::from_utf8(bytes.get(..error.valid_up_to()).unwrap_or_default())
            });
            let text = StringArray::from(vec![text.ok()?]);
            arrow_cast::cast(&text, data_type).ok()
        }
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView => {
            let array = arrow_array::BinaryArray::from(vec![bytes.as_slice()]);
            arrow_cast::cast(&array, data_type).ok()
        }
        _ => {
            let data = ArrayData::builder(data_type.clone())
                .len(1)
                .add_buffer(Buffer::from(bytes.as_slice()));
            data.align_buffers(true).build().ok().map(make_array)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statistics::Bounds;
    use arrow_array::{Float64Array, Int64Array};

    fn schema() -> ColumnSchema {
        let field = arrow_schema::Field::new("x", DataType::Int64, true);
        ColumnSchema::new(Arc::new(arrow_schema::Schema::new(vec![field]))).unwrap()
    }

    fn rows() -> RecordBatch {
        let x: ArrayRef = Arc::new(Int64Array::from(vec![Some(1), None, Some(3), Some(5)]));
        RecordBatch::try_from_iter([("x", x)]).unwrap()
    }

    fn statistics(least: i64, most: i64, nulls: u64) -> GroupStatistics {
        let bound = |value: i64| {
            Some(Bound {
                bytes: value.to_le_bytes().to_vec(),
                is_value: true,
            })
        };
        GroupStatistics {
            data_hash: 0,
            nodes: vec![NodeStatistics {
                nulls,
                bounds: Bounds {
                    least: bound(least),
                    most: bound(most),
                },
            }],
        }
    }

    #[test]
    fn rows_and_statistics_agree() {
        let x =
            |comparison, value| Predicate::compare("x", comparison, Int64Array::from(vec![value]));
        let or = Predicate::Or(vec![x(Comparison::Less, 2), Predicate::IsNull("x".into())]);
        let cases: Vec<(Predicate, Vec<bool>)> = vec![
            (x(Comparison::Equal, 3), vec![false, false, true, false]),
            (x(Comparison::NotEqual, 3), vec![true, false, false, true]),
            (
                Predicate::Not(Box::new(x(Comparison::Equal, 3))),
                vec![true, false, false, true],
            ),
            (
                x(Comparison::GreaterOrEqual, 3),
                vec![false, false, true, true],
            ),
            (or.clone(), vec![true, true, false, false]),
            (Predicate::Not(Box::new(or)), vec![false, false, true, true]),
            (
                Predicate::compare("x", Comparison::Greater, Float64Array::from(vec![2.5])),
                vec![false, false, true, true],
            ),
            (
                Predicate::compare_text("x", Comparison::LessOrEqual, "1"),
                vec![true, false, false, false],
            ),
            (Predicate::And(vec![]), vec![true; 4]),
        ];
        for (predicate, expected) in cases {
            let bound = predicate.bind(&schema()).unwrap();
            let found = bound.evaluate(&rows()).unwrap();
            assert_eq!(found.iter().collect::<Vec<_>>(), expected, "{predicate:?}");
            assert!(
                bound.may_match(&statistics(1, 5, 1), 4, &schema()),
                "{predicate:?}"
            );
        }
    }

    #[test]
    fn row_groups_are_passed_over() {
        let may = |predicate: Predicate, nulls| {
            predicate
                .bind(&schema())
                .unwrap()
                .may_match(&statistics(10, 20, nulls), 4, &schema())
        };
        let x =
            |comparison, value| Predicate::compare("x", comparison, Int64Array::from(vec![value]));
        assert!(!may(x(Comparison::Less, 10), 0) && may(x(Comparison::LessOrEqual, 10), 0));
        assert!(!may(x(Comparison::Greater, 20), 0) && may(x(Comparison::GreaterOrEqual, 20), 0));
        assert!(
            !may(x(Comparison::Equal, 21), 0)
                && !may(x(Comparison::Equal, 9), 0)
                && may(x(Comparison::Equal, 15), 0)
        );
        assert!(!may(Predicate::Not(Box::new(x(Comparison::Greater, 5))), 0));
        assert!(!may(Predicate::IsNull("x".into()), 0) && may(Predicate::IsNull("x".into()), 1));
        assert!(!may(Predicate::IsNotNull("x".into()), 4) && !may(x(Comparison::Equal, 15), 4));
        assert!(!may(
            Predicate::And(vec![x(Comparison::Equal, 15), x(Comparison::Less, 3)]),
            0
        ));
        assert!(may(
            Predicate::Or(vec![x(Comparison::Equal, 15), x(Comparison::Less, 3)]),
            0
        ));
        assert!(
            Predicate::compare_text("x", Comparison::Equal, "many")
                .bind(&schema())
                .is_err()
        );
        assert!(
            Predicate::compare_text("y", Comparison::Equal, "1")
                .bind(&schema())
                .is_err()
        );
    }
}
