"""Options as strings, mappings and keywords."""

import io
from pathlib import Path
from typing import Any

import pytest

import windrow

RECORDS = [b"%d" % number * 20 for number in range(100)]


def options_of(*arguments: str, **keywords: Any) -> str:
    return windrow.RecordWriter(io.BytesIO(), *arguments, **keywords).options


def echo(group: int = 1, codec: str = "zstd:3,window_log:20", padded: str = "false") -> str:
    return f"group_size:{group},transpose:false,pad_to_block_boundary:{padded},{codec},max_parallelism:1"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "records"
    with windrow.RecordWriter(path, group_size=10) as writer:
        writer.write_batch(RECORDS)
    return path


pytestmark = pytest.mark.filterwarnings("ignore:unclosed writer:ResourceWarning")


@pytest.mark.parametrize(
    ("keywords", "expected"),
    [
        ({}, echo()),
        ({"group_size": 64}, echo(64)),
        ({"group_size": 2**31 - 1}, echo(2**31 - 1)),
        ({"codec": "zstd"}, echo()),
        ({"codec": "zstd", "level": 22}, echo(codec="zstd:22,window_log:20")),
        ({"level": -131072}, echo(codec="zstd:-131072,window_log:20")),
        ({"level": None}, echo()),
        ({"codec": "brotli"}, echo(codec="brotli:6")),
        ({"codec": "brotli", "level": 0, "window_log": 30}, echo(codec="brotli:0,window_log:30")),
        ({"codec": "snappy"}, echo(codec="snappy")),
        ({"codec": "uncompressed", "level": None}, echo(codec="uncompressed")),
        ({"window_log": 31}, echo(codec="zstd:3,window_log:31")),
        ({"window_log": None}, echo()),
        ({"pad_to_block_boundary": True}, echo(padded="true")),
        ({"max_parallelism": 3}, echo()),
        ({"max_parallelism": None}, echo()),
        ({"max_group_bytes": 1000, "group_size": 9}, echo(9)),
        ({"max_group_bytes": None}, echo()),
        ({"transpose": False}, echo()),
        ({"transpose": False, "transpose_bucket_bytes": 5}, echo()),
        ({"transpose_bucket_bytes": None}, echo()),
        ({"layout": "groups"}, echo()),
        ({"layout": "pages"}, echo(1024) + ",layout:pages"),
        ({"layout": "pages", "group_size": 9, "dictionary": "off"}, echo(9) + ",layout:pages"),
        ({"dictionary": "auto", "layout": "pages"}, echo(1024) + ",layout:pages,dictionary:auto"),
        ({"dictionary": None}, echo()),
        ({"metadata": {}}, echo()),
        ({"metadata": {"a": b"b", "c": "d", "e": bytearray(b"f")}}, echo()),
        ({"records_metadata": None}, echo()),
        ({"records_metadata": windrow.RecordsMetadata("a.B")}, echo()),
        ({"atomic": False}, echo()),
    ],
    ids=str,
)
def test_keywords_of_writers(keywords: dict[str, Any], expected: str) -> None:
    assert options_of(**keywords) == expected


@pytest.mark.parametrize(
    ("text", "keywords", "expected"),
    [
        ("", {}, echo()),
        ("group_size:5,brotli", {}, echo(5, "brotli:6")),
        (" group_size : 5 , zstd:-1 ,, ", {}, echo(5, "zstd:-1,window_log:20")),
        ("group_size:5", {"codec": "snappy"}, echo(5, "snappy")),
        ("zstd:5", {"group_size": 3}, echo(3, "zstd:5,window_log:20")),
        ("window_log:22", {"codec": "brotli", "level": 5}, echo(codec="brotli:5,window_log:22")),
        ("pad_to_block_boundary:true", {"group_size": 2}, echo(2, padded="true")),
        ("group_size:5", {"metadata": {"a": "b"}}, echo(5)),
    ],
)
def test_strings_and_keywords_of_writers(text: str, keywords: dict[str, Any], expected: str) -> None:
    assert options_of(text, **keywords) == expected


@pytest.mark.parametrize(
    ("text", "keywords"),
    [
        ("group_size:5", {"group_size": 5}),
        (" group_size:5", {"group_size": 3}),
        ("group_size :5", {"group_size": 3}),
        ("max_parallelism:1", {"max_parallelism": 2}),
        ("window_log:20", {"window_log": 21}),
        ("pad_to_block_boundary:true", {"pad_to_block_boundary": False}),
        ("zstd:3", {"codec": "brotli"}),
        ("group_size:5, zstd:3", {"codec": "brotli"}),
        ("zstd", {"level": 5}),
        ("snappy", {"codec": "snappy"}),
        ("uncompressed", {"level": None}),
    ],
)
def test_an_option_given_twice(text: str, keywords: dict[str, Any]) -> None:
    with pytest.raises(windrow.OptionsError, match="given in the option string and as a keyword") as info:
        options_of(text, **keywords)
    assert isinstance(info.value, ValueError) and info.value.code == "conflicting_options"


@pytest.mark.parametrize(
    ("keywords", "named"),
    [
        ({"group_size": 0}, "group_size"),
        ({"group_size": 2**31}, "group_size"),
        ({"group_size": 2**70}, "group_size"),
        ({"group_size": -1}, "group_size"),
        ({"group_size": 1.5}, "group_size"),
        ({"group_size": "5"}, "group_size"),
        ({"group_size": None}, "group_size"),
        ({"codec": "lz4"}, "lz4"),
        ({"codec": 5}, "codec"),
        ({"codec": "zstd:3"}, "zstd:3"),
        ({"level": 23}, "23"),
        ({"level": -131073}, "-131073"),
        ({"codec": "brotli", "level": 12}, "12"),
        ({"codec": "brotli", "level": -1}, "-1"),
        ({"codec": "snappy", "level": 1}, "snappy"),
        ({"codec": "uncompressed", "level": 0}, "uncompressed"),
        ({"level": "high"}, "level"),
        ({"window_log": 9}, "window_log"),
        ({"window_log": 32}, "window_log"),
        ({"codec": "brotli", "window_log": 31}, "window_log"),
        ({"codec": "snappy", "window_log": 20}, "window_log"),
        ({"max_group_bytes": 0}, "max_group_bytes"),
        ({"max_group_bytes": -1}, "max_group_bytes"),
        ({"max_parallelism": 0}, "max_parallelism"),
        ({"max_parallelism": -1}, "max_parallelism"),
        ({"pad_to_block_boundary": "yes"}, "pad_to_block_boundary"),
        ({"pad_to_block_boundary": 1}, "pad_to_block_boundary"),
        ({"layout": "columns"}, "layout"),
        ({"layout": None}, "layout"),
        ({"dictionary": 255, "layout": "pages"}, "dictionary"),
        ({"dictionary": "auto"}, "dictionary"),
        ({"window_log": 9, "group_size": 5}, "^window_log: "),
        ({"atomic": None}, "atomic"),
    ],
    ids=str,
)
def test_values_that_do_not_fit_writers(keywords: dict[str, Any], named: str) -> None:
    with pytest.raises(windrow.OptionsError, match=named) as info:
        options_of(**keywords)
    assert isinstance(info.value, ValueError) and "\n" not in str(info.value) and info.value.code


@pytest.mark.parametrize("metadata", [5, [("a", "b")], {"a": 5}, {5: "a"}, {b"a": "b"}, {"a": None}])
def test_metadata_that_does_not_fit(metadata: Any) -> None:
    with pytest.raises((TypeError, windrow.OptionsError)):
        options_of(metadata=metadata)


@pytest.mark.parametrize("call", [lambda: options_of(colour="red"), lambda: options_of("", "")])
def test_arguments_that_do_not_exist(call: Any) -> None:
    with pytest.raises(TypeError):
        call()


def test_an_unknown_keyword_is_named_with_the_known(path: Path) -> None:
    with pytest.raises(TypeError, match='"grop_size".*group_size, codec, level'):
        options_of(grop_size=5)
    with pytest.raises(TypeError, match='"parallelism".*readahead_buffer_bytes'):
        windrow.RecordReader(path, parallelism=5)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match='"parallelism".*readahead_buffer_bytes'):
        windrow.DataSource(path, parallelism=5)  # type: ignore[call-arg]


@pytest.mark.parametrize(
    ("text", "message", "code"),
    [
        ("grop_size:5", "Unknown option grop_size, valid options: default, group_size", "unknown_option"),
        ("group_size:5,group_size:5", "Option group_size is present more than once", "repeated_option"),
        ("group_size:0", "Option group_size: invalid value: 0, valid values", "invalid_option_value"),
        ("zstd,brotli", "Option brotli conflicts with option zstd", "conflicting_options"),
        ("group_size:a\nb", r"invalid value: a\\nb", "invalid_option_value"),
    ],
)
def test_strings_that_do_not_parse(text: str, message: str, code: str) -> None:
    with pytest.raises(windrow.OptionsError, match=message) as info:
        options_of(text)
    assert info.value.code == code and "\n" not in str(info.value)


def test_nothing_is_created_if_options_are_wrong(tmp_path: Path) -> None:
    with pytest.raises(windrow.WindrowError):
        windrow.RecordWriter(tmp_path / "x", "nothing:1")
    with pytest.raises(windrow.WindrowError):
        windrow.RecordWriter(tmp_path / "x", group_size=0)
    assert not list(tmp_path.iterdir())


READER_KEYWORDS: list[dict[str, Any]] = [
    {},
    {"readahead_buffer_bytes": 0},
    {"readahead_buffer_bytes": 1 << 30},
    {"readahead_buffer_bytes": None},
    {"max_parallelism": 0},
    {"max_parallelism": 1},
    {"max_parallelism": 3},
    {"max_parallelism": None},
    {"index_storage": "in_memory"},
    {"index_storage": "offloaded"},
    {"footer_prefetch_bytes": 0},
    {"footer_prefetch_bytes": 1 << 30},
    {"footer_prefetch_bytes": None},
    {"max_chunk_bytes": 1 << 20},
    {"max_record_bytes": 1 << 20},
    {"max_batch_bytes": 1 << 20},
    {"chunk_cache_bytes": 0},
    {"chunk_cache_bytes": 1 << 40},
    {"fields": None},
]


@pytest.mark.parametrize("keywords", READER_KEYWORDS, ids=str)
def test_keywords_of_readers(path: Path, keywords: dict[str, Any]) -> None:
    for source in (windrow.RecordReader(path, **keywords), windrow.DataSource(path, **keywords)):
        assert list(source) == source.read_all() == RECORDS
        assert source[-1] == RECORDS[-1]


@pytest.mark.parametrize(
    "options",
    [
        None,
        "",
        {},
        "readahead_buffer_size:16MB,max_parallelism:4",
        "max_parallelism:auto",
        {"readahead_buffer_size": "16MB", "max_parallelism": 4},
        {"readahead_buffer_size": 0, "index_storage_option": "offloaded"},
        {"footer_prefetch_bytes": "64KiB"},
    ],
    ids=str,
)
def test_strings_and_mappings_of_readers(path: Path, options: Any) -> None:
    for source in (windrow.RecordReader(path, options), windrow.DataSource(path, options)):
        assert list(source) == RECORDS


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ("colour:red", "unknown_option"),
        ({"colour": "red"}, "unknown_option"),
        ("max_parallelism:1,max_parallelism:1", "repeated_option"),
        ({"max_parallelism": -1}, "invalid_option_value"),
        ({"readahead_buffer_size": "16XB"}, "invalid_option_value"),
    ],
    ids=str,
)
def test_strings_and_mappings_that_do_not_fit_readers(path: Path, options: Any, code: str) -> None:
    for kind in (windrow.RecordReader, windrow.DataSource):
        with pytest.raises(windrow.OptionsError) as info:
            kind(path, options)
        assert info.value.code == code


@pytest.mark.parametrize(
    "keywords",
    [
        {"readahead_buffer_bytes": -1},
        {"readahead_buffer_bytes": (1 << 30) + 1},
        {"readahead_buffer_bytes": "16MB"},
        {"max_parallelism": -1},
        {"max_parallelism": 2**70},
        {"index_storage": "on_disk"},
        {"index_storage": None},
        {"index_storage": 5},
        {"index_storage": {}},
        {"footer_prefetch_bytes": (1 << 30) + 1},
        {"max_chunk_bytes": 0},
        {"max_chunk_bytes": None},
        {"max_record_bytes": 0},
        {"max_batch_bytes": 0},
        {"max_batch_bytes": 1.5},
        {"chunk_cache_bytes": -1},
        {"chunk_cache_bytes": None},
    ],
    ids=str,
)
def test_values_that_do_not_fit_readers(path: Path, keywords: dict[str, Any]) -> None:
    for kind in (windrow.RecordReader, windrow.DataSource):
        with pytest.raises(windrow.OptionsError) as info:
            kind(path, **keywords)
        assert next(iter(keywords)) in str(info.value) and "\n" not in str(info.value)


def test_a_value_of_a_mapping_is_one_value(path: Path) -> None:
    with pytest.raises(windrow.OptionsError, match="max_parallelism"):
        windrow.RecordReader(path, {"max_parallelism": "1,readahead_buffer_size:0"})


@pytest.mark.parametrize("options", [5, b"max_parallelism:1", ["max_parallelism:1"]])
def test_options_of_another_kind(path: Path, options: Any) -> None:
    with pytest.raises(TypeError, match="string or a mapping"):
        windrow.RecordReader(path, options)


def test_keywords_stand_above_the_string(path: Path) -> None:
    reader = windrow.RecordReader(path, "max_parallelism:1", max_parallelism=2, max_batch_bytes=10)
    with pytest.raises(windrow.LimitError):
        reader.read_all()


@pytest.mark.parametrize(
    ("keywords", "read"),
    [
        ({"max_chunk_bytes": 100}, lambda reader: reader[0]),
        ({"max_record_bytes": 10}, lambda reader: reader[0]),
        ({"max_batch_bytes": 10}, lambda reader: reader.read_batch()),
    ],
    ids=str,
)
def test_limits_name_their_option(path: Path, keywords: dict[str, Any], read: Any) -> None:
    with pytest.raises(windrow.LimitError, match=next(iter(keywords))) as info:
        read(windrow.RecordReader(path, **keywords))
    assert isinstance(info.value, ValueError)


def test_no_cache_decodes_again(path: Path) -> None:
    for keywords, decoded in (({"chunk_cache_bytes": 0}, 3), ({}, 1)):
        reader = windrow.RecordReader(path, **keywords)  # type: ignore[arg-type]
        assert [reader[number] for number in (1, 2, 3)] == RECORDS[1:4]
        assert reader.stats()["chunks_decoded"] == decoded
