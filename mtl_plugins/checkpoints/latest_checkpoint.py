"""The checkpoint that a run goes on from."""

from __future__ import annotations

import logging
import os
import re
from pathlib import Path
from typing import Any

from mmengine.logging import print_log

from ..utils import UNFINISHED, replaced
from .checkpoint_io import CheckpointError, load_checkpoint

INTERRUPTED = "interrupted.pth"
"""The checkpoint of a run that was told to end; the next regular one supersedes it."""

STATE = ("meta", "state_dict", "message_hub", "optimizer")
"""What a checkpoint must hold to go on from; the best one of a run, say, holds weights only."""


def load_resumable(path: str) -> dict[str, Any]:
    """Read a checkpoint that a run can go on from.

    Raises:
        FileNotFoundError: there is no such file.
        CheckpointError: the file is damaged, would need pickle, or lacks a part of `STATE`.
    """
    checkpoint = load_checkpoint(path)
    missing = [part for part in STATE if part not in checkpoint]
    if missing:
        raise CheckpointError(
            f"checkpoint {path} has no {', '.join(missing)}, so no training can go on from it. To "
            "start a new one with its weights set load_from in the config."
        )
    return checkpoint


def latest_checkpoint(folder: str) -> tuple[str, dict[str, Any]] | None:
    """Return the path and contents of the newest checkpoint that a run can go on from, or None.

    Files are tried from the newest to the oldest; the one that the file `last_checkpoint` names has
    no privilege, for a run may have been killed between the two. What is damaged or was never
    finished is named in the log and passed over; best checkpoints (`best_*.pth`) hold weights
    only.
    """
    for path in sorted(Path(folder).glob("*.pth*"), key=_age, reverse=True):
        try:
            if path.suffix == UNFINISHED:
                raise CheckpointError(f"checkpoint {path} was never finished.")
            if path.suffix == ".pth" and not path.name.startswith("best_"):
                return str(path), load_resumable(str(path))
        except CheckpointError as error:
            print_log(f"Passed over: {error}", logger="current", level=logging.WARNING)
    print_log(f"{folder} holds no checkpoint to go on from.", logger="current")
    return None


def point_at(checkpoint: str, work_dir: str) -> None:
    """Name a checkpoint as the last one, where mmengine looks for it."""
    with (
        replaced(os.path.join(work_dir, "last_checkpoint")) as unfinished,
        open(unfinished, "w", encoding="utf-8") as file,
    ):
        file.write(checkpoint)


def _age(path: Path) -> tuple[int, list[int]]:
    """Return what sorts by time and, within one tick of the file system's clock, by number."""
    return path.stat().st_mtime_ns, [int(number) for number in re.findall(r"\d+", path.name)]
