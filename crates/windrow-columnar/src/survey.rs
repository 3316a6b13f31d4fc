//! What a column chunk is made of: encodings, sizes, bounds, and whether its statistics are true.
#![allow(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "numbers of nodes come from the schema"
)]

use arrow_array::{Array, ArrayRef, RecordBatch, Scalar};
use arrow_ord::cmp;
use windrow_format::{Compressor, Decompressor};

use crate::decode::ChunkRead;
use crate::encode::{EncodedNode, RowGroup};
use crate::error::{ColumnError, Fault};
use crate::front::Front;
use crate::node::{Node, Shape};
use crate::options::{EncodeOptions, Profile};
use crate::page::{Nulls, Parts};
use crate::predicate::of_bound;
use crate::schema::ColumnSchema;
use crate::statistics::{Bound, GroupStatistics};

/// Names of encodings, by their codes.
const ENCODINGS: [&str; 12] = [
    "plain",
    "constant",
    "packed",
    "delta",
    "dictionary",
    "run-end",
    "planes",
    "decimal",
    "lengths",
    "symbols",
    "narrow",
    "tokens",
];

/// What a column of a row group is made of, with all that is below it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ColumnSurvey {
    /// Bytes of its pages in the file.
    pub stored_bytes: u64,
    /// Bytes of its values without any encoding.
    pub plain_bytes: u64,
    /// Names of the outermost encodings of its pages, and how many pages have each; by number of pages, most first. Pages
    /// whose values are all null have none.
    pub encodings: Vec<(&'static str, u64)>,
    /// Names of the codecs of its nodes that have pages, each once.
    pub codecs: Vec<&'static str>,
}

impl ColumnSurvey {
    /// Adds what was found in another row group.
    pub fn merge(&mut self, other: &Self) {
        self.stored_bytes += other.stored_bytes;
        self.plain_bytes = self.plain_bytes.saturating_add(other.plain_bytes);
        for &(name, pages) in &other.encodings {
            self.count(name, pages);
        }
        for &codec in &other.codecs {
            self.add_codec(codec);
        }
        self.encodings
            .sort_by_key(|&(name, pages)| (std::cmp::Reverse(pages), name));
    }

    fn count(&mut self, name: &'static str, pages: u64) {
        match self.encodings.iter_mut().find(|(known, _)| *known == name) {
            Some((_, count)) => *count += pages,
            None => self.encodings.push((name, pages)),
        }
    }

    fn add_codec(&mut self, codec: &'static str) {
        if !self.codecs.contains(&codec) {
            self.codecs.push(codec);
        }
    }
}

/// What a column holds at least and at most, and how many of its values are null.
#[derive(Debug, Clone, Default)]
pub struct ColumnRange {
    /// Values that are null.
    pub nulls: u64,
    /// An array of the least value, or of a bound of it; `None` if nothing is told.
    pub least: Option<ArrayRef>,
    /// The same of the largest.
    pub most: Option<ArrayRef>,
    /// Whether the least is a value of the column.
    pub least_is_value: bool,
    /// Whether the largest is a value of the column.
    pub most_is_value: bool,
    /// Whether there were values at all: bounds that are missing then are not known.
    has_values: bool,
}

impl ColumnRange {
    /// Adds those of another row group.
    pub fn merge(&mut self, other: Self) {
        self.nulls = self.nulls.saturating_add(other.nulls);
        if !other.has_values {
            return;
        }
        if !self.has_values {
            let nulls = self.nulls;
            *self = other;
            self.nulls = nulls;
            return;
        }
        let below = |one: &ArrayRef, other: &ArrayRef| {
            cmp::lt(&Scalar::new(one.clone()), &Scalar::new(other.clone()))
                .is_ok_and(|found| found.is_valid(0) && found.value(0))
        };
        match (&self.least, other.least) {
            (Some(own), Some(theirs)) => {
                if below(&theirs, own) {
                    self.least = Some(theirs);
                    self.least_is_value = other.least_is_value;
                }
            }
            _ => self.least = None,
        }
        match (&self.most, other.most) {
            (Some(own), Some(theirs)) => {
                if below(own, &theirs) {
                    self.most = Some(theirs);
                    self.most_is_value = other.most_is_value;
                }
            }
            _ => self.most = None,
        }
    }
}

impl GroupStatistics {
    /// Those of the rows of the chunk whose data have the hash `data_hash`.
    ///
    /// # Errors
    /// Those of [`RowGroup::new`].
    pub fn of_rows(
        schema: &ColumnSchema,
        rows: &RecordBatch,
        data_hash: u64,
    ) -> Result<Self, ColumnError> {
        let nodes = recount(schema, rows)?;
        Ok(Self {
            data_hash,
            nodes: nodes.iter().map(|node| node.statistics().clone()).collect(),
        })
    }

    /// What they tell of column number `column`, in a row group of `rows` rows.
    #[must_use]
    pub fn column_range(&self, schema: &ColumnSchema, column: usize, rows: u64) -> ColumnRange {
        let root = schema.nodes().of_column(column).start;
        let data_type = &schema.nodes().get(root).data_type;
        let Some(told) = self.nodes.get(root) else {
            return ColumnRange {
                has_values: true,
                ..ColumnRange::default()
            };
        };
        let value = |bound: &Option<Bound>| {
            let bound = bound.as_ref()?;
            of_bound(bound, data_type)
        };
        let is_value = |bound: &Option<Bound>| bound.as_ref().is_some_and(|bound| bound.is_value);
        ColumnRange {
            nulls: told.nulls,
            least: value(&told.bounds.least),
            most: value(&told.bounds.most),
            least_is_value: is_value(&told.bounds.least),
            most_is_value: is_value(&told.bounds.most),
            has_values: told.nulls < rows,
        }
    }
}

impl Front {
    /// What each column is made of. `data` are all the data of the chunk, whose hash fits, and `rows` what they decode to.
    ///
    /// # Errors
    /// [`ColumnError`] for pages that are not what they should be.
    pub fn survey(
        &self,
        schema: &ColumnSchema,
        data: &[u8],
        rows: &RecordBatch,
        decompressor: &mut Decompressor,
    ) -> Result<Vec<ColumnSurvey>, ColumnError> {
        let own = recount(schema, rows)?;
        let mut read = ChunkRead::new(self, schema, &[], Vec::new());
        read.give_verified(0, data);
        let columns = 0..schema.nodes().roots().len();
        columns
            .map(|column| {
                let mut survey = ColumnSurvey::default();
                for node in schema.nodes().of_column(column) {
                    survey.plain_bytes = survey.plain_bytes.saturating_add(own[node].plain_bytes());
                    self.survey_node(node, schema, &read, &mut survey, decompressor)?;
                }
                survey
                    .encodings
                    .sort_by_key(|&(name, pages)| (std::cmp::Reverse(pages), name));
                Ok(survey)
            })
            .collect()
    }

    fn survey_node(
        &self,
        node: usize,
        schema: &ColumnSchema,
        read: &ChunkRead<'_>,
        survey: &mut ColumnSurvey,
        decompressor: &mut Decompressor,
    ) -> Result<(), ColumnError> {
        let (pages, described) = (&self.nodes[node], schema.nodes().get(node));
        survey.stored_bytes += pages.stored_bytes();
        if pages.pages() > 0 {
            survey.add_codec(pages.compression.name());
        }
        if matches!(described.shape, Shape::None | Shape::Struct { .. }) {
            return Ok(());
        }
        for page in 0..pages.pages() {
            let bytes = read.page(node, page + usize::from(pages.has_shared), decompressor)?;
            let name = encoding_of(&bytes, pages.page_len(page), described.shape);
            match name {
                Ok(Some(name)) => survey.count(name, 1),
                Ok(None) => {}
                Err(fault) => return Err(fault.at(self.at, &described.path, page as u64)),
            }
        }
        Ok(())
    }

    /// Compares what the chunk says of itself, and what `statistics` say of it, with what it decodes to.
    ///
    /// # Errors
    /// [`ColumnError::Statistics`] if they are not true; [`ColumnError::Front`] if the plain size is another one.
    pub fn check_rows(
        &self,
        schema: &ColumnSchema,
        rows: &RecordBatch,
        statistics: Option<&GroupStatistics>,
    ) -> Result<(), ColumnError> {
        let own = recount(schema, rows)?;
        let plain = own
            .iter()
            .fold(0_u64, |sum, node| sum.saturating_add(node.plain_bytes()));
        // A dictionary may have values that no code names, which decoding leaves out.
        let has_codes = schema
            .nodes()
            .all()
            .iter()
            .any(|node| node.shape == Shape::Codes);
        if plain > self.decoded_bytes() || plain < self.decoded_bytes() && !has_codes {
            return Err(ColumnError::Front {
                at: self.at,
                what: "its values do not take decoded_data_size",
            });
        }
        statistics.map_or(Ok(()), |told| check_statistics(&own, self, schema, told))
    }
}

/// The outermost encoding of a page; `None` where all values are null.
fn encoding_of(page: &[u8], len: usize, shape: Shape) -> Result<Option<&'static str>, Fault> {
    let mut parts = Parts::new(page);
    if let (Nulls::All, _) = Nulls::parse(&mut parts, len)? {
        return Ok(None);
    }
    if shape == Shape::List {
        parts.u64()?;
    }
    let head = parts.head()?;
    let name = ENCODINGS.get(usize::from(head.code));
    Ok(Some(name.copied().unwrap_or("unknown")))
}

/// Encodes rows once more, as fast as it goes: for the plain size of each node, and what it holds at least and at most.
fn recount(schema: &ColumnSchema, rows: &RecordBatch) -> Result<Vec<EncodedNode>, ColumnError> {
    let mut group = RowGroup::new(schema, vec![rows.clone()])?;
    let options = EncodeOptions::new().with_profile(Profile::Spill);
    let mut compressor = Compressor::new();
    let nodes = group.take_nodes().into_iter();
    nodes
        .map(|node| group.encode_node(node, &options, &mut compressor))
        .collect()
}

fn check_statistics(
    own: &[EncodedNode],
    front: &Front,
    schema: &ColumnSchema,
    told: &GroupStatistics,
) -> Result<(), ColumnError> {
    let wrong = |what| ColumnError::Statistics { at: front.at, what };
    if told.nodes.len() != own.len() {
        return Err(wrong("they are of another number of columns"));
    }
    let nodes = schema.nodes().all();
    let values = nodes
        .iter()
        .filter(|node| node.shape == Shape::Codes)
        .filter_map(|node| node.children.first());
    // Of values that no code names, those of a dictionary may tell, too.
    let values: Vec<usize> = values.copied().collect();
    for (number, told) in told.nodes.iter().enumerate() {
        if values.contains(&number) {
            continue;
        }
        let (described, own) = (&nodes[number], own[number].statistics());
        if told.nulls != own.nulls {
            return Err(wrong("they tell another number of nulls than a column has"));
        }
        if !described.has_bounds {
            continue;
        }
        let bounds = [
            (&told.bounds.least, &own.bounds.least, true),
            (&told.bounds.most, &own.bounds.most, false),
        ];
        let fit = bounds
            .into_iter()
            .all(|(told, own, is_least)| holds(told.as_ref(), own.as_ref(), described, is_least));
        if !fit {
            return Err(wrong(
                "a column has values outside of the bounds they tell, or not those they name",
            ));
        }
    }
    Ok(())
}

/// Whether a bound that is told holds for values of which `own` is the true one.
fn holds(told: Option<&Bound>, own: Option<&Bound>, node: &Node, is_least: bool) -> bool {
    let (Some(told), Some(own)) = (told, own) else {
        return told.is_none();
    };
    if own == told {
        return true;
    }
    if told.is_value {
        return false;
    }
    if let Shape::Bytes { .. } = node.shape {
        return if is_least {
            told.bytes <= own.bytes
        } else {
            told.bytes >= own.bytes
        };
    }
    let value = |bound: &Bound| of_bound(bound, &node.data_type).map(Scalar::new);
    let (Some(own), Some(told)) = (value(own), value(told)) else {
        return false;
    };
    let found = if is_least {
        cmp::lt_eq(&told, &own)
    } else {
        cmp::gt_eq(&told, &own)
    };
    found.is_ok_and(|found| found.is_valid(0) && found.value(0))
}
