"""Every shipped config builds and does one training step and one prediction on CPU."""

from __future__ import annotations

import os

import numpy as np
import pytest
import torch
from mmengine.optim import build_optim_wrapper
from mmengine.runner import Runner
from mmseg.registry import MODELS
from PIL import Image

from mtl_plugins.engine import load_config
from tests.conftest import ROOT
from tests.engine.test_config import BRANCHED, SHIPPED


@pytest.fixture
def folders(tmp_path):
    """Random files in the layout of the folder data sets, for all their names of folders."""
    rng = np.random.default_rng(0)
    for split in ("train", "val"):
        for name in ("a", "b", "c", "d"):
            files = {
                f"rgb/{split}/{name}.png": rng.integers(0, 256, (256, 256, 3)).astype(np.uint8),
                f"label/{split}/{name}.png": rng.integers(0, 2, (256, 256)).astype(np.uint8),
                f"depth/{split}/{name}.png": rng.integers(0, 9000, (256, 256)).astype(np.uint16),
            }
            files[f"disparity/{split}/{name}.png"] = files[f"depth/{split}/{name}.png"]
            files[f"rgb/{split}/{name}.jpg"] = files[f"rgb/{split}/{name}.png"]
            for path, array in files.items():
                os.makedirs(os.path.dirname(tmp_path / path), exist_ok=True)
                Image.fromarray(array).save(tmp_path / path)
    return str(tmp_path)


def one_step_and_one_prediction(config):
    """Run a config's own data, model and optimizer once each way."""
    for split in ("train", "val"):
        config[f"{split}_dataloader"].update(
            num_workers=0, persistent_workers=False, pin_memory=False, batch_size=2
        )
    if isinstance(config.model.backbone.get("pretrained"), bool):
        config.model.backbone.pretrained = False
    network = MODELS.build(config.model)
    wrapper = build_optim_wrapper(network, config.optim_wrapper)
    before = [p.detach().clone() for p in network.parameters()]
    data = next(iter(Runner.build_dataloader(config.train_dataloader, seed=0)))
    logged = network.train().train_step(data, wrapper)
    assert all(torch.isfinite(value) for value in logged.values())
    after = list(network.parameters())
    assert all(torch.isfinite(p).all() for p in after)
    assert any(not torch.equal(a, b) for a, b in zip(before, after, strict=True))
    data = next(iter(Runner.build_dataloader(config.val_dataloader, seed=0)))
    with torch.no_grad():
        results = network.eval().val_step(data)
    for result in results:
        size = result.ori_shape
        assert result.pred_sem_seg.shape == result.pred_depth_map.shape == size
        assert torch.isfinite(result.pred_depth_map.data).all()


@pytest.mark.parametrize("path", SHIPPED, ids=lambda p: os.path.relpath(p, ROOT))
def test_one_step_and_one_prediction(path, folders, scene_options):
    with open(path, encoding="utf-8") as text:
        scenes = "street_scenes" in text.read() or "mtl_" in path
    splits = ("train", "val", "test")
    roots = [f"{split}_dataloader.dataset.data_root={folders}" for split in splits]
    one_step_and_one_prediction(load_config(path, scene_options if scenes else roots))


@pytest.mark.parametrize(
    "name",
    [
        "resnet50",
        "convnext_tiny",
        "mobilenetv3_large_100",
        "swin_tiny_patch4_window7_224",
        "vit_small_patch16_224",
    ],
)
def test_any_backbone_by_one_option(name, scene_options):
    options = [*scene_options, f"model.backbone.model_name={name}"]
    one_step_and_one_prediction(load_config(BRANCHED, options))


POTHOLES = os.environ.get("POTHOLES_ROOT")


@pytest.mark.skipif(not POTHOLES, reason="POTHOLES_ROOT is not set")
def test_potholes_decode_as_relative_depth():
    config = load_config(os.path.join(ROOT, "configs", "potholes_branched.py"))
    config.val_dataloader.update(num_workers=0, persistent_workers=False)
    loader = Runner.build_dataloader(config.val_dataloader)
    assert len(loader.dataset) == 16
    road, hole = [], []
    for data in loader:
        for sample in data["data_samples"]:
            depth, label = sample.gt_depth_map.data, sample.gt_sem_seg.data
            road.append(depth[(label == 0) & (depth > 0)].median())
            hole.append(depth[(label == 1) & (depth > 0)].median())
    # The authors' flattened disparity puts the road near 1 and every hole behind it.
    assert all(0.9 < value < 1.6 for value in road)
    assert np.mean([h > r for h, r in zip(hole, road, strict=True)]) == 1
