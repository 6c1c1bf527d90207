"""All processes skip or end when one of them has a bad image or gets a signal."""

from __future__ import annotations

import os

from mmengine.hooks import Hook
from mmseg.registry import HOOKS

from mtl_plugins.checkpoints import latest_checkpoint
from mtl_plugins.engine import train
from tests.engine.faulty_parts import spoiled
from tests.engine.tiny_run import tiny_config
from tests.ranks import run_ranks


@HOOKS.register_module()
class OneRankSignalHook(Hook):
    """Send SIGTERM to the process of rank 1 alone."""

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        if runner.rank == 1 and runner.iter == 2:
            os.kill(os.getpid(), 15)


def rank_run(rank, config, work_dir):
    train(config, str(work_dir), resume="auto", launcher="pytorch", seed=5)


def test_all_processes_skip_the_same_steps_and_end_after_the_same_one(scene_options, tmp_path):
    """One process has the bad image, the other gets the signal."""
    one_each = ["train_dataloader.batch_size=1", "train_cfg.max_epochs=3"]
    config = tiny_config(scene_options, *one_each, hooks=[dict(type="OneRankSignalHook")])
    codes, [output, _] = run_ranks(2, rank_run, tmp_path, spoiled(config, "000002.jpg"), tmp_path)
    assert codes == [75, 75], output
    path, state = latest_checkpoint(str(tmp_path))
    assert path.endswith("interrupted.pth")
    assert (state["meta"]["epoch"], state["meta"]["iter"]) == (0, 3)
    assert all(value.isfinite().all() for value in state["state_dict"].values())
    skipped = [line for line in output.splitlines() if "The step was skipped" in line]
    assert len(skipped) == 1 and skipped[0].count(".jpg") == 1 and "000002.jpg" in skipped[0]
