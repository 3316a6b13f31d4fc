"""Windrow under the name of `array_record`, for processes that have `windrow.compat`'s folder in `sys.path`.

What is not replaced, such as `array_record.beam`, comes from upstream where that is installed.
"""

from pkgutil import extend_path

__path__ = extend_path(__path__, __name__)
