"""Hides installed packages from a test program and its children: those that `WINDROW_TEST_HIDE` names."""

import importlib.abc
import importlib.machinery
import os
import sys

HIDDEN = set(os.environ["WINDROW_TEST_HIDE"].split(","))


class Hider(importlib.abc.MetaPathFinder):
    def find_spec(self, fullname, path=None, target=None):
        if fullname.partition(".")[0] not in HIDDEN:
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.origin is not None and "_compat_path" in spec.origin:
            return spec  # Windrow under upstream's name is not hidden.
        raise ModuleNotFoundError(f"No module named {fullname!r}", name=fullname)


sys.meta_path.insert(0, Hider())
