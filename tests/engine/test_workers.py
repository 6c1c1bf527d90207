"""Loader workers end with their run."""

from __future__ import annotations

import multiprocessing

from mtl_plugins.config import load_config
from mtl_plugins.engine import train
from tests.config.test_config import BRANCHED


def test_persistent_workers_end_with_the_run(scene_options, tmp_path):
    """Without waiting: garbage collection would wait for each, then kill it."""
    options = [*scene_options, "train_cfg.max_epochs=1"]
    for part in ("train", "val"):
        options += [
            f"{part}_dataloader.num_workers=1",
            f"{part}_dataloader.persistent_workers=True",
        ]
    runner = train(load_config(BRANCHED, options), str(tmp_path))
    assert multiprocessing.active_children() == []
    assert runner.val_dataloader._iterator is None
