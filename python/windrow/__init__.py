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
    TailReader,
    VerifyReport,
    __version__,
    advise,
    recover,
    train_dictionary,
    verify,
)
from windrow._errors import (
    ClosedError,
    CorruptError,
    DirectoryError,
    ForbiddenError,
    LimitError,
    LockedError,
    MissingFileError,
    NoDirectoryError,
    OptionsError,
    OutOfRangeError,
    SourceError,
    StorageError,
    UnsupportedError,
    WindrowError,
    WriterError,
)
from windrow._instruction import FileInstruction
from windrow._records_metadata import RecordsMetadata

__all__ = [
    "Advice",
    "Batch",
    "ClosedError",
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
    "SourceError",
    "StorageError",
    "TailReader",
    "UnsupportedError",
    "VerifyReport",
    "WindrowError",
    "WriterError",
    "__version__",
    "advise",
    "recover",
    "train_dictionary",
    "verify",
]

for _class in (RecordReader, DataSource, Batch, Permutation):
    Sequence.register(_class)
del _class
