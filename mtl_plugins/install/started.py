"""Which module Python was started with: it imports this package before that module runs."""

from __future__ import annotations

import re
import sys

NEW_PLUGIN, INFO = "mtl_plugins.new_plugin", "mtl_plugins.info"
"""Modules that answer at once, or where nothing can be imported."""


def started_module() -> str:
    """Return the module that `python -m` is about to run; "" where it runs something else."""
    if getattr(sys, "argv", None) is None or sys.argv[:1] != ["-m"]:
        return ""
    for place, argument in enumerate(sys.orig_argv):
        # Alone, or behind other flags, with the name behind it or in the next argument.
        if found := re.fullmatch(r"-[a-zA-Z]*?m(.*)", argument):
            return found[1] or sys.orig_argv[place + 1]
    return ""
