"""A sharded model trains like one copied by DDP, and its checkpoints are whole."""

from __future__ import annotations

import json

import pytest
import torch

from mtl_plugins.engine import ShardedModel, evaluate
from mtl_plugins.errors import ConfigError
from tests.batches import model
from tests.engine.test_processes import config_of, rank_run
from tests.ranks import run_ranks

OPTIONS = [
    "model.balancer._delete_=True",
    "model.balancer.type=GradientBalancer",
    "model.balancer.weighting=AlignedMTL",
    "optim_wrapper.clip_grad.max_norm=1.0",
    "optim_wrapper.optimizer.type=SGD",
    "optim_wrapper.optimizer.momentum=0.9",
    "train_cfg.max_epochs=1",
]


@pytest.mark.slow
def test_sharded_and_resumed_it_ends_like_a_copied_one(scene_options, tmp_path):
    """Two processes; the sharded run is interrupted within its only epoch, of three steps."""
    for wrapper, codes in [("MMDistributedDataParallel", (0,)), ("ShardedModel", (75, 0))]:
        folder = tmp_path / wrapper
        folder.mkdir()
        for code in codes:
            hook = dict(type="RecordHook", rank=1 if code else None, iteration=1)
            config = config_of(scene_options, hook, *OPTIONS)
            config.model_wrapper_cfg = dict(type=wrapper)
            found, output = run_ranks(2, rank_run, folder, config, folder)
            assert found == [code, code], output
    copied, sharded = (tmp_path / name for name in ("MMDistributedDataParallel", "ShardedModel"))
    first, second = (
        torch.load(each / "epoch_1.pth", weights_only=True) for each in (copied, sharded)
    )
    for part in ("state_dict", "optimizer"):
        assert_close(first[part], second[part])
    # Each process validates with the statistics of the checkpoint.
    alone = evaluate(config, str(sharded / "epoch_1.pth"), str(tmp_path / "alone"))
    for folder in (copied, sharded):
        assert_close(alone, {name: metrics(folder)[name] for name in alone})


def test_models_that_cannot_be_sharded_are_refused():
    with pytest.raises(ConfigError, match=r"level='features'"):
        ShardedModel(
            model(balancer=dict(type="GradientBalancer", weighting="UPGrad", level="parameters"))
        )
    with pytest.raises(ConfigError, match="no part 'encoder'"):
        ShardedModel(model(), units=["encoder"])


def metrics(folder):
    """Return the values that the last validation logged."""
    [path] = [path for path in folder.glob("*/vis_data/scalars.json") if "mIoU" in path.read_text()]
    *_, last = path.read_text().splitlines()
    return json.loads(last)


def assert_close(first, second):
    if isinstance(first, dict):
        assert first.keys() == second.keys()
        for key in first.keys() - {"fused"}:
            assert_close(first[key], second[key])
    elif isinstance(first, list):
        assert len(first) == len(second)
        for pair in zip(first, second, strict=True):
            assert_close(*pair)
    elif isinstance(first, torch.Tensor):
        # Small elements are sums of large ones, whose rounding depends on their order.
        assert torch.allclose(first.float(), second.float(), rtol=1e-4, atol=5e-6)
    elif isinstance(first, float):
        assert first == pytest.approx(second, rel=1e-4)
    else:
        assert first == second
