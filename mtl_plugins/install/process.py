"""Facts about this process that need no other package: its start and its processor."""

from __future__ import annotations

import os
import platform
import re
import sys

INFO = "mtl_plugins.info"
"""Module that must answer even if nothing else can be imported."""

CPU_INFO = "/proc/cpuinfo"


def started_module() -> str:
    """Return the module that `python -m` is about to run; "" if Python runs something else.

    Python imports this package before that module runs.
    """
    if getattr(sys, "argv", None) is None or sys.argv[:1] != ["-m"]:
        return ""
    for place, argument in enumerate(sys.orig_argv):
        # -m may follow other flags, and the name may be part of the argument or the next one.
        if found := re.fullmatch(r"-[a-zA-Z]*?m(.*)", argument):
            return found[1] or sys.orig_argv[place + 1]
    return ""


def cpu_name() -> str:
    """Return the model of the CPU, or what the platform reports."""
    # Only Linux reports the model, and Python has no function for it.
    if os.path.isfile(CPU_INFO):
        with open(CPU_INFO, encoding="utf-8") as file:
            if found := re.search(r"^model name[ \t]*:[ \t]*(.*\S)", file.read(), re.MULTILINE):
                return found[1]
    return platform.processor() or platform.machine()
