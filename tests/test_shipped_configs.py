"""Every shipped config builds, does one training step, predicts and is measured, on CPU."""

from __future__ import annotations

import json
import os
import re
from functools import partial

import numpy as np
import pytest
import torch
from mmengine.evaluator import Evaluator
from mmengine.optim import build_optim_wrapper
from mmengine.runner import Runner
from mmseg.registry import MODELS

from mtl_plugins.config import final_config, load_config, print_config
from tests.config.test_config import BRANCHED, SHIPPED
from tests.conftest import ROOT
from tests.datasets import layouts

WEATHERS = ("clone", "fog", "morning", "overcast", "rain", "sunset")
SMALL = (32, 64)
LAYOUTS = {
    "cityscapes": partial(layouts.write_cityscapes, size=SMALL),
    "kitti": partial(layouts.write_kitti, size=SMALL),
    "miniscapes": partial(layouts.write_miniscapes, size=SMALL),
    "nyud": partial(layouts.write_nyud, size=SMALL),
    "nyuv2": partial(layouts.write_nyuv2, size=SMALL),
    "pascal": partial(layouts.write_pascal, size=SMALL),
    "potholes": partial(layouts.write_potholes, size=SMALL),
    "shift": partial(layouts.write_shift, size=SMALL),
    "synscapes": partial(layouts.write_synscapes, size=SMALL),
    "vkitti2": partial(layouts.write_vkitti2, size=SMALL, variations=WEATHERS),
}
"""What writes tiny files in the layout of a data set; the rendered one needs none."""
SMALLER = dict(
    EvaluationCrop=dict(rows=(4, 28), columns=(9, 49)),
    PadTargets=dict(size=SMALL),
    RandomCrop=dict(crop_size=SMALL),
    ResizeSample=dict(size=SMALL),
)
"""Protocols of full-size images; tests/datasets holds what they do there."""


def one_step_and_one_prediction(config):
    """Run a config's own data, model and optimizer once each way."""
    for split in ("train", "val"):
        config[f"{split}_dataloader"].update(
            num_workers=0, persistent_workers=False, pin_memory=False, batch_size=2
        )
        for transform in config[f"{split}_dataloader"].dataset.get("pipeline", ()):
            transform.update(SMALLER.get(transform.type, {}))
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
    loader = Runner.build_dataloader(config.val_dataloader, seed=0)
    data, tasks = next(iter(loader)), [*network.decode_head.tasks()]
    with torch.no_grad():
        results = network.eval().val_step(data)
    evaluator = Evaluator(config.test_evaluator)
    evaluator.dataset_meta = loader.dataset.metainfo
    evaluator.process(results, data)
    found = evaluator.evaluate(len(results))
    assert {name.partition("/")[0] for name in found} >= {task for task, _ in tasks}
    for result in results:
        for _, head in tasks:
            prediction = result.get(head.target.prediction)
            assert prediction.shape == result.ori_shape
            assert torch.isfinite(prediction.data.float()).all()
        if "normals" in config.model.decode_head.task_heads:
            lengths = result.pred_normal_map.data.norm(dim=0)
            assert ((lengths - 1).abs() < 1e-5).all()


def full_size(path):
    """Whether a config is one of a data set in files, whose networks are large."""
    return os.path.basename(os.path.dirname(path)) in LAYOUTS


@pytest.mark.parametrize(
    "path",
    [pytest.param(p, marks=[pytest.mark.slow] * full_size(p)) for p in SHIPPED],
    ids=lambda p: os.path.relpath(p, ROOT),
)
def test_one_step_and_one_prediction(
    path, tmp_path, scene_options, partial_options, monkeypatch, capsys
):
    """From JSON, whose lists must do where Python has tuples."""
    monkeypatch.setenv("LADDER_SIZE", "small")
    name = re.split("[/_]", os.path.relpath(path, os.path.join(ROOT, "configs")))[0]
    if name in LAYOUTS:
        LAYOUTS[name](str(tmp_path))
        monkeypatch.setenv(f"{name.upper()}_ROOT", str(tmp_path))
        options = []
    else:
        options = partial_options if "partial" in path else scene_options
    capsys.readouterr()
    print_config(path, options, as_json=True)
    (tmp_path / "printed.json").write_text(capsys.readouterr().out)
    config = final_config(str(tmp_path / "printed.json"))
    assert as_json(config) == as_json(final_config(path, options))
    one_step_and_one_prediction(config)


def as_json(config):
    """The values of a config with lists for tuples and texts for numbers that are keys."""
    return json.loads(json.dumps(config.to_dict()))


LADDER = [path for path in SHIPPED if "ladder" in path]
CHANGES = {
    "b02": {"backbone.pretrained"},
    "b03": {"backbone.replace_stride_with_dilation"},
    "b04": {"decode_head.decoder.aspp_rates"},
    "b05": {"decode_head.decoder.skip_stride", "decode_head.decoder.skip_channels"},
    "b06": {"decode_head.type"},
    "b07": {"decode_head.type", "decode_head.learned_gates"},
    "b08": set(),
    "b09": {"backbone.squeeze_excitation"},
    "b10": {"backbone.out_indices", "decode_head.decoder.type", "decode_head.decoder.skip_stride"},
    "b11": {
        "decode_head.learned_gates",
        "decode_head.task_heads.depth.codec.type",
        "decode_head.task_heads.depth.codec.log_mean",
        "decode_head.task_heads.depth.codec.log_std",
        "decode_head.task_heads.depth.loss.type",
        "decode_head.task_heads.depth.loss.space",
    },
    "b12": {"backbone.replace_stride_with_dilation"},
}


def flat(node, key=""):
    """Every leaf of nested dicts by dotted key."""
    if not isinstance(node, dict):
        return {key: node}
    found = {}
    for name, value in node.items():
        found.update(flat(value, f"{key}.{name}" if key else name))
    return found


def test_every_step_of_the_ladder_changes_only_what_it_names(monkeypatch):
    monkeypatch.delenv("LADDER_SIZE", raising=False)
    steps = [path for path in LADDER if os.path.basename(path).startswith("b")]
    assert len(steps) == 12
    configs = [load_config(path) for path in steps]
    for path, before, after in zip(steps[1:], configs, configs[1:], strict=False):
        old, new = flat(before.model.to_dict()), flat(after.model.to_dict())
        changed = {key for key in old | new if old.get(key) != new.get(key)}
        assert changed == CHANGES[os.path.basename(path)[:3]], path
    rates = {config.optim_wrapper.optimizer.lr for config in configs[:7]}
    assert rates == {1e-4} and configs[7].optim_wrapper.optimizer.lr == 5e-5


@pytest.mark.parametrize(
    "name",
    [
        "convnext_atto",
        "mobilenetv3_small_050",
        "swin_tiny_patch4_window7_224",
        "vit_tiny_patch16_224",
    ],
)
def test_any_backbone_by_one_option(name, scene_options):
    options = [*scene_options, f"model.backbone.model_name={name}"]
    one_step_and_one_prediction(final_config(BRANCHED, options))


POTHOLES = os.environ.get("POTHOLES_ROOT")


@pytest.mark.skipif(not POTHOLES, reason="POTHOLES_ROOT is not set")
def test_potholes_decode_as_relative_depth():
    config = load_config(os.path.join(ROOT, "configs", "potholes", "branched_resnet18.py"))
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
