"""`windrow.array_record_data_source` under its old name: the same module, not a copy."""

import sys

from windrow import array_record_data_source

sys.modules[__name__] = array_record_data_source
