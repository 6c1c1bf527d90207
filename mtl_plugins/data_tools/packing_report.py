"""Packing with a progress bar and a report."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mmengine.config import Config

from ..config import pack_config
from ..utils import ProgressLine, check_results


def report_packing(config: Config, folder: str, **options: Any) -> None:
    """Pack the data sets of a config, show the progress and print how to train from them."""
    check_results(folder=folder)
    with ProgressLine("packing") as line:

        def show(name: str, done: int, total: int) -> None:
            line.update(done, f"packing {name}", total)

        skipped = pack_config(config, folder, show, **options)
    for problem in skipped:
        print(f"left out: {problem}")
    print(f"{folder}: {folder_bytes(folder) / 1e6:.1f} MB, {len(skipped)} samples left out.")
    print(f"Train from it with `python tools/train.py {config.filename} --packed {folder}`.")


def folder_bytes(folder: str) -> int:
    """Return the size of all files below a folder."""
    return sum(file.stat().st_size for file in Path(folder).rglob("*") if file.is_file())
