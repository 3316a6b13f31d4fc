"""`windrow.array_record_module` under its old name: the same module, not a copy."""

import sys

from windrow import array_record_module

sys.modules[__name__] = array_record_module
