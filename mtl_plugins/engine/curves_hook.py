"""Curves that go on where the weights go on."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmseg.registry import HOOKS

CURVES = "curves"
"""Where a checkpoint's `meta` says how long the log files were, in bytes."""


@HOOKS.register_module()
class CurvesHook(Hook):
    """Cut the logged curves to the checkpoint that a run goes on from.

    A run that goes on repeats what it had done since its last checkpoint, and would log it twice.
    So each checkpoint remembers how long the files of scalars (JSON and TensorBoard, in
    `<time>/vis_data`) were; where a run goes on they are cut to that length, and files that were
    begun later are removed. All of a run's files together then hold every point of its curves
    exactly once, however often it was stopped; `train` does the same where it is asked to go on and
    there is no checkpoint yet. The text log (`<time>.log`) stays whole.
    """

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        """Remember how long the files are."""
        for backend in runner.visualizer._vis_backends.values():
            # TensorBoard's writer keeps points back for minutes.
            writer = vars(backend).get("_tensorboard")
            if writer is not None:
                writer.flush()
        checkpoint["meta"][CURVES] = {
            str(path.relative_to(runner.work_dir)): path.stat().st_size
            for path in curve_files(runner.work_dir)
        }

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        """Cut the files of earlier runs, where this one goes on from one of theirs."""
        lengths = checkpoint.get("meta", {}).get(CURVES)
        if runner._resume and lengths is not None and is_main_process():
            # A checkpoint of another folder says nothing about the files in this one.
            folder = Path(runner.work_dir).resolve()
            origin = Path(runner._load_from or folder / "any").resolve().parent
            if origin == folder or any((folder / name).exists() for name in lengths):
                cut_curves(runner.work_dir, lengths, runner.timestamp)


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
