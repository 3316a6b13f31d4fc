"""Stands in for `array_record.python.array_record_module`.

The same two classes, with the same methods, over Windrow. See `windrow.compat` for programs that import them under
their old name.
"""

from windrow._core import ArrayRecordReader, ArrayRecordWriter

__all__ = ["ArrayRecordReader", "ArrayRecordWriter"]
