//! Schemas as messages.

use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::{DataType, Field, Schema};
use windrow_columnar::constants::MAX_SCHEMA_DEPTH;
use windrow_columnar::{ColumnSchema, Strings};

use crate::forge::{AT, Forged, read_whole, schema_of};
use crate::random::{Random, random_type};
use crate::shared::{empty_nodes, item};

#[test]
fn deep_schemas_come_back() {
    let mut data_type = DataType::Int32;
    for depth in 0..80 {
        let field = Field::new("x", data_type.clone(), true);
        let Ok(schema) = ColumnSchema::new(Arc::new(Schema::new(vec![field]))) else {
            // The type alone is no level.
            assert_eq!(depth, MAX_SCHEMA_DEPTH + 1);
            return;
        };
        ColumnSchema::parse(schema.message(), AT)
            .unwrap_or_else(|error| panic!("{depth}: {error}"));
        data_type = DataType::List(item(data_type));
    }
    panic!("no depth is too deep");
}

#[test]
fn schemas_that_are_none() {
    let mut random = Random(5);
    let mut parsed = 0;
    for _ in 0..300 {
        let fields: Vec<Field> = (0..1 + random.below(3))
            .map(|number| Field::new(format!("c{number}"), random_type(&mut random, 2), true))
            .collect();
        let sound = schema_of(Arc::new(Schema::new(fields)));
        for _ in 0..100 {
            let mut message = sound.message().to_vec();
            for _ in 0..1 + random.below(3) {
                let place = random.below(message.len());
                match random.below(4) {
                    0 => message[place] ^= 1 << random.below(8),
                    1 => message[place] = [0, 1, 2, 0x7f, 0xff, 16, 32, 64][random.below(8)],
                    2 => message[place] = message[random.below(message.len())],
                    _ => {
                        let place = place & !3;
                        let value = u32::try_from(random.below(64)).unwrap();
                        message[place..place + 4].copy_from_slice(&value.to_le_bytes());
                    }
                }
            }
            match ColumnSchema::parse(&message, AT) {
                Ok(schema) => {
                    parsed += 1;
                    // What can be parsed can be read.
                    let batch = RecordBatch::new_empty(Arc::clone(schema.arrow()));
                    assert_eq!(batch.num_columns(), schema.arrow().fields().len());
                    read_nulls(&schema);
                    for strings in [Strings::Plain, Strings::Large, Strings::View] {
                        let _ = schema.with_strings(strings);
                    }
                }
                Err(error) => assert_eq!(error.code(), "schema", "{error}"),
            }
        }
    }
    assert!(parsed > 1000, "{parsed}");
}

/// Two rows that are all null.
fn read_nulls(schema: &ColumnSchema) {
    let fields = schema.arrow().fields().iter();
    let nodes = fields
        .flat_map(|field| empty_nodes(field.data_type(), 2))
        .collect();
    let sealed = Forged::new(schema, 2, nodes).seal();
    if let Err(error) = read_whole(schema, &sealed) {
        assert!(["column_front", "page"].contains(&error.code()), "{error}");
    }
}
