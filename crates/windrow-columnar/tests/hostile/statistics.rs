//! Statistics of row groups.

use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch};
use windrow_columnar::{Bound, Bounds, Comparison, GroupStatistics, NodeStatistics, Predicate};

use crate::changes::{EXTREMES, change_bytes};
use crate::forge::{AT, schema_of};
use crate::random::{Random, random_type};
use crate::shared::{empty_nodes, schema};

#[test]
fn statistics_that_lie() {
    let mut random = Random(9);
    for _ in 0..300 {
        let types = [random_type(&mut random, 1), random_type(&mut random, 1)];
        let schema = schema(&types);
        let count = empty_nodes(&types[0], 0).len() + empty_nodes(&types[1], 0).len();
        let node = |random: &mut Random| {
            let mut bound = || {
                let bytes: Vec<u8> = (0..random.below(40))
                    .map(|_| random.next().to_le_bytes()[0])
                    .collect();
                (random.below(4) > 0).then_some(Bound {
                    bytes,
                    is_value: true,
                })
            };
            let bounds = Bounds {
                least: bound(),
                most: bound(),
            };
            NodeStatistics {
                nulls: EXTREMES[random.below(12)],
                bounds,
            }
        };
        let group = |random: &mut Random| GroupStatistics {
            data_hash: 1,
            nodes: (0..count).map(|_| node(random)).collect(),
        };
        let groups = [group(&mut random), group(&mut random)];
        let mut contents = Vec::new();
        groups.iter().for_each(|group| group.encode(&mut contents));
        assert_eq!(
            GroupStatistics::parse_all(&contents, count, AT).unwrap(),
            groups
        );
        for column in 0..2 {
            let mut range = groups[0].column_range(&schema, column, 10);
            range.merge(groups[1].column_range(&schema, column, 10));
            for comparison in [Comparison::Less, Comparison::NotEqual, Comparison::Greater] {
                let predicate = Predicate::compare_text(format!("c{column}"), comparison, "5");
                if let Ok(bound) = predicate.bind(&schema) {
                    let _ = bound.may_match(&groups[0], 10, &schema);
                }
            }
        }
        for _ in 0..20 {
            let mut contents = contents.clone();
            change_bytes(&mut random, &mut contents);
            if let Err(error) = GroupStatistics::parse_all(&contents, count, AT) {
                assert_eq!(error.code(), "statistics");
            }
        }
    }
}

/// Rows whose code names a null were passed over by statistics, which count the codes that are null.
#[test]
fn nulls_among_the_values_of_a_dictionary_are_found() {
    let keys = arrow_array::Int32Array::from(vec![0, 1, 0]);
    let values = arrow_array::StringArray::from(vec![Some("a"), None]);
    let array = arrow_array::DictionaryArray::new(keys, Arc::new(values));
    let batch =
        RecordBatch::try_from_iter_with_nullable([("c0", Arc::new(array) as ArrayRef, true)]);
    let batch = batch.unwrap();
    let schema = schema_of(batch.schema());
    let statistics = GroupStatistics::of_rows(&schema, &batch, 1).unwrap();
    let not_null = Predicate::Not(Box::new(Predicate::IsNotNull("c0".into())));
    for predicate in [Predicate::IsNull("c0".into()), not_null] {
        let bound = predicate.bind(&schema).unwrap();
        assert_eq!(bound.evaluate(&batch).unwrap().count_set_bits(), 1);
        assert!(bound.may_match(&statistics, 3, &schema));
    }
}
