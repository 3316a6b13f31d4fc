"""Arrays as record numbers, and records as arrays."""

import array
import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import windrow

RECORDS = [b"%d" % number for number in range(300)]


def content(records: list[bytes], **options: Any) -> bytes:
    sink = io.BytesIO()
    with windrow.RecordWriter(sink, **options) as writer:
        writer.write_batch(records)
    return sink.getvalue()


class Tensor:
    """Behaves as a torch tensor where it matters: a dimension, `tolist`, and `__index__` for one element."""

    def __init__(self, values: Any) -> None:
        self.values = np.asarray(values)

    @property
    def ndim(self) -> int:
        return self.values.ndim

    def tolist(self) -> Any:
        return self.values.tolist()

    def __index__(self) -> int:
        return int(self.values.item())

    def __len__(self) -> int:
        return len(self.values)

    def __iter__(self) -> Iterator["Tensor"]:
        return (Tensor(value) for value in self.values)


class Number:
    def __init__(self, number: int) -> None:
        self.number = number

    def __index__(self) -> int:
        return self.number


@pytest.fixture(params=["reader", "source"])
def source(request: pytest.FixtureRequest, tmp_path: Path) -> windrow.RecordReader | windrow.DataSource:
    path = tmp_path / "records"
    path.write_bytes(content(RECORDS, group_size=8))
    return windrow.RecordReader(path) if request.param == "reader" else windrow.DataSource(path)


WIDTHS = ["i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "intp", "uintp", "longlong", "ulonglong"]


@pytest.mark.parametrize("width", WIDTHS)
def test_numpy_integers(source: windrow.RecordReader | windrow.DataSource, width: str) -> None:
    scalar = np.dtype(width).type(7)
    assert source[scalar] == RECORDS[7]
    assert source[[scalar, scalar]] == [RECORDS[7]] * 2
    assert source[np.array([3, 100, 3], width)] == [RECORDS[3], RECORDS[100], RECORDS[3]]
    if np.dtype(width).kind == "i":
        assert source[np.dtype(width).type(-1)] == RECORDS[-1]
        assert source.read_many(np.array([-1, 0], width)) == [RECORDS[-1], RECORDS[0]]


@pytest.mark.parametrize("width", [">i2", ">u2", ">i4", ">u4", ">i8", ">u8", "<i4", "<u8"])
def test_arrays_of_either_byte_order(source: windrow.RecordReader | windrow.DataSource, width: str) -> None:
    numbers = np.array([1, 299, 256, 0], width)
    assert source[numbers] == [RECORDS[1], RECORDS[299], RECORDS[256], RECORDS[0]]
    assert source.read_batch(numbers).to_list() == source[numbers]


@pytest.mark.parametrize(
    "numbers",
    [
        [5, 1, -1, 5],
        (5, 1, -1, 5),
        [np.int64(5), 1, np.int8(-1), Number(5)],
        np.array([5, 1, -1, 5]),
        np.array([5, 0, 1, 0, -1, 0, 5])[::2],
        np.array([5, -1, 1, 5])[::-1],
        np.array([[5, 9], [1, 9], [-1, 9], [5, 9]])[:, 0],
        array.array("h", [5, 1, -1, 5]),
        memoryview(array.array("q", [5, 1, -1, 5])),
        Tensor([5, 1, -1, 5]),
        [Tensor(5), Tensor(1), Tensor(-1), Tensor(5)],
        np.array([5, 1, -1, 5], object),
    ],
    ids=lambda numbers: type(numbers).__name__,
)
def test_kinds_of_sequences(source: windrow.RecordReader | windrow.DataSource, numbers: Any) -> None:
    expected = [RECORDS[5], RECORDS[1], RECORDS[-1], RECORDS[5]]
    assert source[numbers] == expected
    assert source.read_many(numbers) == expected
    assert source.read_batch(numbers).to_list() == expected
    assert source[:][numbers] == expected


def test_ranges_generators_and_sets(source: windrow.RecordReader | windrow.DataSource) -> None:
    assert source[range(200, 10, -7)] == RECORDS[200:10:-7]
    assert source[(number for number in (4, 2))] == [RECORDS[4], RECORDS[2]]
    assert source.read_many(iter([4])) == [RECORDS[4]]
    assert sorted(source.read_many({4, 2})) == [RECORDS[2], RECORDS[4]]
    assert source[windrow.Permutation(300)[:5]] == [RECORDS[number] for number in windrow.Permutation(300)[:5]]


def test_single_numbers(source: windrow.RecordReader | windrow.DataSource) -> None:
    single: list[Any] = [np.array([9]), Tensor([9]), [9]]
    for number in (9, np.array(9), np.uint8(9), Number(9), Tensor(9)):
        assert source[number] == RECORDS[9]
        assert bytes(source.read_view(number)) == RECORDS[9]
    # As of a list.
    assert source[True] == RECORDS[1]
    # One element is a list nevertheless, because it has a dimension.
    assert [source[number] for number in single] == [[RECORDS[9]]] * 3


@pytest.mark.parametrize(
    "empty", [[], (), range(0), np.array([], int), np.array([], "u1"), Tensor(np.array([], int)), iter([])]
)
def test_no_numbers(source: windrow.RecordReader | windrow.DataSource, empty: Any) -> None:
    assert source[empty] == []
    assert source.read_many([]) == [] and len(source.read_batch([])) == 0
    assert source.read_array([], "u1").shape == (0,)


@pytest.mark.parametrize(
    "numbers",
    [
        1.0,
        "1",
        b"\x01",
        None,
        np.float64(1),
        np.bool_(True),
        [1.0],
        ["1"],
        [None],
        [[1]],
        [b"1"],
        np.array([1.0]),
        np.array([[1, 2]]),
        np.array([1 + 0j]),
        np.array(["1"]),
        np.array(["2020-01-01"], "datetime64[D]"),
        Tensor([1.0]),
        Tensor([[1, 2]]),
        object(),
        ...,
    ],
    ids=repr,
)
def test_what_is_no_number(source: windrow.RecordReader | windrow.DataSource, numbers: Any) -> None:
    with pytest.raises(TypeError, match="integer|dimension"):
        source[numbers]
    with pytest.raises(TypeError, match="integer|dimension"):
        source.read_many(numbers)


@pytest.mark.parametrize("mask", [np.array([True, False]), [True, False], Tensor([True, False]), (False, True)])
def test_masks_are_refused(source: windrow.RecordReader | windrow.DataSource, mask: Any) -> None:
    with pytest.raises(TypeError, match="flatnonzero"):
        source[mask]
    with pytest.raises(TypeError, match="flatnonzero"):
        source.read_many(mask)


def test_numbers_beyond_any_file(source: windrow.RecordReader | windrow.DataSource) -> None:
    for numbers in (np.array([2**64 - 1], "u8"), np.array([-(2**63)]), [2**64], [-(2**80)], np.array([300], "u2")):
        with pytest.raises(windrow.OutOfRangeError, match="out of range"):
            source.read_many(numbers)


FLOATS = np.random.default_rng(3).standard_normal((300, 2, 3)).astype("<f4")


@pytest.fixture(params=[1, 16])
def floats(request: pytest.FixtureRequest) -> windrow.RecordReader:
    return windrow.RecordReader(content([one.tobytes() for one in FLOATS], group_size=request.param))


def test_read_array(floats: windrow.RecordReader) -> None:
    np.testing.assert_array_equal(floats.read_array(None, "<f4", (2, 3)), FLOATS)
    np.testing.assert_array_equal(floats[::-7].read_array(None, np.float32, [2, 3]), FLOATS[::-7])
    numbers = np.array([5, -1, 5, 0])
    read = floats.read_array(numbers, np.dtype("<f4"), (2, 3))
    np.testing.assert_array_equal(read, FLOATS[numbers])
    assert read.flags.c_contiguous and read.flags.writeable and read.shape == (4, 2, 3)
    np.testing.assert_array_equal(floats.read_array([1], "<f4", 6), FLOATS[1].reshape(1, 6))
    assert floats.read_array([1], "V24").shape == (1,)
    assert floats.read_array([], "<f4", (2, 3)).shape == (0, 2, 3)


@pytest.mark.parametrize(
    "dtype",
    ["?", "i1", "<u2", ">u2", "<i8", ">f8", "<c16", "datetime64[s]", "S5", "V3", "U2", [("a", "<i4"), ("b", "u1")]],
)
def test_types_of_elements(dtype: Any) -> None:
    size = np.dtype(dtype).itemsize
    records = [bytes([number % 2] * size) for number in range(20)]
    if np.dtype(dtype).kind == "U":
        records = [np.array(chr(65 + number) * 2, dtype).tobytes() for number in range(20)]
    reader = windrow.RecordReader(content(records))
    read = reader.read_array(None, dtype)
    assert read.dtype == np.dtype(dtype) and read.shape == (20,)
    assert read.tobytes() == b"".join(records)


def test_more_records_than_one_step() -> None:
    numbers = np.arange(150_000, dtype="<u4")
    reader = windrow.RecordReader(content([number.tobytes() for number in numbers], group_size=1000))
    np.testing.assert_array_equal(reader.read_array(None, "<u4"), numbers)
    order = np.random.default_rng(1).permutation(150_000)
    np.testing.assert_array_equal(reader.read_array(order, "<u4"), order)
    with pytest.raises(ValueError, match="4 bytes instead of 2"):
        reader.read_array(order, "<u2")


def test_out(floats: windrow.RecordReader) -> None:
    out = np.full((300, 2, 3), np.nan, "<f4")
    assert floats.read_array(None, "<f4", (2, 3), out=out) is out
    np.testing.assert_array_equal(out, FLOATS)
    part = np.zeros((4, 5, 2, 3), "<f4")[1]
    assert floats.read_array(range(5), "<f4", (2, 3), part) is part
    np.testing.assert_array_equal(part, FLOATS[:5])


def read_only() -> Any:
    out = np.zeros((5, 2, 3), "<f4")
    out.flags.writeable = False
    return out


@pytest.mark.parametrize(
    "make",
    [
        lambda: np.zeros((4, 2, 3), "<f4"),
        lambda: np.zeros((5, 3, 2), "<f4"),
        lambda: np.zeros((5, 6), "<f4"),
        lambda: np.zeros((5, 2, 3), "<f8"),
        lambda: np.zeros((5, 2, 3), ">f4"),
        lambda: np.zeros((5, 2, 3), "<i4"),
        lambda: np.zeros((5, 2, 3), "<f4", order="F"),
        lambda: np.zeros((10, 2, 3), "<f4")[::2],
        read_only,
    ],
)
def test_unfit_out(floats: windrow.RecordReader, make: Callable[[], Any]) -> None:
    with pytest.raises(ValueError, match="out"):
        floats.read_array(range(5), "<f4", (2, 3), out=make())


@pytest.mark.parametrize("out", [bytearray(120), [0.0] * 30, 5])
def test_what_is_no_array(floats: windrow.RecordReader, out: Any) -> None:
    with pytest.raises(TypeError, match="out must be a"):
        floats.read_array(range(5), "<f4", (2, 3), out=out)


def test_records_of_another_size() -> None:
    records = [b"four"] * 70_000
    records[69_000] = b"seven.."
    reader = windrow.RecordReader(content(records, group_size=100))
    for read, element in ((reader, 69_000), (reader[68_990:], 10)):
        wanted = f"^element {element} of the array cannot hold record 69000, which has 7 bytes instead of 4$"
        with pytest.raises(ValueError, match=wanted):
            read.read_array(None, "S4")
    with pytest.raises(ValueError, match="4 bytes instead of 8"):
        reader.read_array([0], "u1", (2, 4))
    with pytest.raises(ValueError, match="4 bytes instead of 0"):
        reader.read_array([0], "u1", 0)


@pytest.mark.parametrize(("dtype", "shape"), [("O", None), ("V0", None), ("u1", (2**40, 2**40)), ("u8", 2**62)])
def test_arrays_that_cannot_be(floats: windrow.RecordReader, dtype: str, shape: Any) -> None:
    with pytest.raises(ValueError):
        floats.read_array([0, 1], dtype, shape)


@pytest.mark.parametrize(("dtype", "shape"), [("no such type", None), ("u1", 1.5), ("u1", "2"), ("u1", (1, None))])
def test_arguments_that_are_none(floats: windrow.RecordReader, dtype: str, shape: Any) -> None:
    with pytest.raises(TypeError):
        floats.read_array([0], dtype, shape)


def test_a_negative_shape(floats: windrow.RecordReader) -> None:
    for shape in (-1, (2, -1)):
        with pytest.raises((TypeError, ValueError, OverflowError)):
            floats.read_array([0], "u1", shape)


def test_arrays_obey_limits_and_ranges() -> None:
    reader = windrow.RecordReader(content(RECORDS[:100]), max_batch_bytes=50)
    with pytest.raises(windrow.LimitError, match="max_batch_bytes"):
        reader.read_array(range(100), "u1")
    with pytest.raises(windrow.OutOfRangeError):
        reader.read_array([100], "u1")
