"""Checks of the data at the start of training: numbers of classes and units of depth."""

from __future__ import annotations

import os
from types import SimpleNamespace

import numpy as np
import pytest
from mmengine.logging import MMLogger
from PIL import Image

from mtl_plugins.config import load_config
from mtl_plugins.datasets import MultiTaskDataset
from mtl_plugins.engine import train
from mtl_plugins.engine.hooks import (
    ClassCheckHook,
    DataCheckHook,
    DepthCheckHook,
)
from mtl_plugins.errors import ConfigError, DataError
from tests.batches import NUM_CLASSES, batch, model
from tests.config.test_config import BRANCHED


def runner_of(network, classes=()):
    dataset = SimpleNamespace(metainfo=dict(classes=classes))
    return SimpleNamespace(model=network, train_dataloader=SimpleNamespace(dataset=dataset))


@pytest.mark.parametrize("classes", [NUM_CLASSES, NUM_CLASSES + 2, 0])
def test_a_head_with_another_number_of_classes_is_refused(classes):
    runner = runner_of(model(), [f"class {i}" for i in range(classes)])
    if classes in (NUM_CLASSES, 0):  # without names there is nothing to compare with
        ClassCheckHook().before_train(runner)
        return
    with pytest.raises(ConfigError, match=r"semseg.num_classes=5, but .* 7 classes. Set it to 7"):
        ClassCheckHook().before_train(runner)


SLIDE = dict(mode="slide", crop_size=(64, 64), stride=(32, 32))


@pytest.mark.parametrize(("far", "reported"), [(0.5, True), (80.0, False)])
def test_depths_outside_a_codec_are_reported_once(caplog, far, reported):
    MMLogger.get_current_instance().addHandler(caplog.handler)
    codec = dict(type="ExpCodec", min_depth=0.1, max_depth=far)
    network = model(task_heads=dict(depth=dict(type="DepthHead", codec=codec)))
    runner, hook = runner_of(network), DepthCheckHook()
    for index in range(2):
        hook.before_train_iter(runner, index, batch((8, 16)))  # 1 to 51 m
    text = f"are not within the 0.1 to {far:g} of model.decode_head.task_heads.depth.codec."
    assert caplog.text.count(text) == reported
    assert caplog.text.count("100 % of the depths of the first batch (median ") == reported
    assert caplog.text.count("Is depth_format.scale right?") == reported


def dull(tmp_path, names, **options):
    """Build a network for the tasks, and data of two tasks from which the names learn nothing."""
    nothing = dict(semseg=dict(classes=("a", "b"), label_map={7: 255}), depth=dict(range=(50, 99)))
    sound = dict(semseg=dict(classes=("a", "b"), label_map={7: 0, 9: 1}), depth=dict())
    values = np.array([[7, 7], [7, 7 if "semseg" in names else 9]], np.uint8)
    for folder in ("rgb", "semseg", "depth"):
        os.makedirs(tmp_path / folder)
        for index in range(3):
            array = values + index * (folder == "depth")
            if folder == "rgb":
                array = np.random.default_rng(index).integers(0, 256, (2, 2, 3), np.uint8)
            Image.fromarray(array).save(tmp_path / folder / f"{index}.png")
    targets = {
        name: dict(nothing[name] if name in names else sound[name], folder=name) for name in sound
    }
    dataset = MultiTaskDataset(
        data_root=str(tmp_path), data_prefix=dict(img_path="rgb"), img_suffix=".png",
        targets=targets, pipeline=[],
    )  # fmt: skip
    heads = dict(semseg=dict(type="SegmentationHead", num_classes=2), depth=dict(type="DepthHead"))
    runner = runner_of(model(task_heads=heads))
    runner.train_dataloader.dataset = dataset
    return runner


@pytest.mark.parametrize("names", [(), ("semseg",), ("depth",)])
def test_a_task_without_truth_is_a_warning(tmp_path, caplog, names):
    MMLogger.get_current_instance().addHandler(caplog.handler)
    DataCheckHook().before_train(dull(tmp_path, names))
    found = [text for text in caplog.messages if text.startswith("The training data: ")]
    assert len(found) == len(names)
    assert all(f"{name}: each of 3 files has no" in caplog.text for name in names)


def test_data_without_any_truth_is_an_error(tmp_path):
    runner = dull(tmp_path, ("semseg", "depth"))
    with pytest.raises(DataError, match=r"Nothing can be learned.* semseg: each of 3 files has no"):
        DataCheckHook().before_train(runner)


def test_every_run_looks_at_its_data(scene_options, tmp_path):
    options = [*scene_options, "default_hooks.panels=None", "default_hooks.report=None"]
    config = load_config(
        BRANCHED, [*options, "train_dataloader.dataset.targets=['semseg','depth']"]
    )
    config.train_dataloader.dataset.targets = dict(
        semseg=dict(label_map=dict.fromkeys([*range(19), 255], 255)), depth=dict(range=(1e4, 1e5))
    )
    with pytest.raises(DataError, match="Nothing can be learned"):
        train(config, work_dir=str(tmp_path))
