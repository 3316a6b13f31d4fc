"""Chunked record files, byte-compatible with ArrayRecord: written in parallel, read at random or in order.

    with windrow.RecordWriter("words.array_record", group_size=64) as writer:
        writer.write_batch([b"wheat", b"barley", b"rye"])

    with windrow.RecordReader("words.array_record") as reader:
        reader[1], reader[-1], reader[[2, 0]], len(reader)

Users of `array_record` find its modules as `windrow.array_record_module` and `windrow.array_record_data_source`, and
under its own name after `windrow.compat.install()`.
"""

from collections.abc import Sequence

from windrow._core import (
    Advice,
    Batch,
    Column,
    DataSource,
    Dictionary,
    Fault,
    Outcome,
    Permutation,
    PermutationIterator,
    RecordIterator,
    RecordReader,
    RecordWriter,
    Recovered,
    RecoveryReport,
    Table,
    TableReader,
    TableScan,
    TableSchema,
    TableSource,
    TableSummary,
    TableWriter,
    TailReader,
    VerifyReport,
    __version__,
    advise,
    open,
    read_table,
    recover,
    train_dictionary,
    verify,
    write_table,
)
from windrow._errors import (
    ClosedError,
    CorruptError,
    DirectoryError,
    ForbiddenError,
    LimitError,
    LockedError,
    MissingFileError,
    NoColumnError,
    NoDirectoryError,
    OptionsError,
    OutOfRangeError,
    SchemaError,
    SourceError,
    StorageError,
    UnsupportedError,
    WindrowError,
    WriterError,
)
from windrow._instruction import FileInstruction
from windrow._polars import scan
from windrow._records_metadata import RecordsMetadata

__all__ = [
    "Advice",
    "Batch",
    "ClosedError",
    "Column",
    "CorruptError",
    "DataSource",
    "Dictionary",
    "DirectoryError",
    "Fault",
    "FileInstruction",
    "ForbiddenError",
    "LimitError",
    "LockedError",
    "MissingFileError",
    "NoColumnError",
    "NoDirectoryError",
    "OptionsError",
    "OutOfRangeError",
    "Outcome",
    "Permutation",
    "PermutationIterator",
    "RecordIterator",
    "RecordReader",
    "RecordWriter",
    "RecordsMetadata",
    "Recovered",
    "RecoveryReport",
    "SchemaError",
    "SourceError",
    "StorageError",
    "Table",
    "TableReader",
    "TableScan",
    "TableSchema",
    "TableSource",
    "TableSummary",
    "TableWriter",
    "TailReader",
    "UnsupportedError",
    "VerifyReport",
    "WindrowError",
    "WriterError",
    "__version__",
    "advise",
    "open",
    "read_table",
    "recover",
    "scan",
    "train_dictionary",
    "verify",
    "write_table",
]

# Not tables: polars and others would take them for lists of dicts, and look no further for Arrow.
for _class in (RecordReader, DataSource, Batch, Permutation):
    Sequence.register(_class)
del _class
