"""`RecordsMetadata`: what a file says of its records, as a value and in files."""

import io
import pickle
from pathlib import Path
from typing import Any

import pytest
from transposed_messages import POOL, Label, Visit, serialized, visit
from upstream_process import Upstream

import windrow

RECORDS = [serialized(visit(number)) for number in range(10)]
OPTIONS = ["", "group_size:5,transpose:true,zstd:3", "pad_to_block_boundary:true,brotli", "group_size:3,uncompressed"]

METADATA = windrow.RecordsMetadata(
    "shop.Visit",
    "visits of a shop",
    [b"one", b"", b"two"],
    record_writer_options="transpose",
    num_records=-(2**63),
    other_fields=b"\xc2\x3e\x03abc",
)


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("metadata", [METADATA, windrow.RecordsMetadata(), windrow.RecordsMetadata(file_comment="")])
def test_metadata_goes_both_ways(
    metadata: windrow.RecordsMetadata, options: str, tmp_path: Path, upstream: Upstream
) -> None:
    path = tmp_path / "records"
    with windrow.RecordWriter(path, options, records_metadata=metadata) as writer:
        writer.write_batch(RECORDS)
    reader = windrow.RecordReader(path)
    assert reader.records_metadata() == metadata
    assert reader.read_all() == upstream.read(path) == RECORDS
    sink = io.BytesIO()
    with windrow.RecordWriter(sink, records_metadata=metadata) as writer:
        writer.write(b"a")
    assert windrow.RecordReader(sink.getvalue()).records_metadata() == metadata
    assert windrow.verify(path, deep=True).ok


def test_files_without_metadata(upstream: Upstream, tmp_path: Path) -> None:
    theirs = upstream.write(tmp_path / "theirs", RECORDS, "group_size:5,transpose:true")
    assert windrow.RecordReader(theirs).records_metadata() is None
    ours = tmp_path / "ours"
    windrow.RecordWriter(ours, records_metadata=None).close()
    reader = windrow.RecordReader(ours)
    assert reader.records_metadata() is None
    reader.close()
    with pytest.raises(windrow.ClosedError):
        reader.records_metadata()


def test_metadata_of_a_message() -> None:
    metadata = windrow.RecordsMetadata.for_message(Visit, file_comment="visits")
    assert metadata.record_type_name == "shop.Visit" and metadata.file_comment == "visits"
    assert metadata == windrow.RecordsMetadata.for_message(Visit(), file_comment="visits")
    assert metadata == windrow.RecordsMetadata.for_message(Visit.DESCRIPTOR, file_comment="visits")
    found = [POOL.FindFileByName(name).serialized_pb for name in ("label.proto", "visit.proto")]
    assert list(metadata.file_descriptors) == found
    assert len(windrow.RecordsMetadata.for_message(Label).file_descriptors) == 1


@pytest.mark.parametrize("message", [5, "shop.Visit", None, Visit.DESCRIPTOR.fields_by_name["id"], object()], ids=repr)
def test_what_is_no_message(message: Any) -> None:
    with pytest.raises(TypeError, match="message class"):
        windrow.RecordsMetadata.for_message(message)


def test_metadata_is_a_value() -> None:
    same = windrow.RecordsMetadata("shop.Visit", file_descriptors=iter([b"a"]))
    other = windrow.RecordsMetadata("shop.Visit", file_descriptors=(b"b",))
    assert same == windrow.RecordsMetadata("shop.Visit", None, [b"a"]) != other and same != "shop.Visit"
    assert len({same, other, windrow.RecordsMetadata("shop.Visit", file_descriptors=[b"a"])}) == 2
    assert pickle.loads(pickle.dumps(METADATA)) == METADATA
    assert repr(same) == "RecordsMetadata(record_type_name='shop.Visit', file_descriptors=[<1 bytes>])"
    assert repr(windrow.RecordsMetadata()) == "RecordsMetadata()"
    assert METADATA.num_records == -(2**63) and METADATA.other_fields == b"\xc2\x3e\x03abc"
    with pytest.raises(AttributeError):
        same.record_type_name = "other"  # type: ignore[misc]
    with pytest.raises(AttributeError):
        del same._record_type_name


@pytest.mark.parametrize(
    "values",
    [
        {"record_type_name": b"a"},
        {"file_comment": 5},
        {"file_descriptors": b"a"},
        {"file_descriptors": "a"},
        {"file_descriptors": ["a"]},
        {"file_descriptors": None},
        {"record_writer_options": b""},
        {"num_records": "5"},
        {"num_records": True},
        {"other_fields": None},
    ],
    ids=str,
)
def test_values_of_another_type(values: dict[str, Any]) -> None:
    with pytest.raises(TypeError):
        windrow.RecordsMetadata(**values)


def test_a_number_that_is_too_large() -> None:
    with pytest.raises(ValueError, match="64 bits"):
        windrow.RecordsMetadata(num_records=2**63)
