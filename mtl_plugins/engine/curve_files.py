"""The files of scalars of a work dir."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

CURVES = "curves"
"""Where a checkpoint's `meta` says how long the log files were, in bytes."""


def cut_curves(work_dir: str, lengths: Mapping[str, int], own: str | None = None) -> None:
    """Cut the files of scalars of a work dir to the lengths given, and remove all others.

    Args:
        work_dir: its paths in `lengths` are relative to it.
        lengths: in bytes; a file that is shorter is left as it is.
        own: name of a folder that is left alone.
    """
    for path in curve_files(work_dir):
        name = path.relative_to(work_dir)
        if own in name.parts:
            continue
        length = lengths.get(str(name))
        if length is None:
            path.unlink(missing_ok=True)
        elif length < path.stat().st_size:
            os.truncate(path, length)


def curve_files(work_dir: str) -> list[Path]:
    """Return the files of scalars of all training runs in a work dir, in their order of time."""
    return sorted(
        path
        for scalars in Path(work_dir).glob("*/vis_data/scalars.json")
        for path in scalars.parent.iterdir()
        if path.suffix == ".json" or ".tfevents." in path.name
    )
