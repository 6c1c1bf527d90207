"""Curves that go on where the weights go on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmseg.registry import HOOKS

from ..curve_files import CURVES, curve_files, cut_curves


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
