"""Steps whose losses or gradients are not finite are skipped, and end training at a limit."""

from __future__ import annotations

import copy

import pytest
import torch
from mmengine.hooks import Hook

from mtl_plugins.checkpoints import latest_checkpoint, load_checkpoint
from mtl_plugins.config import run_config
from mtl_plugins.engine import MultiTaskRunner
from mtl_plugins.engine.hooks import NonFiniteError, NonFiniteHook
from mtl_plugins.errors import ConfigError
from tests.engine.faulty_parts import spoiled, with_loss
from tests.engine.tiny_run import tiny_config

FILE = "000002.jpg"


class Witness(Hook):
    """Keep the state before each iteration, and the files of its batch."""

    def __init__(self):
        self.states, self.files = [], []

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        self.states.append(state_of(runner))
        self.files.append([sample.img_path for sample in data_batch["data_samples"]])


def state_of(runner):
    optimizer = runner.optim_wrapper.optimizer.state_dict()["state"]
    return copy.deepcopy(dict(model=runner.model.state_dict(), **{"optimizer": optimizer}))


def unchanged(before, after):
    old, new = before["optimizer"], after["optimizer"]
    weights = all(torch.equal(before["model"][k], after["model"][k]) for k in before["model"])
    return weights and all(torch.equal(old[i][k], new[i][k]) for i in new for k in new[i] if old)


def trained(config, work_dir):
    """Train; return the runner and its witness."""
    config = run_config(config, work_dir=str(work_dir))
    config.randomness = dict(seed=5)
    config.val_dataloader = config.val_cfg = config.val_evaluator = None
    runner, witness = MultiTaskRunner.from_cfg(config), Witness()
    runner.register_hook(witness, "HIGHEST")
    try:
        runner.train()
    finally:
        witness.states.append(state_of(runner))
    return runner, witness


def log_of(work_dir):
    return next(work_dir.glob("*/*.log")).read_text()


@pytest.mark.parametrize("optimizer", [dict(), dict(fused=True)], ids=["default", "fused"])
def test_only_the_step_of_a_bad_batch_is_skipped(scene_options, tmp_path, optimizer):
    """Weights, statistics, momenta and balancer stay unchanged, also if the device decides."""
    options = ["model.balancer._delete_=True", "model.balancer.type=LossBalancer"]
    config = tiny_config(scene_options, *options, "model.balancer.scalarizer=DWA")
    config.optim_wrapper.optimizer.update(optimizer)
    runner, witness = trained(spoiled(config, FILE), tmp_path)
    skipped = [unchanged(*pair) for pair in zip(witness.states, witness.states[1:], strict=False)]
    bad = [any(path.endswith(FILE) for path in files) for files in witness.files]
    assert skipped == bad and sum(bad) == 2
    assert all(value.isfinite().all() for value in runner.model.state_dict().values())
    lines = [line for line in log_of(tmp_path).splitlines() if "The step was skipped" in line]
    assert len(lines) == 2
    for line, iteration in zip(lines, [i for i, is_bad in enumerate(bad) if is_bad], strict=True):
        assert f"Iteration {iteration + 1}: semseg/ce = nan, depth/silog = nan" in line
        assert all(path in line for path in witness.files[iteration])


def test_accumulated_batches_are_skipped_together(scene_options, tmp_path):
    config = tiny_config(scene_options, "optim_wrapper.accumulative_counts=3")
    config.train_cfg.max_epochs = 1
    _, witness = trained(spoiled(config, FILE), tmp_path)
    assert unchanged(witness.states[0], witness.states[-1])
    lines = [line for line in log_of(tmp_path).splitlines() if "The step was skipped" in line]
    assert len(lines) == 1 and lines[0].count(".jpg") == 6


def test_too_many_bad_steps_stop_training_with_a_file_for_inspection(scene_options, tmp_path):
    config = spoiled(tiny_config(scene_options))
    config.default_hooks.nonfinite.limit = 2
    with pytest.raises(NonFiniteError, match=r"2 steps in a row.*nonfinite\.pt holds"):
        trained(config, tmp_path)
    inspected = load_checkpoint(tmp_path / "nonfinite.pt")
    assert all(value.isfinite().all() for value in inspected["state_dict"].values())
    batch = inspected["batch"]
    assert len(batch["img_path"]) == len(batch["inputs"]) == len(batch["targets"]) == 2
    assert all(image[0, 0, 0].isnan() for image in batch["inputs"])
    assert batch["targets"][0].keys() == {"gt_sem_seg", "gt_depth_map"}
    assert batch["not_finite"] == ["semseg/ce = nan", "depth/silog = nan"]
    assert latest_checkpoint(str(tmp_path)) is None


def test_a_step_with_bad_gradients_alone_is_skipped(scene_options, tmp_path):
    config = with_loss(tiny_config(scene_options), "RootLoss")
    config.train_cfg.max_epochs = 1
    _, witness = trained(config, tmp_path)
    assert unchanged(witness.states[0], witness.states[-1])
    text = log_of(tmp_path)
    assert "all losses are finite, but gradients are not" in text
    assert "3 in a row; training stops at 10" in text


def test_a_limit_below_one_is_refused():
    with pytest.raises(ConfigError, match="limit=0"):
        NonFiniteHook(limit=0)
