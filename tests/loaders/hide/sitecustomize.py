"""First in `PYTHONPATH`, hides the installed `array_record`: only one that stands outside of site-packages is found.

Inherited by child processes, as a missing package would be.
"""

from __future__ import annotations

import importlib.machinery
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType


class Hide:
    """Finds `array_record` everywhere but among installed packages."""

    @staticmethod
    def find_spec(
        name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if name != "array_record":
            return None
        elsewhere = [entry for entry in sys.path if Path(entry).name != "site-packages"]
        spec = importlib.machinery.PathFinder.find_spec(name, elsewhere, target)
        if spec is None:
            raise ModuleNotFoundError(f"No module named '{name}'", name=name)
        return spec


sys.meta_path.insert(0, Hide)  # type: ignore[arg-type]
