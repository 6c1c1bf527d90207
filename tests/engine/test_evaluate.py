"""Evaluating a checkpoint: views, pictures, saved predictions and results as files."""

from __future__ import annotations

import json
import os
from glob import glob

import numpy as np
import pytest
import torch

from mtl_plugins.checkpoints import CheckpointError
from mtl_plugins.config import build, load_config, with_pictures, with_views
from mtl_plugins.datasets import DepthFormat, LabelFormat
from mtl_plugins.datasets.files import read_map
from mtl_plugins.engine import evaluate
from mtl_plugins.errors import ConfigError

SMALL = ["model.backbone.model_name=test_resnet", "model.decode_head.decoder.channels=8"]


@pytest.fixture(scope="module")
def config(scene_options):
    plain = [*SMALL, "default_hooks.panels.num_images=0"]
    return load_config("configs/mtl_branched.py", [*scene_options, *plain])


@pytest.fixture
def checkpoint(config, tmp_path):
    """A checkpoint of random weights."""
    path = str(tmp_path / "random.pth")
    torch.save(dict(state_dict=build(config, pretrained=False).state_dict()), path)
    return path


def test_everything_is_written(config, checkpoint, scenes_root, tmp_path):
    results, saved, shown = (str(tmp_path / name) for name in ("r/results.json", "save", "show"))
    metrics = evaluate(
        with_pictures(config, shown, saved), checkpoint, str(tmp_path / "run"), results=results
    )
    with open(results, encoding="utf-8") as file:
        found = json.load(file)
    assert found["checkpoint"] == checkpoint
    assert found["metrics"] == pytest.approx(metrics)
    assert len(found["classes"]) == len(found["confusion"]) == 19
    names = [os.path.basename(path) for path in glob(f"{scenes_root}/label/val/*")]
    assert len(names) == 3 and sorted(os.listdir(shown)) == sorted(names)
    # The confusion of what was saved, read as the data set reads its truth, is that of the run.
    confusion = np.zeros((19, 19), np.int64)
    for name in names:
        truth, saved_labels = (
            LabelFormat(19)(read_map(f"{root}/label/val/{name}")) for root in (scenes_root, saved)
        )
        counted = truth != 255
        np.add.at(confusion, (truth[counted], saved_labels[counted]), 1)
        depth = DepthFormat(scale=0.01)(read_map(f"{saved}/depth/val/{name}"))
        assert depth.shape == truth.shape and depth.min() > 0
    assert confusion.tolist() == found["confusion"]


def test_views_change_the_model_alone(config, checkpoint, tmp_path):
    plain = evaluate(config, checkpoint, str(tmp_path))
    tta = evaluate(with_views(config, (0.5, 1.0), merge="max"), checkpoint, str(tmp_path))
    slide = evaluate(with_views(config, window=(48, 48)), checkpoint, str(tmp_path))
    assert plain["depth/rmse"] != tta["depth/rmse"] != slide["depth/rmse"]
    assert with_views(config, window=(48, 30)).model.test_cfg.stride == (32, 20)
    assert "tta" not in config.model.test_cfg
    with pytest.raises(ConfigError, match="at least 3 x 3"):
        with_views(config, window=(2, 2))


def test_weights_of_another_model_are_refused(config, checkpoint, tmp_path):
    weights = torch.load(checkpoint, weights_only=True)["state_dict"]
    lost = next(iter(weights))
    weights.pop(lost)
    path = str(tmp_path / "other.pth")
    torch.save(dict(state_dict=weights), path)
    expected = rf"other.pth are not those of the config's model. 1 weights are missing: {lost}\. "
    with pytest.raises(CheckpointError, match=expected):
        evaluate(config, path, str(tmp_path))


@pytest.mark.parametrize(
    "depth_format",
    [
        DepthFormat(scale=0.01, invalid=(0, 65535)),
        DepthFormat(scale=1 / 4096, offset=-1 / 4096, inverse=True),
        DepthFormat(scale=1000 / (256**3 - 1), digits=(1, 256, 65536)),
    ],
)
def test_encoded_depth_is_read_back(depth_format):
    metres = np.geomspace(0.5, 600, 1000).astype(np.float32).reshape(20, 50)
    back = depth_format(depth_format.encode(metres))
    # Half a step of the raw values: of depth, or of disparity.
    written, read = (1 / metres, 1 / back) if depth_format.inverse else (metres, back)
    assert (np.abs(read - written) <= 0.51 * depth_format.scale + 1e-6 * written).all()
    beyond = depth_format(depth_format.encode(np.array([[1e-9, 1e9]], np.float32)))
    assert (beyond > 0).all()


def test_encoded_labels_and_colours_are_read_back():
    ids = np.array([[0, 1, 255]], np.uint8)
    for decode in (
        LabelFormat(2),
        LabelFormat(2, {7: 0, 300: 1, 0: 255}),
        LabelFormat(2, {(1, 2, 3): 0, (200, 100, 0): 1, (0, 0, 0): 255}),
    ):
        assert decode(decode.encode(ids)).tolist() == ids.tolist()
