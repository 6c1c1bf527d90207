"""The parts of the plugin by hand, and a run of its config on tiny files."""

from __future__ import annotations

from math import log
from pathlib import Path

import numpy as np
import pytest
import torch
from mtl_plugins import load_config, train
from mtl_plugins.errors import ConfigError
from mtl_plugins.targets import Target
from PIL import Image

from shares import WETNESS, ShareHead, ShareLoss, WetnessMetric

CONFIG = Path(__file__).parents[1] / "configs" / "wetness.py"
NAN = float("nan")


def test_the_loss_is_the_one_computed_by_hand():
    raw = torch.tensor([[[[0.0, log(3), 5.0]]]])
    truth = torch.tensor([[[[1.0, 0.25, NAN]]]])
    # Shares of 1/2 and 3/4, for 1 and 1/4.
    expected = (log(2) + 0.25 * log(4 / 3) + 0.75 * log(4)) / 2
    loss = ShareLoss(loss_weight=3.0)(raw, truth, truth >= 0)
    assert loss.item() == pytest.approx(3 * expected, rel=1e-6)


@pytest.mark.parametrize("value", [1e30, NAN, float("inf")])
def test_invalid_pixels_have_no_gradient_whatever_is_predicted(value):
    head = ShareHead(in_channels=4)
    head.learn("wetness", WETNESS)
    truth = torch.rand(2, 1, 8, 8)
    truth[:, :, :3] = WETNESS.invalid
    raw = torch.randn(2, 1, 8, 8)
    raw[:, :, :3] = value
    raw.requires_grad_()
    head.losses_of(raw, truth)["share"].backward()
    known = WETNESS.known_pixels(truth)
    assert (raw.grad[~known] == 0).all() and (raw.grad[known] != 0).all()
    nothing = head.losses_of(head(torch.rand(2, 4, 8, 8)), torch.full_like(truth, NAN))
    assert nothing["share"].item() == 0
    nothing["share"].backward()


def test_only_shares_are_learned():
    with pytest.raises(ConfigError, match=r"'height' has the range \(-5, 50\)"):
        ShareHead(4).learn("height", Target("height", "scalar", range=(-5, 50)))
    with pytest.raises(ConfigError, match="'edges' is of the type 'binary'"):
        ShareHead(4).learn("edges", Target("edges", "binary"))


def test_the_metric_is_the_one_computed_by_hand():
    def sample(prediction, truth):
        maps = {WETNESS.prediction: prediction, WETNESS.truth: truth}
        return {key: dict(data=torch.tensor([[values]])) for key, values in maps.items()}

    metric = WetnessMetric()
    metric.process(None, [sample([0.5, 0.5], [0.45, NAN])])
    metric.process(None, [sample([0.0, 1.0, 0.0], [0.05, 0.5, 0.2])])
    assert metric.evaluate(size=2) == {"wetness/close": 50.0}
    assert np.isnan(metric.compute_metrics([metric.new_tally()])["wetness/close"])


def write_files(root: Path) -> None:
    """Write pictures whose truth is their brightness, with a border without truth."""
    rng = np.random.default_rng(0)
    for split in ("train", "val"):
        for index in range(4):
            shares = np.kron(rng.random((4, 8)), np.ones((8, 8)))
            truth = (shares * 254).round().astype(np.uint8)
            truth[:2] = 255
            image = np.repeat((shares * 255).astype(np.uint8)[..., None], 3, axis=2)
            for folder, values in (("rgb", image), ("wetness", truth)):
                (root / folder / split).mkdir(parents=True, exist_ok=True)
                Image.fromarray(values).save(root / folder / split / f"{index}.png")


def test_the_config_trains(tmp_path):
    write_files(tmp_path / "data")
    options = ["model.backbone.model_name=test_resnet", "train_cfg.max_epochs=2"]
    for split in ("train", "val", "test"):
        options.append(f"{split}_dataloader.dataset.data_root={tmp_path / 'data'}")
        options += [f"{split}_dataloader.{key}" for key in ("num_workers=0", "batch_size=2")]
        options.append(f"{split}_dataloader.persistent_workers=False")
    runner = train(load_config(CONFIG, options), work_dir=str(tmp_path / "run"), seed=0)
    assert runner.model.decode_head.targets() == {"wetness": WETNESS}
    losses = runner.message_hub.get_scalar("train/wetness/share").data[0]
    assert len(losses) == 4 and np.isfinite(losses).all() and losses[-1] < losses[0]
    assert 0 <= runner.message_hub.get_scalar("val/wetness/close").current() <= 100
    assert list((tmp_path / "run").glob("best_*.pth"))
