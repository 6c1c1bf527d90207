"""Values kept on the device give the same curves, and checkpoints have all of them."""

from __future__ import annotations

import numpy as np
import pytest

from mtl_plugins.checkpoints import from_plain, load_checkpoint
from mtl_plugins.config import load_config
from mtl_plugins.engine import train
from tests.config.test_config import BRANCHED

# Three iterations an epoch: a log after the second, checkpoints after each.
OPTIONS = [
    "model.backbone.model_name=test_resnet",
    "model.decode_head.decoder.channels=8",
    "train_cfg.max_epochs=2",
    "train_cfg.val_interval=9",
    "default_hooks.logger.interval=2",
    "default_hooks.checkpoint.interval=1",
    "default_hooks.checkpoint.by_epoch=False",
    "default_hooks.checkpoint.max_keep_ckpts=-1",
    "default_hooks.checkpoint.save_best=None",
]


@pytest.fixture(scope="module")
def runs(scene_options, tmp_path_factory):
    """Train with our hook and with mmengine's; return work dirs and histories."""
    found = {}
    for hook in ("ScalarsHook", "RuntimeInfoHook"):
        work_dir = tmp_path_factory.mktemp(hook)
        config = load_config(BRANCHED, [*scene_options, *OPTIONS])
        config.default_hooks.runtime_info.type = hook
        config.default_hooks.update(panels=None, report=None, summary=None)
        hub = train(config, str(work_dir), seed=1).message_hub
        found[hook] = work_dir, hub.log_scalars
    return found


def test_the_curves_are_the_same(runs):
    (_, ours), (_, theirs) = runs["ScalarsHook"], runs["RuntimeInfoHook"]
    assert {"train/loss", "train/semseg/ce", "train/depth/silog"} <= set(ours)
    for name in theirs:
        assert len(ours[name].data[0]) == len(theirs[name].data[0])
        if not name.endswith("time"):
            np.testing.assert_array_equal(ours[name].data[0], theirs[name].data[0])


@pytest.mark.parametrize("iteration", [1, 2, 3, 4, 6])
def test_checkpoints_between_two_logs_are_complete(runs, iteration):
    work_dir, history = runs["ScalarsHook"]
    hub = from_plain(load_checkpoint(work_dir / f"iter_{iteration}.pth")["message_hub"])
    values = hub["log_scalars"]["train/loss"].data[0]
    np.testing.assert_array_equal(values, history["train/loss"].data[0][:iteration])
