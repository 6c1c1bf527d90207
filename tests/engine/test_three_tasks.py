"""configs/mtl_normals.py through the commands: several metrics, pictures, the best checkpoint."""

from __future__ import annotations

import glob
import json
import os

import pytest

from mtl_plugins.config import final_config, load_config
from tests.commands import SMALL, call
from tests.conftest import ROOT

pytestmark = pytest.mark.slow

CONFIG = "configs/mtl_normals.py"


def test_train_test_and_image_blind_with_a_list_of_metrics(tmp_path, scene_options):
    options = [*scene_options, *SMALL, "train_cfg.max_epochs=1"]
    run = ("--work-dir", str(tmp_path), "--cfg-options", *options)
    output = call("train.py", CONFIG, *run).stdout
    assert "normals, mean angle" in output and "image-blind" in output
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert 0 < summary["metrics"]["normals/mean_angle"] < 180
    assert "semseg/mIoU" in summary["metrics"] and "depth/rmse" in summary["image_blind"]
    assert glob.glob(str(tmp_path / "panels" / "*" / "*.png"))
    test = call("test.py", CONFIG, str(tmp_path / "epoch_1.pth"), *run).stdout
    assert f"{summary['metrics']['normals/median_angle']:.3f}" in test
    blind = call("image_blind.py", CONFIG, "--cfg-options", *options).stdout
    assert f"{summary['image_blind']['depth/si_log_rmse']:.3f}" in blind


@pytest.mark.parametrize(
    ("tasks", "best"),
    [
        (("semseg", "depth", "normals"), ("multitask/score", "greater")),
        (("semseg", "normals"), ("semseg/mIoU", "greater")),
        (("depth", "normals"), ("depth/si_log_rmse", "less")),
        (("normals",), ("normals/mean_angle", "less")),
    ],
)
def test_the_best_checkpoint_is_kept_by_what_the_tasks_have(tmp_path, tasks, best):
    config = load_config(os.path.join(ROOT, CONFIG))
    heads = config.model.decode_head.task_heads
    config.model.decode_head.task_heads = {task: heads[task] for task in tasks}
    hook = final_config(config).default_hooks.checkpoint
    assert (hook.save_best, hook.rule) == best
