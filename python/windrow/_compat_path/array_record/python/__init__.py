"""The modules `array_record_module` and `array_record_data_source` of Windrow, under their old names."""

from pkgutil import extend_path

__path__ = extend_path(__path__, __name__)
