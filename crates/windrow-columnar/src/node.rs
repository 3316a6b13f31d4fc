//! The tree of a schema's fields, flattened: one node for each field that has values of its own.

use std::ops::Range;

use arrow_schema::{DataType, Field, IntervalUnit, Schema};

use crate::error::ColumnError;

/// What the values of a node are made of. `format-spec/columns.md` has the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Nothing: all are null.
    None,
    /// One bit each.
    Bits,
    /// 1, 2, 4 or 8 bytes each.
    Word(Word),
    /// As many bytes each as the type says.
    Fixed(usize),
    /// Any bytes.
    Bytes {
        /// They are UTF-8.
        text: bool,
    },
    /// How many values of the child each takes.
    List,
    /// Nothing but whether they are null; the children have the same number of values, times `size`.
    Struct {
        /// Values of the child for each value.
        size: usize,
    },
    /// Indices of values of the child.
    Codes,
}

/// A word: its size in bytes, and how its bits are to be understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Word {
    pub(crate) bytes: usize,
    pub(crate) kind: WordKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WordKind {
    Unsigned,
    Signed,
    Float,
}

impl Word {
    pub(crate) const CODES: Self = Self {
        bytes: 4,
        kind: WordKind::Unsigned,
    };
    pub(crate) const SIGNED_8: Self = Self {
        bytes: 8,
        kind: WordKind::Signed,
    };
}

/// A node of the tree.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    /// Of a run-end encoded field, the type of its values.
    pub(crate) data_type: DataType,
    /// The type of the field itself.
    pub(crate) field_type: DataType,
    pub(crate) shape: Shape,
    /// Behind this node and all that is below it.
    pub(crate) end: usize,
    /// Its children, in order.
    pub(crate) children: Vec<usize>,
    /// Name with those of its parents, `a.b`.
    pub(crate) path: String,
    /// Statistics may tell more of it than nulls.
    pub(crate) has_bounds: bool,
}

/// All nodes of a schema, depth first.
#[derive(Debug, Clone)]
pub(crate) struct Nodes {
    all: Vec<Node>,
    /// The node of each field of the schema.
    roots: Vec<usize>,
}

/// Bytes of a path that its children repeat.
const MAX_PATH_BYTES: usize = 256;
/// Fields may lie this deep inside each other; those who read flatbuffers stop at 64 tables.
pub const MAX_SCHEMA_DEPTH: usize = 48;

impl Nodes {
    pub(crate) fn new(schema: &Schema) -> Result<Self, ColumnError> {
        let mut nodes = Self {
            all: Vec::new(),
            roots: Vec::new(),
        };
        for field in schema.fields() {
            let root = nodes.push(field, field.name().clone(), 0, true)?;
            nodes.roots.push(root);
        }
        Ok(nodes)
    }

    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }

    pub(crate) fn all(&self) -> &[Node] {
        &self.all
    }

    #[allow(
        clippy::indexing_slicing,
        reason = "numbers of nodes come from this tree"
    )]
    pub(crate) fn get(&self, node: usize) -> &Node {
        &self.all[node]
    }

    pub(crate) fn roots(&self) -> &[usize] {
        &self.roots
    }

    /// The nodes of field number `column`, itself first.
    pub(crate) fn of_column(&self, column: usize) -> Range<usize> {
        let root = self.roots.get(column).copied().unwrap_or_default();
        root..self.get(root).end
    }

    fn push(
        &mut self,
        field: &Field,
        path: String,
        depth: usize,
        bounds: bool,
    ) -> Result<usize, ColumnError> {
        if depth > MAX_SCHEMA_DEPTH {
            return Err(ColumnError::NestedTooDeep {
                column: path,
                limit: MAX_SCHEMA_DEPTH,
            });
        }
        let data_type = match field.data_type() {
            DataType::RunEndEncoded(ends, values) if ends.data_type().is_run_ends_type() => {
                values.data_type()
            }
            other => other,
        };
        let shape = shape_of(data_type).ok_or_else(|| ColumnError::UnsupportedType {
            column: path.clone(),
            data_type: field.data_type().to_string(),
        })?;
        let number = self.all.len();
        let has_bounds = bounds
            && !matches!(
                shape,
                Shape::None | Shape::List | Shape::Struct { .. } | Shape::Codes
            );
        self.all.push(Node {
            data_type: data_type.clone(),
            field_type: field.data_type().clone(),
            shape,
            end: number,
            children: Vec::new(),
            path: path.clone(),
            has_bounds,
        });
        let mut children = Vec::new();
        // Each child has it again: a long one would cost more memory than the schema itself.
        let short = path.floor_char_boundary(MAX_PATH_BYTES);
        let below = bounds
            && matches!(shape, Shape::Struct { size: 1 })
            && matches!(data_type, DataType::Struct(_));
        for_children(data_type, |name, child| {
            children.push(self.push(
                child,
                format!("{}.{name}", &path[..short]),
                depth.saturating_add(1),
                below,
            )?);
            Ok(())
        })?;
        let end = self.all.len();
        if let Some(node) = self.all.get_mut(number) {
            node.children = children;
            node.end = end;
        }
        Ok(number)
    }
}

fn for_children(
    data_type: &DataType,
    mut visit: impl FnMut(&str, &Field) -> Result<(), ColumnError>,
) -> Result<(), ColumnError> {
    match data_type {
        DataType::List(item)
        | DataType::LargeList(item)
        | DataType::ListView(item)
        | DataType::LargeListView(item)
        | DataType::FixedSizeList(item, _)
        | DataType::Map(item, _) => visit(item.name(), item),
        DataType::Struct(fields) => fields
            .iter()
            .try_for_each(|field| visit(field.name(), field)),
        DataType::Dictionary(_, values) => visit(
            "values",
            &Field::new("values", values.as_ref().clone(), true),
        ),
        _ => Ok(()),
    }
}

/// `None` for types that have no place in a file.
fn shape_of(data_type: &DataType) -> Option<Shape> {
    use DataType::*;
    let word = |bytes, kind| Some(Shape::Word(Word { bytes, kind }));
    match data_type {
        Null => Some(Shape::None),
        Boolean => Some(Shape::Bits),
        UInt8 => word(1, WordKind::Unsigned),
        UInt16 => word(2, WordKind::Unsigned),
        UInt32 => word(4, WordKind::Unsigned),
        UInt64 => word(8, WordKind::Unsigned),
        Int8 => word(1, WordKind::Signed),
        Int16 => word(2, WordKind::Signed),
        Int32 | Date32 | Time32(_) | Decimal32(..) | Interval(IntervalUnit::YearMonth) => {
            word(4, WordKind::Signed)
        }
        Int64 | Date64 | Time64(_) | Timestamp(..) | Duration(_) | Decimal64(..) => {
            word(8, WordKind::Signed)
        }
        // Two numbers of 4 bytes, which have no order together.
        Interval(IntervalUnit::DayTime) => word(8, WordKind::Unsigned),
        Float16 => word(2, WordKind::Float),
        Float32 => word(4, WordKind::Float),
        Float64 => word(8, WordKind::Float),
        Decimal128(..) | Interval(IntervalUnit::MonthDayNano) => Some(Shape::Fixed(16)),
        Decimal256(..) => Some(Shape::Fixed(32)),
        FixedSizeBinary(size) => usize::try_from(*size).ok().map(Shape::Fixed),
        Binary | LargeBinary | BinaryView => Some(Shape::Bytes { text: false }),
        Utf8 | LargeUtf8 | Utf8View => Some(Shape::Bytes { text: true }),
        List(_) | LargeList(_) | ListView(_) | LargeListView(_) => Some(Shape::List),
        Map(entries, _) => match entries.data_type() {
            Struct(fields) if fields.len() == 2 && !entries.is_nullable() => Some(Shape::List),
            _ => None,
        },
        FixedSizeList(_, size) => {
            let size = usize::try_from(*size).ok()?;
            Some(Shape::Struct { size })
        }
        Struct(_) => Some(Shape::Struct { size: 1 }),
        Dictionary(key, _) if key.is_dictionary_key_type() => Some(Shape::Codes),
        // The values of a run-end encoded field cannot be run-end encoded again.
        RunEndEncoded(..) | Union(..) | Dictionary(..) => None,
    }
}
